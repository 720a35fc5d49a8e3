"""When a failed run is made good: by a later run of the same partitions, or by the register."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dagster_project.alerting.runs import FinishedRun, partitions, still_failed

NOON = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
ENTITIES = ("northlight_us", "northlight_eu")
CLOSE = FinishedRun("close", "monthly_close", ("northlight_us|2026-01", "northlight_eu|2026-01"), False, True, NOON)
LANDING = FinishedRun("landing", "daily_usage", ("2026-02-01", "2026-02-02"), False, True, NOON)
ANCHOR = FinishedRun("anchor", "daily_anchor", (), False, True, NOON)


def open_keys(*runs: FinishedRun, closed: dict[str, datetime] | None = None) -> dict[str, tuple[str, ...]]:
    return {run_id: keys for run_id, (_, keys) in still_failed(runs, closed or {}).items()}


def later(run: FinishedRun, **changes: object) -> FinishedRun:
    return replace(run, run_id=f"{run.run_id} again", ended_at=run.ended_at + timedelta(hours=1), **changes)  # type: ignore[arg-type]


def test_a_later_success_of_the_same_partitions_makes_a_failure_good() -> None:
    for run in (CLOSE, LANDING, ANCHOR):
        assert open_keys(run, later(run, succeeded=True)) == {}


def test_a_later_success_of_some_partitions_leaves_the_others_open() -> None:
    assert open_keys(LANDING, later(LANDING, succeeded=True, keys=("2026-02-02", "2026-02-03"))) == {"landing": ("2026-02-01",)}


def test_neither_an_earlier_success_nor_one_of_another_job_makes_it_good() -> None:
    assert open_keys(later(LANDING), replace(LANDING, succeeded=True), later(CLOSE, succeeded=True, keys=LANDING.keys)) != {}


def test_a_success_of_some_steps_or_assets_alone_makes_nothing_good() -> None:
    assert open_keys(CLOSE, later(CLOSE, succeeded=True, whole=False)) != {}
    assert open_keys(CLOSE, later(CLOSE, succeeded=True, assets=frozenset({"delivery/tryton"}))) != {}


def test_a_run_of_some_assets_is_made_good_by_a_success_of_these() -> None:
    some = replace(ANCHOR, job="__ASSET_JOB", assets=frozenset({"delivery/tryton"}))
    assert open_keys(some, later(some, succeeded=True, assets=frozenset({"close/period"}))) != {}
    assert open_keys(some, later(some, succeeded=True, assets=frozenset({"close/period", "delivery/tryton"}))) == {}


def test_a_refresh_of_the_models_is_made_good_by_a_close_for_that_builds_them_too() -> None:
    refresh = replace(ANCHOR, job="refresh_models", assets=frozenset({"usage/usage_events"}))
    assert open_keys(refresh, later(CLOSE, succeeded=True)) == {}
    assert open_keys(refresh, later(replace(refresh, assets=frozenset()), succeeded=True)) == {}
    assert open_keys(refresh, later(LANDING, succeeded=True)) != {}


def test_a_close_is_made_good_by_whatever_closed_the_period() -> None:
    after = {"northlight_us|2026-01": NOON + timedelta(hours=1)}
    assert open_keys(CLOSE, closed=after) == {"close": ("northlight_eu|2026-01",)}
    assert open_keys(CLOSE, closed={"northlight_us|2026-01": NOON - timedelta(hours=1)}) == {"close": CLOSE.keys}


def test_of_failures_of_the_same_the_last_one_counts() -> None:
    assert open_keys(CLOSE, later(CLOSE)) == {"close again": CLOSE.keys}


def test_a_range_of_partitions_is_read_as_dagster_does() -> None:
    def range_tags(first: str, last: str) -> dict[str, str]:
        return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}

    assert partitions(range_tags("2026-02-01", "2026-02-03"), ENTITIES) == ("2026-02-01", "2026-02-02", "2026-02-03")
    assert partitions(range_tags("northlight_us|2026-12", "northlight_eu|2027-01"), ENTITIES) == (
        "northlight_us|2026-12",
        "northlight_eu|2026-12",
        "northlight_us|2027-01",
        "northlight_eu|2027-01",
    )
    assert partitions({"dagster/partition": "northlight_eu|2026-01"}, ENTITIES) == ("northlight_eu|2026-01",)
    assert partitions({}, ENTITIES) == ()
