"""The steps that end a period: checkpoints, the soft close, approvals, the sign-off, the hard close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from dagster_project.checklist.finding import Finding, Found, Moment, close_command, is_closed, summed, told, totalled
from dagster_project.checklist.preparing import RECEIVED
from dagster_project.checklist.standing import Measure, Request, Standing
from dagster_project.checklist.step import Blocker, Effect, Evidence, Money
from dagster_project.quantities import counted

HARD_CLOSED = "hard_closed"
# The entries of others, and what moves with them, are in the list of exceptions, with what to do.
COMPARED_BY_RECONCILE = ("K4", "K7")


def checkpoints_tie(standing: Standing, moment: Moment, found: Found) -> Finding:
    """Every measure of every checkpoint is tied; a break has its list."""
    measures = [measure for measure in standing.measures if measure.checkpoint != RECEIVED]
    blockers = list(_broken(standing))
    evidence: list[Evidence] = []
    if measures:
        tied = sum(not measure.break_count for measure in measures)
        evidence.append(
            Evidence("measures", f"{tied} of {len(measures)} tied, as of {told(standing.published_at) if standing.published_at else '?'}")
        )
    if is_closed(standing):
        return Finding(not blockers, tuple(evidence), tuple(blockers), standing.changes[-1].at)
    read = max((one.completed_at for one in standing.read_backs), default=None)
    is_compared = bool(measures) and standing.published_at is not None and read is not None and standing.published_at >= max(moment.since, read)
    if not is_compared:
        # What was computed before the destinations were read says nothing about the close.
        blockers = [blocker for blocker in blockers if read is not None]
        blockers.append(Blocker("not compared since the destinations were read", Effect.TO_DO, close_command(standing), "reconciliation/checkpoints"))
    return Finding(not blockers, tuple(evidence), tuple(blockers), standing.published_at)


def soft_closed(standing: Standing, moment: Moment, found: Found) -> Finding:
    """The register has the period as closed, sealed, and it still is what was sealed."""
    evidence = [*_history(standing), *_sealed(standing)]
    evidence += [Evidence("late usage", text) for text in _late(standing)]
    blockers = []
    if standing.broken_seals:
        what = f"{counted(len(standing.broken_seals), 'difference')} from what was closed (J12): {standing.broken_seals[0]}"
        blockers.append(Blocker(what, Effect.STOPS, "tieout periods verify", "close/period", len(standing.broken_seals)))
    if is_closed(standing):
        return Finding(not blockers, tuple(evidence), tuple(blockers), _closed_at(standing))
    if standing.first_open < standing.period:
        earlier = f"{standing.first_open} is open; periods are closed in order"
        command = f"tieout checklist {standing.first_open} --entity {standing.entity}"
        blockers.append(Blocker(earlier, Effect.STOPS, command, "close/checklist"))
    blockers.append(Blocker("close the period", Effect.TO_DO, close_command(standing), "close/period"))
    return Finding(False, tuple(evidence), tuple(blockers))


def approvals_decided(standing: Standing, moment: Moment, found: Found) -> Finding:
    """Nobody waits for a decision that concerns the period."""
    blockers = [
        Blocker(
            f"{request.kind.replace('_', ' ')} of {request.subject} is not decided; asked for by {request.requested_by}: {request.reason}",
            Effect.STOPS,
            f"tieout approve {request.request_id}",
            "close/checklist",
            1,
            (request.amount,) if request.amount else (),
        )
        for request in standing.undecided
    ]
    return Finding(is_closed(standing) and not blockers, (Evidence("undecided", str(len(blockers))),), tuple(blockers), _closed_at(standing))


def signed_off(standing: Standing, moment: Moment, found: Found) -> Finding:
    """Two people stand for what the period holds now."""
    signed = standing.sign_off
    if signed is not None:
        return Finding(True, (Evidence("signed off", _decided(signed)), *_sealed(standing)), done_at=signed.decided_at)
    evidence = []
    if standing.status == HARD_CLOSED:
        return Finding(True, (Evidence("signed off", "hard closed before sign-offs were asked for"),), done_at=standing.changes[-1].at)
    if standing.void_sign_off is not None:
        evidence.append(Evidence("void", f"{_decided(standing.void_sign_off)}; sealed anew or reopened since"))
    asked = standing.asked_sign_off
    if asked is not None:
        what = f"{asked.requested_by} asked for the sign-off: {asked.reason}; another user approves it"
        blocker = Blocker(what, Effect.TO_DO, f"tieout approve {asked.request_id}", "close/checklist", 1)
    else:
        command = f"tieout periods sign-off {standing.period} --entity {standing.entity}"
        blocker = Blocker("ask for the sign-off of what is sealed", Effect.TO_DO, command, "close/checklist")
    return Finding(False, tuple(evidence), (blocker,))


def hard_closed(standing: Standing, moment: Moment, found: Found) -> Finding:
    """The period is closed for ever."""
    if standing.status == HARD_CLOSED:
        last = standing.changes[-1]
        return Finding(True, (Evidence("hard closed", f"by {last.actor}, {told(last.at)}"),), done_at=last.at)
    command = f"tieout periods hard-close {standing.period} --entity {standing.entity}"
    return Finding(False, (), (Blocker("close it for ever", Effect.TO_DO, command, "close/checklist"),))


def _broken(standing: Standing) -> Iterator[Blocker]:
    for checkpoint in dict.fromkeys(measure.checkpoint for measure in standing.measures):
        broken = [measure for measure in standing.measures if measure.checkpoint == checkpoint and measure.break_count]
        if broken and checkpoint != RECEIVED:
            differences = ", ".join(f"{measure.measure} by {measure.difference}" for measure in broken)
            count = sum(measure.break_count for measure in broken)
            command = f"tieout reconcile {standing.period}" if checkpoint in COMPARED_BY_RECONCILE else "tieout exceptions"
            what = f"{checkpoint} breaks ({broken[0].title}): {counted(count, 'row')}, {differences}"
            yield Blocker(what, Effect.STOPS, command, "reconciliation/checkpoint_breaks", count, _largest(broken))


def _largest(broken: Sequence[Measure]) -> tuple[Money, ...]:
    """By currency. Measures of one checkpoint show the same money from several sides (debit and credit of an entry): they do not add up."""
    found: dict[str, Money] = {}
    for measure in broken:
        money = measure.money
        if money is not None and (money.currency not in found or abs(money.minor) > abs(found[money.currency].minor)):
            found[money.currency] = money
    return summed(found.values())


def _history(standing: Standing) -> Iterator[Evidence]:
    """Who closed the period and when; who reopened it, why, and who approved that."""
    names = {"soft_closed": "soft closed", "open": "reopened", HARD_CLOSED: "hard closed"}
    reopenings = [change for change in standing.changes if change.status == "open"]
    for change in standing.changes:
        if change.status == HARD_CLOSED:
            continue
        told_of = f"by {change.actor}, {told(change.at)}"
        if reopenings and change is reopenings[-1] and standing.reopening is not None:
            asked = standing.reopening
            told_of = f"asked for by {asked.requested_by} ({asked.reason}), approved by {asked.decided_by}, {told(change.at)}"
        yield Evidence(names[change.status], told_of)


def _late(standing: Standing) -> Iterator[str]:
    goes = "billed in the first open period, unless this one is reopened" if is_closed(standing) else "billed by the next close of it"
    for late, where in ((standing.billed_late_usage, "billed when it was closed again"), (standing.late_usage, goes)):
        if late is not None:
            what = (
                f"{counted(late.events, 'event')} of {counted(late.customers, 'customer')} landed after the cutoff, the last on {late.last_landed_on}"
            )
            yield f"{what}; {where}"


def _sealed(standing: Standing) -> Iterator[Evidence]:
    if standing.seal is not None and is_closed(standing):
        by_type = standing.seal.by_type
        kinds = ", ".join(
            totalled(kind, sum(count for other, count, _ in by_type if other == kind), (total for other, _, total in by_type if other == kind))
            for kind in dict.fromkeys(kind for kind, _, _ in by_type)
        )
        documents = counted(standing.seal.documents, "document") + (f" ({kinds})" if kinds else "")
        yield Evidence("seal", f"{documents}, hash {standing.seal.content_hash[:12]}")
        cutoff = next((change.landing_position for change in reversed(standing.changes) if change.landing_position is not None), None)
        if cutoff is not None:
            yield Evidence("cutoff", f"landing position {cutoff}")


def _closed_at(standing: Standing) -> datetime | None:
    return next((change.at for change in reversed(standing.changes) if change.status == "soft_closed"), None)


def _decided(request: Request) -> str:
    waived = " (four eyes waived)" if request.four_eyes == "waived" else ""
    when = f", {told(request.decided_at)}" if request.decided_at else ""
    return f"asked for by {request.requested_by} ({request.reason}), approved by {request.decided_by}{waived}{when}"
