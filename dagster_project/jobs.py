"""Runs Dagster's jobs in this process on the installation's own instance, so that every run is there to look at in the UI."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from dagster_project.close.partitions import CloseKey
from dagster_project.definitions import build_definitions
from dagster_project.defs.jobs import DAILY_USAGE, MONTHLY_CLOSE, PROGRESSIVE_BILLING
from dagster_project.instance import STARTED_BY_TAG, UNFINISHED, open_instance
from dagster_project.step_failures import reason_of
from reverse_etl.errors import TieoutError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.progress import Course, is_watched
from reverse_etl.settings import Settings

# Failures are told in one line by whoever asked for the run; the event log has the rest.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunInProgressError(TieoutError):
    """Another process runs a job of this installation."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """``failures``: one line per failed step. ``materialized`` and ``evaluated`` name what the run recorded."""

    run_id: str
    succeeded: bool
    failures: tuple[str, ...]
    materialized: frozenset[str]
    evaluated: frozenset[str]


class JobRunner:
    """The jobs of one installation; definitions and parsed models are kept for as many runs as follow."""

    def __init__(self, settings: Settings) -> None:
        self.definitions = build_definitions(settings)
        self._settings = settings

    def land(self, first: date, last: date) -> JobRun:
        """One run over all days from ``first`` to ``last``."""
        return self._run(DAILY_USAGE, tags={ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()})

    def close(self, keys: Sequence[CloseKey], only: Sequence[dg.AssetKey] | None = None) -> JobRun:
        """One run that closes one period for the given entities; ``only`` limits it to those assets."""
        return self._run(MONTHLY_CLOSE, tags=_range(keys), asset_selection=only)

    def bill(self, keys: Sequence[CloseKey]) -> JobRun:
        """One run that invoices what reached a threshold in one period, for the given entities."""
        return self._run(PROGRESSIVE_BILLING, tags=_range(keys))

    def _run(self, job_name: str, tags: dict[str, str] | None = None, **options: Any) -> JobRun:
        job = self.definitions.resolve_job_def(job_name)
        run_id = str(uuid4())
        with open_instance(self._settings) as instance, _quiet():
            instance.add_event_listener(run_id, StepCounter(instance, job_name))
            result = job.execute_in_process(
                run_id=run_id,
                instance=instance,
                run_config=QUIET,
                raise_on_error=False,
                tags={**(tags or {}), STARTED_BY_TAG: str(os.getpid())},
                **options,
            )
        return _summary(result)


class StepCounter:
    """Listens to the events of one run, and tells how many of its steps are over."""

    def __init__(self, instance: dg.DagsterInstance, job_name: str) -> None:
        self._instance = instance
        self._title = job_name.replace("_", " ")
        self._course: Course | None = None

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None or not is_watched():
            return
        if self._course is None:
            run = self._instance.get_run_by_id(entry.run_id)
            if run is None or run.execution_plan_snapshot_id is None:
                return
            plan = self._instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
            self._course = Course(self._title, len(plan.step_keys_to_execute))
        if event.is_step_start:
            self._course.advance(0, doing=str(event.step_key))
        elif event.is_step_success or event.is_step_failure or event.is_step_skipped:
            self._course.advance(doing=str(event.step_key))


def _range(keys: Sequence[CloseKey]) -> dict[str, str]:
    return {ASSET_PARTITION_RANGE_START_TAG: keys[0].partition_key, ASSET_PARTITION_RANGE_END_TAG: keys[-1].partition_key}


@contextmanager
def exclusive(settings: Settings, holder: str) -> Iterator[None]:
    """One process at a time runs jobs from the command line; what a killed one left unfinished is ended first.

    Raises:
        RunInProgressError: another process does; the message names it.
    """
    try:
        with file_lock(settings.lock_folder / "close.lock", holder, wait_seconds=0.0):
            _end_abandoned_runs(settings)
            yield
    except LockTimeoutError as error:
        raise RunInProgressError(f"{error.holder} is running on {settings.home}; wait for it to end, then run again") from error


def _end_abandoned_runs(settings: Settings) -> None:
    # Whoever holds the lock knows that no other command line runs; an abandoned run would keep its pool slot for ever.
    with open_instance(settings) as instance, _quiet():
        for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
            if STARTED_BY_TAG in run.tags:
                instance.report_run_failed(run, "its process ended before the run did")
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger("dagster")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _summary(result: dg.ExecuteInProcessResult) -> JobRun:
    events = result.all_events
    return JobRun(
        run_id=result.run_id,
        succeeded=result.success,
        failures=tuple(f"{event.step_key}: {reason_of(event)}" for event in events if event.is_step_failure),
        materialized=frozenset(event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key),
        evaluated=frozenset(f"{check.asset_key.to_user_string()}:{check.check_name}" for check in result.get_asset_check_evaluations()),
    )
