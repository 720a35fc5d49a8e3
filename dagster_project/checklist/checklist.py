"""The checklist of a close: from what is known of a legal entity and period to the state of every step. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from dagster_project.checklist import delivering, ending, preparing
from dagster_project.checklist.finding import Finding, Moment
from dagster_project.checklist.standing import FailedRun, Standing
from dagster_project.checklist.step import Blocker, ChecklistStep, Effect, Evidence, StepState
from reverse_etl.close_calendar import CLOSE_STEPS, CloseCalendar, CloseStep

NEEDS: Mapping[CloseStep, tuple[CloseStep, ...]] = {
    "usage_landed": (),
    "reference_data": (),
    "billing_sealed": ("usage_landed",),
    "billing_delivered": ("billing_sealed",),
    "platform_read": ("billing_sealed",),
    "journals_sealed": ("billing_sealed", "platform_read"),
    "journals_delivered": ("journals_sealed",),
    "read_back": ("billing_delivered", "journals_delivered"),
    "checkpoints_tie": ("read_back",),
    "soft_closed": ("checkpoints_tie",),
    "approvals_decided": ("soft_closed",),
    "signed_off": ("approvals_decided",),
    "hard_closed": ("signed_off",),
}
"""The steps that each one goes on from. A billing platform that is down keeps no journal from its ledger."""
SHOWN_REASONS = 3


def checklist(standing: Standing, calendar: CloseCalendar, now: datetime) -> tuple[ChecklistStep, ...]:
    """Every step of the close of the period, in order, as it stands at ``now`` (aware)."""
    moment = moment_of(standing, calendar, now)
    found: dict[CloseStep, Finding] = {}
    for step in CLOSE_STEPS:
        found[step] = _EXAMINED[step](standing, moment, found)
    steps: dict[CloseStep, ChecklistStep] = {}
    for step in CLOSE_STEPS:
        due_at = calendar.due_at(standing.entity, standing.period, step)
        steps[step] = _stepped(standing, moment, step, found[step], steps, due_at, now)
    return _with_failed_run(tuple(steps.values()), standing.failed_run, standing)


def moment_of(standing: Standing, calendar: CloseCalendar, now: datetime) -> Moment:
    """When the period ended, and since when what is done counts: its end, or the last time that it was reopened."""
    zone = calendar.zone(standing.entity)
    last_day = (date.fromisoformat(f"{standing.period}-01") + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    ended_at = datetime.combine(last_day + timedelta(days=1), datetime.min.time(), zone).astimezone(UTC)
    reopened = [change.at for change in standing.changes if change.status == "open"]
    # A clock that runs behind the one of the register, or a zone behind that of whoever closed, must not undo what a close has done.
    since = max([change.at for change in standing.changes if change.status == "open"], default=None)
    return Moment(last_day, now >= ended_at, ended_at if since is None else max(ended_at, since), bool(reopened))


def _stepped(
    standing: Standing, moment: Moment, step: CloseStep, found: Finding, before: Mapping[CloseStep, ChecklistStep], due_at: datetime, now: datetime
) -> ChecklistStep:
    needs = NEEDS[step] if moment.has_ended or step == "usage_landed" else ("usage_landed",)
    waits_for = next((earlier for need in needs for earlier in _unfinished(need, before)), None)
    blockers = found.blockers
    if found.is_done:
        state, blockers, waits_for = StepState.DONE, (), None
    elif waits_for is not None:
        # What the next step does anyway is told there.
        state, blockers = StepState.WAITING, tuple(blocker for blocker in blockers if blocker.effect is not Effect.TO_DO)
    elif any(blocker.effect is not Effect.TO_DO for blocker in blockers):
        state = StepState.BLOCKED
    else:
        state = StepState.OPEN
    return ChecklistStep(
        entity=standing.entity,
        period=standing.period,
        step=step,
        state=state,
        due_at=due_at,
        is_late=state is not StepState.DONE and now > due_at,
        evidence=found.evidence,
        blockers=blockers,
        done_at=found.done_at if state is StepState.DONE else None,
        waits_for=waits_for,
    )


def _unfinished(step: CloseStep, before: Mapping[CloseStep, ChecklistStep]) -> Iterator[CloseStep]:
    """The step where it is not done, else what it went on from and is not done any more (a closed period that was changed underneath)."""
    if not before[step].is_done:
        yield step
    else:
        for need in NEEDS[step]:
            yield from _unfinished(need, before)


def _with_failed_run(steps: tuple[ChecklistStep, ...], failed: FailedRun | None, standing: Standing) -> tuple[ChecklistStep, ...]:
    """What ended the last run stops the first step that is not done, unless that says already why. A run that failed after the period was closed
    could not close it in the ERP."""
    if failed is None or standing.status == "hard_closed" or (standing.changes and failed.at < standing.changes[-1].at):
        return steps
    first = next((step for step in steps if step.state in (StepState.OPEN, StepState.BLOCKED)), None)
    if first is None or any(blocker.effect is Effect.STOPS for blocker in first.blockers):
        return steps
    more = f"; and {len(failed.reasons) - SHOWN_REASONS} more" if len(failed.reasons) > SHOWN_REASONS else ""
    blocker = Blocker(
        what=f"the last run failed: {'; '.join(failed.reasons[:SHOWN_REASONS])}{more}",
        effect=Effect.STOPS,
        command=f"tieout close {standing.period} --entity {standing.entity}",
        asset_key="close/period",
        count=len(failed.reasons),
    )
    told = replace(
        first,
        state=StepState.BLOCKED,
        blockers=(blocker, *(one for one in first.blockers if one.effect is not Effect.TO_DO)),
        evidence=(*first.evidence, Evidence("failed run", failed.run_id)),
    )
    return tuple(told if step is first else step for step in steps)


_EXAMINED = {
    "usage_landed": preparing.usage_landed,
    "reference_data": preparing.reference_data,
    "billing_sealed": preparing.billing_sealed,
    "billing_delivered": delivering.billing_delivered,
    "platform_read": delivering.platform_read,
    "journals_sealed": preparing.journals_sealed,
    "journals_delivered": delivering.journals_delivered,
    "read_back": delivering.read_back,
    "checkpoints_tie": ending.checkpoints_tie,
    "soft_closed": ending.soft_closed,
    "approvals_decided": ending.approvals_decided,
    "signed_off": ending.signed_off,
    "hard_closed": ending.hard_closed,
}
