"""Closes that were refused, that wait for a person, or that are late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from dagster_project.alerting.conditions.runs import how_it_ended
from dagster_project.alerting.conditions.words import amounts, asset_link, at, entity_or_none, listing, run_link, sentence
from dagster_project.alerting.degraded import THROTTLED, WAREHOUSE, Degradation
from dagster_project.alerting.facts import BrokenCheckpoint, Facts, FailedRun
from dagster_project.checklist.step import ChecklistStep, Effect, StepState, late
from dagster_project.quantities import counted
from reverse_etl.alerting import Alert, AlertKind, MoneyAtRisk, Severity
from reverse_etl.alerting.alert import money_at_risk
from reverse_etl.register import WaitingDocuments

CLOSING_STEP = "close__period"
"""What refuses a period whose checkpoints do not tie: that it failed follows from something else."""
AFTER_THE_CLOSE = frozenset({"approvals_decided", "signed_off", "hard_closed"})


def blocked_closes(facts: Facts) -> Iterator[Alert]:
    """One alert per entity and period whose close was refused or has a step that is stopped; it names the first cause, not what follows from it."""
    for entity, period in sorted({*_refused(facts), *_stopped(facts)}):
        runs = [run for run in facts.runs if run.closes and f"{entity}|{period}" in run.keys]
        run = max(runs, key=lambda one: one.ended_at, default=None)
        stopped = [step for step in facts.checklist if (step.entity, step.period) == (entity, period) and _is_stopped(step)]
        broken = [one for one in facts.checkpoints if one.period == period and one.entity in ("*", entity)]
        waiting = [one for one in facts.waiting if (one.entity, one.period) == (entity, period)]
        held_up = _held_up(facts, waiting)
        again = f"tieout close {period} --entity {entity}"
        cause, command = _cause(run, stopped, broken, held_up, sum(one.documents for one in waiting))
        codes = sorted({one.checkpoint for one in broken}, key=lambda code: int(code[1:]))
        ties = f". {listing(codes, len(codes)).replace(';', ',')} {'do' if len(codes) > 1 else 'does'} not tie meanwhile" if codes else ""
        yield Alert(
            AlertKind.BLOCKED_CLOSE,
            Severity.ERROR,
            "close",
            sentence(f"the close of {period} for {entity} does not go on: {cause}{ties}. When that is settled: {again}"),
            min([*(one.ended_at for one in runs), *([one.since for one in broken] if not runs else [])], default=facts.now),
            entity=entity,
            period=period,
            at_risk=_at_risk(facts, broken, waiting),
            next_command=command or again,
            link=asset_link(facts.settings, "close/checklist", entity, period) if run is None else run_link(facts.settings, run.run_id),
            correlation_id=None if run is None else run.run_id,
        )


def late_closes(facts: Facts) -> Iterator[Alert]:
    """Steps of the close past due, and breaks of checkpoints that were not cleared within their time."""
    overdue = late(facts.checklist)
    closing = {(step.entity, step.period) for step in overdue if step.step not in AFTER_THE_CLOSE}
    for entity, period in sorted(closing):
        yield _late(facts, entity, period, [step for step in overdue if (step.entity, step.period) == (entity, period)])
    signing = [step for step in overdue if (step.entity, step.period) not in closing]
    for entity in sorted({step.entity for step in signing}):
        # Months wait for a signature together, and one person signs them.
        yield _late(facts, entity, None, [step for step in signing if step.entity == entity])
    for broken in facts.checkpoints:
        if facts.now - broken.since > timedelta(hours=broken.sla_hours):
            yield Alert(
                AlertKind.SLA_BREACH,
                Severity.ERROR,
                f"breaks of {broken.checkpoint}",
                sentence(
                    f"{counted(broken.breaks, 'break')} of {broken.checkpoint} ({broken.title}) are older than {broken.sla_hours} h, "
                    f"which {broken.owner} has to clear them: {listing(broken.examples)}"
                ),
                broken.since,
                entity=entity_or_none(broken.entity),
                period=broken.period,
                at_risk=amounts(broken.amounts, facts.exponents),
                next_command=f"tieout close {broken.period}",
                link=asset_link(facts.settings, "close/period", broken.entity, broken.period),
                count=broken.breaks,
            )


def _late(facts: Facts, entity: str, period: str | None, steps: list[ChecklistStep]) -> Alert:
    said = [f"{step.title}{'' if period else f' {step.period}'} (due {at(step.due_at)}, {step.owner}{_waits_for(step)})" for step in steps]
    of = f"the close of {period}" if period else f"closed months of {entity}"
    return Alert(
        AlertKind.SLA_BREACH,
        Severity.WARNING,
        "steps of the close" if period else "sign-off of closed months",
        sentence(f"{counted(len(steps), 'step')} of {of} {'is' if len(steps) == 1 else 'are'} late: {listing(said)}"),
        min(step.due_at for step in steps),
        entity=entity,
        period=period,
        next_command=f"tieout checklist {steps[0].period} --entity {entity}",
        link=asset_link(facts.settings, "close/checklist", entity, steps[0].period),
        count=len(steps),
    )


def _refused(facts: Facts) -> set[tuple[str, str]]:
    keys = (key.partition("|") for run in facts.runs if run.closes for key in run.keys)
    return {(entity, period) for entity, _, period in keys}


def _stopped(facts: Facts) -> set[tuple[str, str]]:
    return {(step.entity, step.period) for step in facts.checklist if _is_stopped(step)}


def _is_stopped(step: ChecklistStep) -> bool:
    return step.state is StepState.BLOCKED and any(blocker.effect is Effect.STOPS for blocker in step.blockers)


def _held_up(facts: Facts, waiting: Sequence[WaitingDocuments]) -> list[Degradation]:
    """Destinations that are not asked and that documents of the close wait for, and whoever has the warehouse."""
    waited_for = {one.system for one in waiting}
    return [one for one in facts.degraded if one.mode != THROTTLED and (one.subject in waited_for or one.subject == WAREHOUSE)]


def _cause(
    run: FailedRun | None, stopped: Sequence[ChecklistStep], broken: Sequence[BrokenCheckpoint], held_up: Sequence[Degradation], documents: int
) -> tuple[str, str | None]:
    """What has to be dealt with first, in words, and the command for it."""
    failed_before = run is not None and (run.abandoned or any(CLOSING_STEP not in failure.step for failure in run.failures))
    if held_up:
        wait = f" ({counted(documents, 'document')} of this close {'waits' if documents == 1 else 'wait'})" if documents else ""
        return "; ".join(one.reason for one in held_up) + wait, next((one.next_command for one in held_up if one.next_command), None)
    if run is not None and failed_before:
        return f"the run {how_it_ended(run)}", None
    if stopped:
        blockers = [blocker for blocker in stopped[0].blockers if blocker.effect is Effect.STOPS]
        return f"{stopped[0].title}: {listing([str(blocker) for blocker in blockers])}", next((one.command for one in blockers if one.command), None)
    if broken:
        return listing(
            [f"{one.checkpoint} ({one.title}) has {counted(one.breaks, 'break')}: {one.examples[0]}" for one in broken if one.examples]
        ), None
    return ("nobody knows why" if run is None else f"the run {how_it_ended(run)}"), None


def _at_risk(facts: Facts, broken: Sequence[BrokenCheckpoint], waiting: Sequence[WaitingDocuments]) -> tuple[MoneyAtRisk, ...]:
    """What waits to be delivered; else what a checkpoint misses: they miss the same money again and again, so it is the largest by currency."""
    undelivered = money_at_risk(((one.currency, one.total_minor) for one in waiting), facts.exponents)
    largest: dict[str, int] = {}
    for one in broken:
        for currency, minor in one.amounts.items():
            largest[currency] = max(minor, largest.get(currency, 0))
    return undelivered or amounts(largest, facts.exponents)


def _waits_for(step: ChecklistStep) -> str:
    return f", waits for: {step.waits_for.replace('_', ' ')}" if step.waits_for else ""
