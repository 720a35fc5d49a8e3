"""The steps that make the documents of a period: usage, reference data, sealing."""

from __future__ import annotations

from collections.abc import Iterator

from dagster_project.checklist.finding import Finding, Found, Moment, close_command, delivered_groups, is_closed, summed, told
from dagster_project.checklist.standing import OpenException, Standing
from dagster_project.checklist.step import Blocker, Effect, Evidence
from dagster_project.quantities import counted

SEAL_REFUSED = "seal_refused"
RECEIVED = "K0"
SHOWN_FILES = 3
JOURNAL = "journal_entry"


def usage_landed(standing: Standing, moment: Moment, _: Found) -> Finding:
    """All that the producers say they sent has landed, up to the last day of the period."""
    landing = standing.landing
    evidence = [Evidence("landed", f"{counted(landing.files, 'file')} of usage, {counted(landing.rows, 'row')}, position {landing.position}")]
    if landing.quarantined:
        evidence.append(Evidence("set aside", f"{counted(landing.quarantined, 'event')} in usage.quarantined_usage_events"))
    if is_closed(standing):
        return Finding(True, tuple(evidence), done_at=standing.changes[-1].at)
    if not moment.has_ended:
        ends = Blocker(f"the period runs until {moment.last_day}", Effect.TO_DO, "tieout land", "raw/usage_events")
        return Finding(False, tuple(evidence), (ends,))
    blockers = [*_not_received(standing), *_not_landed(standing)]
    if landing.last_day is None or landing.last_day < moment.last_day:
        last = f"nothing has landed since {landing.last_day}" if landing.last_day else "nothing has landed"
        blockers.append(Blocker(f"{last}; the period ends on {moment.last_day}", Effect.TO_DO, "tieout land", "raw/usage_events"))
    compared = [measure for measure in standing.measures if measure.checkpoint == RECEIVED]
    if not compared:
        blockers.append(
            Blocker(
                "what landed is not compared with its control totals yet; the close does it", Effect.TO_DO, close_command(standing), "close/period"
            )
        )
    elif not any(measure.break_count for measure in compared):
        evidence.append(Evidence("K0", f"{counted(len(compared), 'measure')} tied"))
    return Finding(not blockers, tuple(evidence), tuple(blockers))


def reference_data(standing: Standing, moment: Moment, _: Found) -> Finding:
    """No delivered row is refused, and no line waits for one. The close goes on without what does: it is carried into the next period."""
    if not moment.has_ended:
        return Finding(False)
    left_out = [
        Blocker(
            f"{counted(refusal.rows, 'row')} of reference data refused by {refusal.rule} ({refusal.meaning}), first {refusal.example}",
            Effect.LEFT_OUT,
            "tieout exceptions",
            "staging/refused_reference_rows",
            refusal.rows,
        )
        for refusal in standing.refusals
    ]
    for hold in standing.holds:
        of = f" of {counted(hold.customers, 'customer')}" if hold.customers else ""
        what = f"{counted(hold.lines, hold.what)}{of} held: {hold.reason} ({hold.meaning})"
        left_out.append(Blocker(what, Effect.LEFT_OUT, "tieout exceptions", hold.relation, hold.lines, hold.amounts))
    if is_closed(standing):
        carried = tuple(Evidence("carried into the next period", str(blocker)) for blocker in left_out)
        return Finding(True, carried or (Evidence("left out", "nothing"),), done_at=standing.changes[-1].at)
    if standing.published_at is None or standing.published_at < moment.since:
        as_of = f"last computed {told(standing.published_at)}" if standing.published_at else "nothing is computed yet"
        return Finding(False, (Evidence("as of", as_of),), (*left_out, Blocker(as_of, Effect.TO_DO, close_command(standing), "close/period")))
    return Finding(not left_out, (Evidence("as of", told(standing.published_at)),), tuple(left_out))


def billing_sealed(standing: Standing, moment: Moment, found: Found) -> Finding:
    """Invoices, credit memos and their customers, numbered and final. What a run gate stops is left out until two people have approved it."""
    blockers = [
        Blocker(
            f"{counted(plan.lines, 'line')} of cause {plan.cause} stopped by the run gate",
            Effect.LEFT_OUT,
            f"tieout approve {plan.plan_hash[:12]}",
            "approvals/run_gates",
            plan.lines,
            (plan.gross,),
        )
        for plan in standing.stopped
    ]
    if standing.first_open < standing.period:
        blockers.insert(0, _earlier(standing))
    return _sealed(standing, moment, billing=True, blockers=blockers, refused=[one for one in _refused(standing) if one.document_type != JOURNAL])


