"""When jobs start by the clock. What a tick asks for is decided by functions that know nothing of Dagster."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from dagster_project.close.partitions import CloseKey, first_landing_day
from dagster_project.defs.automation.jobs import DAILY_ANCHOR, DAILY_USAGE, MONTHLY_CLOSE, PROGRESSIVE_BILLING
from reverse_etl.settings import Settings


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    closes = [schedule for entity in settings.entities if (schedule := close_schedule(settings, entity)) is not None]
    return [landing_schedule(settings), *closes, progressive_billing_schedule(settings), daily_anchor_schedule()]


def close_due(settings: Settings, entity: str, now: datetime) -> CloseKey | str:
    """The close that the calendar of a legal entity starts on the day of ``now`` (aware), or why it starts none."""
    calendar = settings.calendar
    period = calendar.started(entity, now)
    starts = None if period is None else calendar.starts_at(entity, period)
    if period is None or starts is None:
        return f"people start the closes of {entity} (calendar.starts_by_itself)"
    if period < settings.first_period:
        return f"{period} is before the first period {settings.first_period} of this installation"
    if starts.date() != now.astimezone(starts.tzinfo).date():
        return f"the close of {period} of {entity} started on {starts:%Y-%m-%d %H:%M %Z}"
    return CloseKey(entity, period)


def close_schedule(settings: Settings, entity: str) -> dg.ScheduleDefinition | None:
    """Ticks every day at the time at which the calendar starts a close, in the time zone of the legal entity; None where people start it."""
    starts = settings.calendar.starts_at(entity, settings.first_period)
    if starts is None:
        return None

    @dg.schedule(
        name=close_schedule_name(entity),
        cron_schedule=f"{starts.minute} {starts.hour} * * *",
        execution_timezone=settings.calendar.zone(entity).key,
        job_name=MONTHLY_CLOSE,
        owners=["team:finance"],
        description=f"Closes last month of {entity} on the working day that its calendar names (tieout.yaml: calendar); ties or stays open.",
    )
    def monthly_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        due = close_due(settings, entity, context.scheduled_execution_time)
        return dg.SkipReason(due) if isinstance(due, str) else dg.RunRequest(run_key=due.partition_key, partition_key=due.partition_key)

    return monthly_close


def close_schedule_name(entity: str) -> str:
    """Dagster's names have letters, digits and underscores only."""
    return f"monthly_close_{re.sub(r'[^A-Za-z0-9_]', '_', entity)}"


def landing_schedule(settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        cron_schedule="0 1 * * *",
        job_name=DAILY_USAGE,
        owners=["team:finance-engineering"],
        description="Each night, land what was delivered for the day before, as far as it has not landed yet.",
    )
    def daily_usage_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = _day_before(context)
        if day < first_landing_day(settings.first_period):
            return dg.SkipReason(f"{day} is before the first day of this installation")
        return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())

    return daily_usage_schedule


def progressive_billing_schedule(settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        cron_schedule="0 3 * * *",
        job_name=PROGRESSIVE_BILLING,
        owners=["team:finance"],
        description="Each night, invoice what reached a threshold in the running month.",
    )
    def progressive_billing(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        day = _day_before(context)
        if f"{day:%Y-%m}" < settings.first_period:
            return dg.SkipReason(f"{day:%Y-%m} is before the first period {settings.first_period} of this installation")
        keys = [CloseKey(entity, f"{day:%Y-%m}").partition_key for entity in settings.entities]
        return [dg.RunRequest(run_key=f"{key} {day}", partition_key=key) for key in keys]

    return progressive_billing


def daily_anchor_schedule() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="daily_anchor_schedule",
        cron_schedule="30 23 * * *",
        job_name=DAILY_ANCHOR,
        owners=["team:finance-engineering"],
        description="Each night, audit the register and record where it stands.",
    )


def _day_before(context: dg.ScheduleEvaluationContext) -> date:
    return context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
