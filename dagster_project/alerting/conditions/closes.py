"""Closes that were refused, that wait for a person, or that are late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from dagster_project.alerting.conditions.runs import how_it_ended
from dagster_project.alerting.conditions.words import amounts, asset_link, at, counted, entity_or_none, listing, run_link, sentence
from dagster_project.alerting.degraded import THROTTLED, WAREHOUSE_LOCKED, Degradation
from dagster_project.alerting.facts import BrokenCheckpoint, Facts, FailedRun
from dagster_project.checklist.step import ChecklistStep, Effect, StepState, late
from reverse_etl.alerting import Alert, AlertKind, MoneyAtRisk, Severity

AFTER_THE_CLOSE = frozenset({"approvals_decided", "signed_off", "hard_closed"})


def blocked_closes(facts: Facts) -> Iterator[Alert]:
    """One alert per entity and period whose close was refused or has a step that is stopped; it names what holds it up first."""
    for entity, period in sorted({*_refused(facts), *_stopped(facts)}):
        runs = [run for run in facts.runs if run.closes and f"{entity}|{period}" in run.keys]
        run = max(runs, key=lambda one: one.ended_at, default=None)
        stopped = [step for step in facts.checklist if (step.entity, step.period) == (entity, period) and _is_stopped(step)]
        broken = [one for one in facts.checkpoints if one.period == period and one.entity in ("*", entity)]
        held_up = _held_up(facts, entity, period)
        causes = _causes(run, stopped, broken, held_up)
        blockers = [blocker for step in stopped for blocker in step.blockers if blocker.effect is Effect.STOPS]
        again = f"tieout close {period} --entity {entity}"
        command = next((one.next_command for one in held_up if one.next_command), next((one.command for one in blockers if one.command), again))
        since = min([*(one.ended_at for one in runs), *([one.since for one in broken] if not runs else [])], default=facts.now)
        yield Alert(
            AlertKind.BLOCKED_CLOSE,
            Severity.ERROR,
            "close",
            sentence(f"the close of {period} for {entity} does not go on: {'. '.join(causes)}. Then: {again}"),
            since,
            entity=entity,
            period=period,
            at_risk=_at_risk(facts, broken, held_up),
            next_command=command,
            link=asset_link(facts.settings, "close/period") if run is None else run_link(facts.settings, run.run_id),
            correlation_id=None if run is None else run.run_id,
            count=max(1, sum(one.breaks for one in broken)),
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
                link=asset_link(facts.settings, "close/period"),
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
        link=asset_link(facts.settings, "close/checklist"),
        count=len(steps),
    )


def _refused(facts: Facts) -> set[tuple[str, str]]:
    keys = (key.partition("|") for run in facts.runs if run.closes for key in run.keys)
    return {(entity, period) for entity, _, period in keys}


def _stopped(facts: Facts) -> set[tuple[str, str]]:
    return {(step.entity, step.period) for step in facts.checklist if _is_stopped(step)}


def _is_stopped(step: ChecklistStep) -> bool:
    return step.state is StepState.BLOCKED and any(blocker.effect is Effect.STOPS for blocker in step.blockers)


def _held_up(facts: Facts, entity: str, period: str) -> list[Degradation]:
    """Destinations that are not asked and that documents of the close wait for."""
    waited_for = {one.system for one in facts.waiting if (one.entity, one.period) == (entity, period)}
    return [one for one in facts.degraded if one.mode != THROTTLED and (one.subject in waited_for or one.mode == WAREHOUSE_LOCKED)]


def _causes(run: FailedRun | None, stopped: list[ChecklistStep], broken: list[BrokenCheckpoint], held_up: list[Degradation]) -> list[str]:
    """In the order in which they are to be dealt with; what follows from the first ones comes last."""
    causes = [one.reason for one in held_up]
    causes += [f"{step.title}: {listing([str(blocker) for blocker in step.blockers if blocker.effect is Effect.STOPS])}" for step in stopped]
    if run is not None:
        causes.append(f"the run {how_it_ended(run)}")
    if broken and (run is None or not any(one.checkpoint in how_it_ended(run) for one in broken)):
        causes.append("broken: " + listing([f"{one.checkpoint} {one.title} ({counted(one.breaks, 'break')})" for one in broken]))
    return causes


def _at_risk(facts: Facts, broken: list[BrokenCheckpoint], held_up: list[Degradation]) -> tuple[MoneyAtRisk, ...]:
    """The largest amount that a checkpoint misses, by currency: checkpoints miss the same money again and again."""
    largest: dict[str, int] = {}
    for one in broken:
        for currency, minor in one.amounts.items():
            largest[currency] = max(minor, largest.get(currency, 0))
    if not largest:
        return held_up[0].at_risk if held_up else ()
    return amounts(largest, facts.exponents)


def _waits_for(step: ChecklistStep) -> str:
    return f", waits for {step.waits_for}" if step.waits_for else ""
