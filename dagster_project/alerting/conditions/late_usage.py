"""Usage of a closed month that no close has billed yet."""

from __future__ import annotations

from collections.abc import Iterator

from dagster_project.alerting.conditions.words import counted
from dagster_project.alerting.facts import Facts
from reverse_etl.alerting import Alert, AlertKind, Severity


def late_usage(facts: Facts) -> Iterator[Alert]:
    for late in facts.late_usage:
        yield Alert(
            AlertKind.LATE_USAGE,
            Severity.WARNING,
            "usage of a closed month",
            f"{counted(late.events, 'event')} of {late.period}, which is closed, landed since: the next close of {late.entity} bills the difference; "
            "reopen the month if it must be in it",
            late.first_landed_at,
            entity=late.entity,
            period=late.period,
            next_command="tieout periods",
            count=late.events,
        )
