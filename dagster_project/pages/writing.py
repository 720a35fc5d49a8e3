"""Puts a page where people find it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from dagster_project.close.installation import Installation
from dagster_project.pages.gathering import gather_report
from dagster_project.pages.queue import ExceptionQueue
from dagster_project.pages.queue_gathering import gather_queue
from dagster_project.pages.queue_rendering import render_queue
from dagster_project.pages.rendering import render_close_report
from dagster_project.pages.report import CloseReport
from reverse_etl.whole_files import write_whole

FOLDER = "pages"


def write_close_report(
    installation: Installation, period: str, run_id: str | None = None, path: Path | None = None, now: datetime | None = None
) -> tuple[Path, CloseReport]:
    """Write the report of a period, over an older one; where it is not said, to ``<home>/pages/close-<period>.html``."""
    report = gather_report(installation, period, now or datetime.now(UTC), run_id)
    return _write(path or pages_folder(installation) / f"close-{period}.html", render_close_report(report)), report


def write_exception_queue(
    installation: Installation, path: Path | None = None, now: datetime | None = None, entity: str | None = None
) -> tuple[Path, ExceptionQueue]:
    """Write the exception queue, of one legal entity or of all, over an older one; where it is not said, to ``<home>/pages/exceptions.html``, or
    ``exceptions-<entity>.html``."""
    queue = gather_queue(installation, now or datetime.now(UTC), entity)
    name = f"exceptions-{entity}.html" if entity else "exceptions.html"
    return _write(path or pages_folder(installation) / name, render_queue(queue)), queue


def pages_folder(installation: Installation) -> Path:
    return installation.settings.home / FOLDER


def _write(path: Path, content: str) -> Path:
    write_whole(path, content)
    return path
