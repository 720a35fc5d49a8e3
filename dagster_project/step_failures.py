"""Why a step failed, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterEvent


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
