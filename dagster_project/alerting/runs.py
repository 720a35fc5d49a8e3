"""The runs of an instance that failed and that nothing has made good since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from dagster_project.alerting.conditions.runs import ASSETS_ALONE
from dagster_project.alerting.facts import FailedRun, StepFailure
from reverse_etl.locks import lock_holder
from reverse_etl.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun, RunRecord

CLOSING_JOBS = frozenset({"monthly_close"})
REFRESHING_JOB = "refresh_models"
RESUME_RETRY_TAG = "dagster/is_resume_retry"
LOOKED_BACK = timedelta(days=45)
MOST_RUNS = 500
LONGEST_RANGE_DAYS = 3700


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """``assets``: those that it was limited to, none = all of its job. ``whole``: it was not limited to some steps. ``keys``: its partitions."""

    run_id: str
    job: str
    keys: tuple[str, ...]
    succeeded: bool
    whole: bool
    ended_at: datetime
    assets: frozenset[str] = frozenset()
    abandoned: bool = False

    def makes_good(self, failed: FinishedRun) -> bool:
        """Whether it did all that the failed one should have done, of the partitions that it is of."""
        covers = not self.assets or bool(failed.assets and failed.assets <= self.assets)
        # A close builds whatever a refresh does.
        same = self.job == failed.job or (self.job in CLOSING_JOBS and failed.job == REFRESHING_JOB)
        return same and self.whole and covers


def still_failed(runs: Sequence[FinishedRun], closed: Mapping[str, datetime]) -> dict[str, tuple[FinishedRun, tuple[str, ...]]]:
    """Run id -> a failed run with what of its partitions no later run of its job has done, by the end of the runs. Pure.

    ``closed``: ``entity|period`` -> when the register closed it, whatever closed it. A job without partitions is made good by its next success.
    """
    found: dict[str, tuple[FinishedRun, tuple[str, ...]]] = {}
    for run in sorted(runs, key=lambda one: one.ended_at):
        if run.succeeded:
            for run_id, (failed, keys) in list(found.items()):
                if not run.makes_good(failed):
                    continue
                rest = tuple(key for key in keys if key not in run.keys)
                if rest and keys:
                    found[run_id] = (failed, rest)
                else:
                    del found[run_id]
            continue
        keys = run.keys
        if run.job in CLOSING_JOBS:
            keys = tuple(key for key in keys if key not in closed or closed[key] < run.ended_at)
            if not keys and run.keys:
                continue
        for run_id, (failed, earlier) in list(found.items()):
            # The same again: what failed last says why.
            if failed.job == run.job and failed.assets == run.assets and set(earlier) <= set(keys):
                del found[run_id]
        found[run.run_id] = (run, keys)
    return found


def failed_runs(instance: DagsterInstance, settings: Settings, closed: Mapping[str, datetime], now: datetime) -> tuple[FailedRun, ...]:
    """What failed of the last weeks, the oldest first, each with the error of every step that did."""
    import dagster as dg

    statuses = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    records = instance.get_run_records(dg.RunsFilter(statuses=statuses, updated_after=now - LOOKED_BACK), limit=MOST_RUNS)
    finished = [*(_finished(record, settings) for record in records), *_abandoned(instance, settings, now)]
    return tuple(
        FailedRun(run.run_id, run.job, keys, _failures(instance, run.run_id), run.ended_at, run.job in CLOSING_JOBS, run.abandoned)
        for run, keys in still_failed(finished, closed).values()
    )


def _failures(instance: DagsterInstance, run_id: str) -> tuple[StepFailure, ...]:
    """What every step said that failed; else what ended the run, and in which step."""
    import dagster as dg

    from dagster_project.runs.step_failures import reason_of

    kinds = dg.DagsterEventType
    of_type = {kinds.STEP_START, kinds.STEP_SUCCESS, kinds.STEP_FAILURE, kinds.STEP_SKIPPED, kinds.RUN_FAILURE}
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=of_type) if entry.dagster_event is not None]
    failures = tuple(StepFailure(str(event.step_key), reason_of(event)) for event in events if event.is_step_failure)
    if failures:
        return failures
    # A worker that was killed says nothing; Dagster says it for the whole run, if at all.
    under_way = dict.fromkeys(str(event.step_key) for event in events if event.event_type is kinds.STEP_START)
    for event in events:
        if event.event_type in (kinds.STEP_SUCCESS, kinds.STEP_SKIPPED):
            under_way.pop(str(event.step_key), None)
    said = [event.message for event in events if event.event_type is kinds.RUN_FAILURE and event.message]
    reason = said[-1] if said else "its process ended before it did"
    return tuple(StepFailure(step, reason) for step in under_way) or ((StepFailure("", reason),) if said else ())


def _finished(record: RunRecord, settings: Settings) -> FinishedRun:
    import dagster as dg

    run = record.dagster_run
    ended = record.end_time or record.update_timestamp.timestamp()
    # A run that takes up a failed one has done, with it, all of the job; one of chosen steps has not. The steps of any other are all there are.
    whole = run.parent_run_id is None or run.step_keys_to_execute is None or run.tags.get(RESUME_RETRY_TAG) == "true"
    return FinishedRun(
        run_id=run.run_id,
        job=_job(run),
        keys=partitions(run.tags, settings.entities),
        succeeded=run.status is dg.DagsterRunStatus.SUCCESS,
        whole=whole,
        ended_at=datetime.fromtimestamp(ended, UTC),
        assets=_assets(run),
    )


def _job(run: DagsterRun) -> str:
    """What the daemon asks for by assets says in its tag whose turn it takes."""
    from dagster_project.runs.instance import IN_TURN

    return run.tags.get(IN_TURN, run.job_name) if run.job_name == ASSETS_ALONE else run.job_name


def _assets(run: DagsterRun) -> frozenset[str]:
    return frozenset(key.to_user_string() for key in run.asset_selection or ())


def _abandoned(instance: DagsterInstance, settings: Settings, now: datetime) -> Iterator[FinishedRun]:
    """Runs that nobody works on any more: whoever works on one holds its lock, and on one of the command line that of the command line too."""
    import dagster as dg

    from dagster_project.runs.instance import STARTED_BY_TAG, UNFINISHED
    from dagster_project.runs.under_way import process_has_ended

    command = lock_holder(settings.lock_folder / "close.lock")
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED, updated_after=now - LOOKED_BACK), limit=MOST_RUNS):
        run = record.dagster_run
        ended = process_has_ended(settings.home, run.run_id)
        if ended or (ended is None and command is None and STARTED_BY_TAG in run.tags):
            seen = record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or UTC)
            yield FinishedRun(run.run_id, _job(run), partitions(run.tags, settings.entities), False, True, seen, _assets(run), True)


def partitions(tags: Mapping[str, str], entities: Sequence[str]) -> tuple[str, ...]:
    """The partitions that a run is of, from its tags; none where it has none."""
    from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG

    first = tags.get(ASSET_PARTITION_RANGE_START_TAG) or tags.get(PARTITION_NAME_TAG)
    last = tags.get(ASSET_PARTITION_RANGE_END_TAG) or first
    if first is None or last is None:
        return ()
    return tuple(_days(first, last)) if "|" not in first else tuple(_closes(first, last, entities))


def _days(first: str, last: str) -> Iterator[str]:
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        yield from sorted({first, last})
        return
    for offset in range(min((end - start).days, LONGEST_RANGE_DAYS) + 1):
        yield (start + timedelta(days=offset)).isoformat()


def _closes(first: str, last: str, entities: Sequence[str]) -> Iterator[str]:
    """As Dagster reads a range of two dimensions: every entity between the two, and every period between the two."""
    (first_entity, _, first_period), (last_entity, _, last_period) = first.partition("|"), last.partition("|")
    if first_entity in entities and last_entity in entities:
        chosen = entities[entities.index(first_entity) : entities.index(last_entity) + 1]
    else:
        chosen = tuple(sorted({first_entity, last_entity}))
    for period in _periods(first_period, last_period):
        for entity in chosen:
            yield f"{entity}|{period}"


def _periods(first: str, last: str) -> Iterator[str]:
    period = first
    while period <= last:
        yield period
        year, month = int(period[:4]), int(period[5:7])
        period = f"{year + month // 12}-{month % 12 + 1:02}"
