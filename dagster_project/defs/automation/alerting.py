"""Alerts by Dagster's daemon: every minute, and at once when a run fails. On from the start where a channel is set up."""

from __future__ import annotations

import dagster as dg

from dagster_project.alerting.telling import tell
from dagster_project.close.installation import Installation
from reverse_etl.settings import Settings

ALERTS, ALERTS_ON_FAILED_RUN = "alerts", "alerts_on_failed_run"


def alert_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    status = dg.DefaultSensorStatus.RUNNING if settings.alerts.channels else dg.DefaultSensorStatus.STOPPED
    return [alerts_sensor(settings, status), alerts_on_failed_run_sensor(settings, status)]


def alerts_sensor(settings: Settings, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name=ALERTS,
        minimum_interval_seconds=60,
        default_status=status,
        owners=["team:finance-engineering"],
        description="Tells the channels of tieout.yaml what needs somebody, once each, with reminders and an end (docs/alerts.md).",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return dg.SkipReason(told(settings, context.instance))

    return alerts


def alerts_on_failed_run_sensor(settings: Settings, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name=ALERTS_ON_FAILED_RUN,
        minimum_interval_seconds=15,
        default_status=status,
        description="Tells the channels of a failed run at once, with job, step, error and what holds it up.",
    )
    def alerts_on_failed_run(context: dg.RunFailureSensorContext) -> dg.SkipReason:
        return dg.SkipReason(told(settings, context.instance))

    return alerts_on_failed_run


def told(settings: Settings, instance: dg.DagsterInstance) -> str:
    """One round, in words."""
    found, reports = tell(Installation(settings), instance=instance)
    unseen = f"; could not look at {', '.join(sorted(kind.value for kind in found.blind))}" if found.blind else ""
    channels = "; ".join(map(str, reports)) or "no channel is set up"
    return f"{len(found.alerts)} alerts hold{unseen}: {channels}"
