"""What is read of the runs of a real Dagster instance, and the sensor that its daemon calls when one fails."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.alerting.conditions.runs import how_it_ended
from dagster_project.alerting.facts import StepFailure
from dagster_project.alerting.runs import failed_runs
from dagster_project.defs.automation.alerting import alert_sensors
from dagster_project.runs.instance import IN_TURN, STARTED_BY_TAG
from reverse_etl.locks import file_lock
from reverse_etl.settings import Settings

Processes = multiprocessing.get_context("fork")
RANGE = {"dagster/asset_partition_range_start": "northlight_us|2026-01", "dagster/asset_partition_range_end": "northlight_eu|2026-01"}


class OutOfDiskError(Exception):
    """What a library raises."""


@dg.op(config_schema={"how": str})
def close__period(context: dg.OpExecutionContext) -> None:
    how = context.op_config["how"]
    if how == "refused":
        raise dg.Failure("northlight_us 2026-01 stays open", allow_retries=False)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "broken":
        raise OutOfDiskError("no space left")


@dg.job
def monthly_close() -> None:
    close__period()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def config_of(how: str) -> dict[str, Any]:
    return {"ops": {"close__period": {"config": {"how": how}}}, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_close(instance: dg.DagsterInstance, how: str) -> str:
    return monthly_close.execute_in_process(config_of(how), instance=instance, raise_on_error=False, tags=RANGE).run_id


def now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def test_a_failed_close_is_read_with_its_entities_its_step_and_what_it_said(instance: dg.DagsterInstance, settings: Settings) -> None:
    run_id = run_close(instance, "refused")
    [found] = failed_runs(instance, settings, {}, now())
    assert (found.run_id, found.closes, found.abandoned) == (run_id, True, False)
    assert found.keys == ("northlight_us|2026-01", "northlight_eu|2026-01")
    assert found.failures == (StepFailure("close__period", "northlight_us 2026-01 stays open"),)


def test_what_a_library_raised_is_named_with_its_type(instance: dg.DagsterInstance, settings: Settings) -> None:
    run_close(instance, "broken")
    [found] = failed_runs(instance, settings, {}, now())
    assert "OutOfDiskError: no space left" in found.failures[0].error


def test_a_run_that_succeeded_since_leaves_nothing(instance: dg.DagsterInstance, settings: Settings) -> None:
    run_close(instance, "refused")
    run_close(instance, "done")
    assert failed_runs(instance, settings, {}, now()) == ()


def test_what_the_daemon_asks_for_by_assets_is_called_by_whose_turn_it_takes(instance: dg.DagsterInstance, settings: Settings) -> None:
    def failing() -> None:
        raise dg.Failure("no space left")

    model = dg.asset(name="usage_events")(failing)
    by_assets = dg.Definitions(assets=[model], executor=dg.in_process_executor).resolve_implicit_global_asset_job_def()
    by_assets.execute_in_process(instance=instance, raise_on_error=False, tags={IN_TURN: "refresh_models"})
    [found] = failed_runs(instance, settings, {}, now())
    assert found.job == "refresh_models"


def test_a_run_of_a_killed_command_line_is_left_unfinished_and_one_under_way_is_not(instance: dg.DagsterInstance, settings: Settings) -> None:
    run = instance.create_run_for_job(
        monthly_close, tags={**RANGE, STARTED_BY_TAG: "4194304"}, run_config=config_of("done"), status=dg.DagsterRunStatus.STARTED
    )
    with file_lock(settings.lock_folder / "close.lock", "tieout close 2026-01", 0):
        assert failed_runs(instance, settings, {}, now()) == ()
    [found] = failed_runs(instance, settings, {}, now())
    assert (found.run_id, found.abandoned, found.failures) == (run.run_id, True, ())


def test_a_worker_that_is_killed_is_named_with_the_step_that_it_was_in(tmp_path: Path) -> None:
    """Once as it is found, and once as Dagster's daemon or the next command has ended it."""
    chosen = Settings(home=tmp_path)
    worker = Processes.Process(target=_killed, args=(str(tmp_path),))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        [found] = failed_runs(instance, chosen, {}, now())
        assert (found.abandoned, [failure.step for failure in found.failures]) == (True, ["close__period"])
        assert how_it_ended(found) == "was left unfinished in close__period: its process ended before it did"
        [run] = instance.get_runs()
        instance.report_run_failed(run, "the worker has disappeared")
        [ended] = failed_runs(instance, chosen, {}, now())
        assert how_it_ended(ended) == "failed at close__period: the worker has disappeared"


def _killed(home: str) -> None:
    with dg.DagsterInstance.local_temp(home) as instance:
        monthly_close.execute_in_process(config_of("killed"), instance=instance, tags={**RANGE, STARTED_BY_TAG: str(os.getpid())})


def test_the_sensors_are_off_until_a_channel_is_set_up_and_never_fail_for_an_installation_that_is_broken(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    every_minute, on_failure = alert_sensors(settings)
    assert {sensor.default_status for sensor in (every_minute, on_failure)} == {dg.DefaultSensorStatus.STOPPED}
    failed = monthly_close.execute_in_process(config_of("refused"), instance=instance, raise_on_error=False, tags=RANGE)
    event = failed.get_run_failure_event()
    context = dg.build_run_status_sensor_context("alerts_on_failed_run", event, instance, failed.dagster_run).for_run_failure()
    for told in (on_failure(context), every_minute(dg.build_sensor_context(instance=instance))):
        assert isinstance(told, dg.SkipReason)
        assert str(told.skip_message).endswith("no channel is set up")
