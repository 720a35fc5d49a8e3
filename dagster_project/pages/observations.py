"""The pages of a close in Dagster: where they are, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.partitions import CloseKey
from dagster_project.pages.queue_rendering import queue_summary
from dagster_project.pages.rendering import summary_of
from dagster_project.pages.writing import write_close_report, write_exception_queue

Pages = dict[str, dg.MetadataValue[Any]]


def observed_pages(
    context: dg.AssetExecutionContext, installation: Installation, keys: Sequence[CloseKey], asset_key: dg.AssetKey
) -> Iterator[dg.AssetObservation]:
    """Write the report of the period and the exception queue, and tell of both per legal entity, whatever came of the close.

    What cannot be written is told too: no close fails, and no failure is hidden, because of its picture.
    """
    metadata = _told(context, "close_report", lambda: _report(installation, keys[0].period, context.run.run_id))
    metadata |= _told(context, "exception_queue", lambda: _queue(installation))
    for key in keys:
        yield dg.AssetObservation(asset_key, description="The pages of the close", metadata=metadata, partition=key.partition_key)


def _report(installation: Installation, period: str, run_id: str) -> Pages:
    path, report = write_close_report(installation, period, run_id)
    return {
        "close_report": dg.MetadataValue.path(path),
        "close_report_page": dg.MetadataValue.url(path.resolve().as_uri()),
        "close_report_outcome": dg.MetadataValue.text(report.outcome.value),
        "close_report_summary": dg.MetadataValue.md(summary_of(report)),
    }


def _queue(installation: Installation) -> Pages:
    path, queue = write_exception_queue(installation)
    return {
        "exception_queue": dg.MetadataValue.path(path),
        "exception_queue_page": dg.MetadataValue.url(path.resolve().as_uri()),
        "exception_queue_length": dg.MetadataValue.int(queue.count),
        "exception_queue_summary": dg.MetadataValue.md(queue_summary(queue)),
    }


def _told(context: dg.AssetExecutionContext, name: str, write: Callable[[], Pages]) -> Pages:
    try:
        return write()
    except Exception as error:
        context.log.exception(f"{name} was not written")
        return {f"{name}_problem": dg.MetadataValue.text(f"not written: {type(error).__name__}: {error}")}
