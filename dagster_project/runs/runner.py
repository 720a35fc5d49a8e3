"""Runs Dagster's jobs in this process on the installation's own instance, so that every run is there to look at in the UI."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from dagster_project.close.partitions import CloseKey
from dagster_project.definitions import build_definitions
from dagster_project.defs.automation.jobs import DAILY_USAGE, MONTHLY_CLOSE, PROGRESSIVE_BILLING
from dagster_project.runs.instance import OF_TAG, STARTED_BY_TAG, STARTED_ON_TAG, UNFINISHED, open_instance
from dagster_project.runs.step_failures import reason_of
from dagster_project.runs.under_way import process_has_ended, runs_under_way
from reverse_etl.errors import TieoutError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.progress import Course, is_watched
from reverse_etl.settings import Settings

# Failures are told in one line by whoever asked for the run; the event log has the rest.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


POLL_SECONDS = 1.0
WHAT_TO_DO = "wait for it to end, then run again, or run with --wait"

Waiting = Callable[[str], None]
"""Told what is waited for, once for each that is."""


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
    """The jobs of one installation; definitions and parsed models are kept for as many runs as follow.

    A signal that asks the process to end ends the run, and is a ``KeyboardInterrupt`` then.
    """

    def __init__(self, settings: Settings, wait: Waiting | None = None) -> None:
        """``wait``: whom to tell what is waited for; where there is nobody, a run that meets another one is refused."""
        self._wait = wait
        self.definitions = build_definitions(settings)
        self._settings = settings

    def land(self, first: date, last: date) -> JobRun:
        """One run over all days from ``first`` to ``last``."""
        days = {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}
        return self._run(DAILY_USAGE, tags={**days, OF_TAG: str(first) if first == last else f"{first} to {last}"})

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
            # Also between two runs of one command Dagster may have started one.
            _in_turn(instance, self._settings, self._wait)
            instance.add_event_listener(run_id, StepCounter(instance, job_name))
            result = job.execute_in_process(
                run_id=run_id,
                instance=instance,
                run_config=QUIET,
                raise_on_error=False,
                tags={**(tags or {}), STARTED_BY_TAG: str(os.getpid()), STARTED_ON_TAG: socket.gethostname()},
                **options,
            )
        if _was_interrupted(result):
            raise KeyboardInterrupt(f"run {run_id}")
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
    of = f"{keys[0].period} {', '.join(key.entity for key in keys)}"
    return {ASSET_PARTITION_RANGE_START_TAG: keys[0].partition_key, ASSET_PARTITION_RANGE_END_TAG: keys[-1].partition_key, OF_TAG: of}


@contextmanager
def exclusive(settings: Settings, holder: str, wait: Waiting | None = None) -> Iterator[None]:
    """One process at a time runs jobs from the command line, and none while Dagster runs one; what a killed one left unfinished is ended first.

    ``wait``: whom to tell what is waited for; where there is nobody, nothing is waited for.

    Raises:
        RunInProgressError: another process does; the message names it, its run, since when, and what to do.
    """
    with ExitStack() as held:
        _hold(held, settings, holder, wait)
        with open_instance(settings) as instance, _quiet():
            _end_abandoned_runs(instance, settings)
            _in_turn(instance, settings, wait)
            # What was waited for may have been killed meanwhile.
            _end_abandoned_runs(instance, settings)
        yield


def _hold(held: ExitStack, settings: Settings, holder: str, wait: Waiting | None) -> None:
    told = ""
    while True:
        try:
            held.enter_context(file_lock(settings.lock_folder / "close.lock", holder, 0.0 if wait is None else POLL_SECONDS))
            return
        except LockTimeoutError as error:
            if wait is None:
                raise RunInProgressError(f"{error.told} is running on {settings.home}{_run_of(settings)}; {WHAT_TO_DO}") from error
            if error.told != told:
                told = error.told
                wait(f"Waiting for {told}{_run_of(settings)}")


def _run_of(settings: Settings) -> str:
    """Which run a command that is at work is in, if it is in one."""
    with open_instance(settings) as instance, _quiet():
        return next((f": {run}" for run in runs_under_way(instance, settings)), "")


def _in_turn(instance: dg.DagsterInstance, settings: Settings, wait: Waiting | None) -> None:
    """Returns while no run is under way: what a close computes is not changed between two of its steps.

    Raises:
        RunInProgressError: there is one, and nobody waits.
    """
    told = ""
    while run := next(runs_under_way(instance, settings), None):
        if wait is None:
            raise RunInProgressError(f"{run}; {WHAT_TO_DO} (or terminate it in Dagster's UI, if nothing of it runs any more)")
        if run.run_id != told:
            told = run.run_id
            wait(f"Waiting: {run}")
        time.sleep(POLL_SECONDS)


def _end_abandoned_runs(instance: dg.DagsterInstance, settings: Settings) -> None:
    # Whoever holds the lock knows that no other command line runs here; an abandoned run would keep its pool slot, and its turn, for ever.
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        ended = process_has_ended(settings.home, run.run_id)
        if ended is None:
            # It ended before it began; one of another machine is left to that.
            ended = STARTED_BY_TAG in run.tags and run.tags.get(STARTED_ON_TAG, socket.gethostname()) == socket.gethostname()
        if ended:
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


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Dagster takes the signal that a step ends by for an error of the run; to whoever asked for the run it is what it was."""
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.RUN_CANCELED:
            return True
        if event.event_type is dg.DagsterEventType.RUN_FAILURE and event.job_failure_data.failure_reason is RunFailureReason.UNEXPECTED_TERMINATION:
            return True
    return False


def _summary(result: dg.ExecuteInProcessResult) -> JobRun:
    events = result.all_events
    return JobRun(
        run_id=result.run_id,
        succeeded=result.success,
        failures=tuple(f"{event.step_key}: {reason_of(event)}" for event in events if event.is_step_failure),
        materialized=frozenset(event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key),
        evaluated=frozenset(f"{check.asset_key.to_user_string()}:{check.check_name}" for check in result.get_asset_check_evaluations()),
    )
