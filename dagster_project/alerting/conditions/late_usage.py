"""Usage of a closed month that no close has billed yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

from dagster_project.alerting.facts import Facts
from reverse_etl.alerting import Alert, AlertKind, Severity


def late_usage(facts: Facts) -> Iterator[Alert]:
    for late in facts.late_usage:
        yield Alert(
            AlertKind.LATE_USAGE,
            Severity.WARNING,
            "usage of a closed month",
            str(late),
            datetime.combine(late.first_landed_on, time(), UTC),
            entity=late.entity,
            period=late.period,
            next_command=late.next_commands[0],
            count=late.events,
        )
