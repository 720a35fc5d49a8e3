"""New files are landed once each, by the day; what is still being written waits, and a landing that failed is asked for again."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.cli.installing.installation import initialize
from dagster_project.defs.automation.sensors import new_files_sensor
from dagster_project.watch.arrivals import ATTEMPTS, Decision, Landing, Memory, SeenFile, decide, fingerprints, seen_files
from reverse_etl.settings import Settings, load_settings

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 1, 1), NOW.date()


def seen(day: str, name: str = "events.jsonl", size: int = 10, seconds_ago: float = 3600) -> SeenFile:
    return SeenFile(date.fromisoformat(day), f"usage/{day}/{name}", size, int((NOW.timestamp() - seconds_ago) * 1e9))


def decided(files: list[SeenFile], memory: Memory | None = None, became: Landing = Landing.SUCCEEDED) -> Decision:
    return decide(fingerprints(files, NOW, FIRST, LAST), memory or Memory(), lambda _: became)


def test_one_run_lands_every_day_of_which_there_is_something_new() -> None:
    decision = decided([seen("2026-03-01"), seen("2026-03-03"), seen("2026-03-03", "more.jsonl")])
    assert decision.ask is not None
    assert (decision.first, decision.last, set(decision.ask.days)) == ("2026-03-01", "2026-03-03", {"2026-03-01", "2026-03-03"})


def test_what_has_landed_is_not_landed_again_and_what_is_added_to_its_day_is() -> None:
    first = decided([seen("2026-03-01")])
    after = decided([seen("2026-03-01")], Memory.from_text(first.memory.to_text()))
    assert (after.ask, after.told) == (None, "no new files")
    more = decided([seen("2026-03-01"), seen("2026-03-01", "late.jsonl"), seen("2026-03-02")], after.memory)
    assert more.ask is not None
    assert set(more.ask.days) == {"2026-03-01", "2026-03-02"}
    assert more.ask.run_key != (first.ask and first.ask.run_key)


def test_one_landing_is_under_way_at_a_time() -> None:
    asked = decided([seen("2026-03-01")])
    waiting = decided([seen("2026-03-01"), seen("2026-03-02")], asked.memory, Landing.UNDER_WAY)
    assert (waiting.ask, waiting.memory) == (None, asked.memory)


def test_a_day_waits_as_long_as_one_of_its_files_is_being_written() -> None:
    files = [seen("2026-03-01"), seen("2026-03-01", "growing.jsonl", seconds_ago=5), seen("2026-03-02")]
    assert set(fingerprints(files, NOW, FIRST, LAST)) == {"2026-03-02"}


def test_days_that_are_no_partition_are_left_out() -> None:
    files = [seen("2025-12-31"), seen("2026-03-05"), seen("2026-03-06")]
    assert set(fingerprints(files, NOW, FIRST, LAST)) == {"2026-03-05"}


def test_a_landing_that_failed_is_asked_for_again_a_few_times_and_then_left_to_people() -> None:
    decision = decided([seen("2026-03-01")])
    keys = []
    while decision.ask is not None:
        keys.append(decision.ask.run_key)
        decision = decided([seen("2026-03-01")], decision.memory, Landing.FAILED)
    assert len(keys) == len(set(keys)) == ATTEMPTS
    assert "run 'tieout land'" in decision.told
    assert decided([seen("2026-03-01")], decision.memory).ask is None


def test_names_that_begin_with_a_dot_are_not_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "usage" / "2026-03-01"
    folder.mkdir(parents=True)
    (folder / ".events.jsonl.part").write_text("half")
    (folder / "events.jsonl").write_text("whole\n")
    assert [one.file_name for one in seen_files(tmp_path)] == ["usage/2026-03-01/events.jsonl"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    initialize(load_settings(tmp_path))
    return load_settings(tmp_path)


def test_the_sensor_of_a_real_installation_asks_once_for_the_range_of_days(settings: Settings) -> None:
    delivered = datetime.now(UTC) - timedelta(minutes=5)
    for day in ("2026-01-02", "2026-01-05"):
        path = settings.inbox / "usage" / day / "events.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("{}\n")
        os.utime(path, (delivered.timestamp(), delivered.timestamp()))
    sensor = new_files_sensor(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        asked = sensor(dg.build_sensor_context(instance))
        assert isinstance(asked, dg.SensorResult)
        [request] = asked.run_requests or ()
        assert request.tags["dagster/asset_partition_range_start"] == "2026-01-02"
        assert request.tags["dagster/asset_partition_range_end"] == "2026-01-05"
        run = instance.create_run_for_job(job, tags={"dagster/run_key": str(request.run_key), "dagster/sensor_name": "new_files"})
        under_way = sensor(dg.build_sensor_context(instance, cursor=asked.cursor))
        assert isinstance(under_way, dg.SensorResult)
        assert (under_way.run_requests, under_way.cursor) == ([], asked.cursor)
        instance.report_run_failed(run)
        again = sensor(dg.build_sensor_context(instance, cursor=asked.cursor))
        assert isinstance(again, dg.SensorResult)
        assert [one.run_key for one in again.run_requests or ()] == [f"{request.run_key}_2"]


def test_an_empty_inbox_asks_for_nothing(settings: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        told = new_files_sensor(settings)(dg.build_sensor_context(instance))
    assert isinstance(told, dg.SensorResult)
    assert told.run_requests == []


@dg.job
def job() -> None:
    """Stands for the job that lands."""
