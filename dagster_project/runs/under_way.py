"""Which runs are under way, whoever started them: each holds a lock from its start to its end, which dies with its process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dagster import DagsterEventType as Kind
from dagster import DagsterRunStatus, RunsFilter

from dagster_project.runs.instance import IN_TURN
from reverse_etl.locks import LockTimeoutError, file_lock, lock_holder

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun, EventLogEntry

    from reverse_etl.settings import Settings

LOG = logging.getLogger(__name__)
IN_PROGRESS = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
_ENDS = frozenset({Kind.RUN_SUCCESS, Kind.RUN_FAILURE, Kind.RUN_CANCELED})
_held: dict[str, ExitStack] = {}


@dataclass(frozen=True, slots=True)
class RunUnderWay:
    """``of``: the partitions it is of, in words; ``link``: to the run in Dagster's UI, where the settings say where that is."""

    run_id: str
    job: str
    of: str
    since: datetime
    link: str | None

    def __str__(self) -> str:
        link = f" ({self.link})" if self.link else ""
        return f"run {self.run_id} of {self.job}{f' for {self.of}' if self.of else ''}{link} is under way since {self.since:%Y-%m-%d %H:%M:%S} UTC"


def hold_while_under_way(home: Path, event: EventLogEntry) -> None:
    """An event of a run was stored in this process. Never raises: no run fails for being known."""
    kind = None if event.dagster_event is None else event.dagster_event.event_type
    path = _lock_path(home, event.run_id)
    try:
        if kind is Kind.RUN_START and event.run_id not in _held:
            with ExitStack() as entered:
                entered.enter_context(file_lock(path, f"run {event.run_id}", 0.0))
                _held[event.run_id] = entered.pop_all()
        elif kind in _ENDS:
            own = _held.pop(event.run_id, None)
            if own is not None:
                own.close()
            if lock_holder(path) is None:
                path.unlink(missing_ok=True)
    except (LockTimeoutError, OSError) as error:
        LOG.warning("whether run %s is under way cannot be seen by others: %s", event.run_id, error)


def process_has_ended(home: Path, run_id: str) -> bool | None:
    """Of a run that was started: whether its process has ended; None where that is not known, for it is of another machine or begins just now."""
    path = _lock_path(home, run_id)
    return lock_holder(path) is None if path.is_file() else None


def runs_under_way(instance: DagsterInstance, settings: Settings) -> Iterator[RunUnderWay]:
    """The runs of which one is under way at a time, the oldest first, without those whose process has ended."""
    from dagster_project.alerting.conditions.words import run_link

    records = instance.get_run_records(RunsFilter(statuses=IN_PROGRESS), ascending=True)
    for record in records:
        run = record.dagster_run
        if IN_TURN in run.tags and not process_has_ended(settings.home, run.run_id):
            began = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp.astimezone(UTC)
            yield RunUnderWay(run.run_id, run.job_name, _of(run), began, run_link(settings.alerts, run.run_id))


def _of(run: DagsterRun) -> str:
    from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG

    first = run.tags.get(ASSET_PARTITION_RANGE_START_TAG) or run.tags.get(PARTITION_NAME_TAG) or ""
    last = run.tags.get(ASSET_PARTITION_RANGE_END_TAG) or first
    return first if first == last else f"{first} to {last}"


def _lock_path(home: Path, run_id: str) -> Path:
    return home / "locks" / "runs" / f"{run_id}.lock"
