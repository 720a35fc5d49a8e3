"""Why a step failed, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import DagsterEvent


FAILED_PARTITIONS = "failed_partitions"
"""Metadata of a step that failed: partition key -> ``error``, the name of its type, and ``message``."""


def failed_partitions(event: DagsterEvent) -> Mapping[str, Any] | None:
    """Which legal entities and periods the step failed for; None of one that does not say it."""
    told = event.step_failure_data.user_failure_data
    value = told.metadata.get(FAILED_PARTITIONS) if told else None
    return value.value if value is not None and isinstance(value.value, Mapping) else None


def failed_partitions_of(error: BaseException | None) -> Mapping[str, Any] | None:
    """The same of what was raised in the step."""
    while error is not None:
        value = getattr(error, "metadata", {}).get(FAILED_PARTITIONS)
        if value is not None:
            return value.value if isinstance(value.value, Mapping) else None
        error = error.__cause__
    return None


def description_of(error: BaseException | None) -> str:
    """The same of what was raised in the step."""
    described = getattr(error, "description", None)
    while described is None and error is not None and error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(described or error or "failed").split())


def reason_of(event: DagsterEvent) -> str:
    """What the step itself said, else the error at the bottom of what was raised."""
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    error = failure.error
    while error and error.cause:
        error = error.cause
    return " ".join(error.message.split()) if error else "failed"
