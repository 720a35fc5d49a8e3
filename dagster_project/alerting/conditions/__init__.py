"""What must hold for an alert, one module per subject. Pure functions over facts; each gives the alerts that hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dagster_project.alerting.conditions.closes import blocked_closes, late_closes
from dagster_project.alerting.conditions.degradation import (
    channels_failing,
    degraded_modes,
    lineage_undelivered,
    what_cannot_be_seen,
)
from dagster_project.alerting.conditions.drift import drifted
from dagster_project.alerting.conditions.exceptions import document_exceptions, documents_in_doubt, held_lines, listed_rows
from dagster_project.alerting.conditions.integrity import register_integrity
from dagster_project.alerting.conditions.lanes import undecided_requests, undelivered_documents
from dagster_project.alerting.conditions.late_usage import late_usage
from dagster_project.alerting.conditions.runs import failed_runs
from dagster_project.alerting.facts import Facts
from reverse_etl.alerting import Alert
from reverse_etl.alerting.alert import worst_first
from reverse_etl.alerting.policy import Holding

CONDITIONS: tuple[Callable[[Facts], Iterator[Alert]], ...] = (
    register_integrity,
    blocked_closes,
    drifted,
    document_exceptions,
    documents_in_doubt,
    undelivered_documents,
    undecided_requests,
    late_closes,
    degraded_modes,
    held_lines,
    listed_rows,
    late_usage,
    failed_runs,
    channels_failing,
    lineage_undelivered,
    what_cannot_be_seen,
)


def judged(facts: Facts) -> Holding:
    """Every alert that holds, the worst first, and what could not be judged."""
    return Holding(tuple(worst_first(alert for condition in CONDITIONS for alert in condition(facts))), facts.blind)