def journals_sealed(standing: Standing, moment: Moment, _: Found) -> Finding:
    """The journal entries that follow from what was issued, paid and decided."""
    return _sealed(standing, moment, billing=False, blockers=[], refused=[one for one in _refused(standing) if one.document_type == JOURNAL])


def _sealed(standing: Standing, moment: Moment, billing: bool, blockers: list[Blocker], refused: list[OpenException]) -> Finding:
    groups = delivered_groups(standing, billing)
    kinds = sorted({group.document_type for group in groups})
    evidence = [Evidence(kind.replace("_", " "), _totals(standing, kind, billing)) for kind in kinds] or [Evidence("sealed", "nothing")]
    sealed = [group for group in groups if group.sealed_at >= moment.since]
    if groups:
        latest = max(groups, key=lambda group: group.sealed_position)
        evidence.append(Evidence("last sealed", f"position {latest.sealed_position}, {told(latest.sealed_at)}, run {latest.run_id}"))
    asset, part = ("seal/billing", "billing") if billing else ("seal/journals", "journals")
    if refused:
        first = f"{refused[0].subject}: {refused[0].reason}"
        refusal = f"{counted(len(refused), 'document')} refused at sealing, the first {first}"
        blockers.append(Blocker(refusal, Effect.STOPS, "tieout exceptions", asset, len(refused), summed(one.total for one in refused if one.total)))
    if is_closed(standing):
        left_out = tuple(Evidence("stopped when it closed", str(blocker)) for blocker in blockers if blocker.effect is Effect.LEFT_OUT)
        return Finding(True, (*evidence, *left_out), done_at=max((group.sealed_at for group in groups), default=standing.changes[-1].at))
    unsealed = dict(standing.unsealed).get(part, 0) if _is_current(standing) else 0
    was_run = bool(sealed) or any(read.completed_at >= moment.since for read in standing.read_backs)
    if unsealed:
        blockers.append(Blocker(f"{counted(unsealed, 'document')} proposed, not sealed", Effect.TO_DO, close_command(standing), asset, unsealed))
    elif not was_run:
        when = "since it was reopened" if moment.was_reopened else "since it ended"
        blockers.append(Blocker(f"nothing was sealed for the period {when}", Effect.TO_DO, close_command(standing), asset))
    is_done = was_run and not unsealed and not any(blocker.effect is Effect.STOPS for blocker in blockers)
    if is_done:
        # The close has gone on without these.
        evidence += [Evidence("left out", f"{blocker}: {blocker.command}") for blocker in blockers]
    return Finding(is_done, tuple(evidence), tuple(blockers), max((group.sealed_at for group in sealed), default=None))


def _is_current(standing: Standing) -> bool:
    """Whether the published copy was made after everything that is sealed for the period, so that what it proposes is not sealed yet."""
    last = max((group.sealed_position for group in standing.documents), default=0)
    return standing.published_position is not None and standing.published_position >= last


def _totals(standing: Standing, kind: str, billing: bool) -> str:
    groups = [group for group in delivered_groups(standing, billing) if group.document_type == kind]
    amounts = ", ".join(str(amount) for amount in summed(group.total for group in groups))
    return f"{sum(group.documents for group in groups):,}" + (f" ({amounts})" if amounts else "")


def _earlier(standing: Standing) -> Blocker:
    return Blocker(
        f"{standing.first_open} is open, and a month proposes its documents only once the one before is closed",
        Effect.STOPS,
        f"tieout checklist {standing.first_open} --entity {standing.entity}",
        "close/checklist",
    )


def _refused(standing: Standing) -> list[OpenException]:
    return [one for one in standing.exceptions if one.kind == SEAL_REFUSED]


def _not_received(standing: Standing) -> Iterator[Blocker]:
    """What K0 says is missing."""
    broken = [measure for measure in standing.measures if measure.checkpoint == RECEIVED and measure.break_count]
    if broken:
        shown = ", ".join(standing.missing_files[:SHOWN_FILES])
        more = len(standing.missing_files) - SHOWN_FILES
        files = f": {shown}" + (f" and {more} more" if more > 0 else "") if shown else ""
        differences = ", ".join(f"{measure.difference} {measure.measure}" for measure in broken)
        what = f"K0: what a producer says that it sent was not received, by {differences}{files}"
        yield Blocker(what, Effect.STOPS, "tieout land", "raw/usage_events", sum(measure.break_count for measure in broken))


def _not_landed(standing: Standing) -> Iterator[Blocker]:
    problems = standing.landing.problems
    if problems:
        more = f" and {len(problems) - SHOWN_FILES} more" if len(problems) > SHOWN_FILES else ""
        what = f"{counted(len(problems), 'file')} could not land: {', '.join(problems[:SHOWN_FILES])}{more}"
        yield Blocker(what, Effect.STOPS, "tieout exceptions", "raw/usage_events", len(problems))
