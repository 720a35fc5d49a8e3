"""Usage that lands for a month that is closed: told once, with the period that bills it, and only as long as no later close has billed it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.defs.automation.sensors import late_usage_sensor
from dagster_project.watch.late_usage import late_usage
from reverse_etl.settings import Settings

TABLES = [
    "create schema if not exists usage",
    "create schema if not exists staging",
    "create table staging.stg_crm__customers (customer_id varchar, entity varchar)",
    "insert into staging.stg_crm__customers values ('A', 'acme'), ('B', 'beta')",
    "create table usage.usage_events (customer_id varchar, service_month date, landed_on date, landing_position bigint, file_name varchar)",
]


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    settings = Settings(home=tmp_path, entities=("acme", "beta"))
    initialize(settings)
    made = Installation(settings)
    made.warehouse.execute(TABLES)
    return made


def land(installation: Installation, customer: str, month: str, position: int, events: int = 1) -> None:
    row = f"('{customer}', date '{month}-01', date '2026-03-02', {position}, 'usage/2026-03-02/{position}.jsonl')"
    installation.warehouse.execute([f"insert into usage.usage_events values {', '.join([row] * events)}"])
    installation.warehouse.publish()


def close(installation: Installation, period: str, position: int, entity: str = "acme") -> None:
    with closing(installation.open_register()) as register:
        register.close_period(entity, period, position, "tests")


def test_late_usage_is_told_with_the_period_that_bills_it(installation: Installation) -> None:
    close(installation, "2026-01", 10)
    land(installation, "A", "2026-01", 10)
    assert late_usage(installation) == ()
    land(installation, "A", "2026-01", 12, events=3)
    land(installation, "A", "2026-02", 12)
    land(installation, "B", "2026-01", 12)
    [late] = late_usage(installation)
    assert (late.entity, late.period, late.events, late.customers, late.position, late.billed_in) == ("acme", "2026-01", 3, 1, 12, "2026-02")
    assert late.files == ("usage/2026-03-02/12.jsonl",)
    assert "tieout preview 2026-02" in late.next_commands


def test_what_a_later_close_has_billed_is_late_no_more(installation: Installation) -> None:
    close(installation, "2026-01", 10)
    land(installation, "A", "2026-01", 12)
    close(installation, "2026-02", 12)
    assert late_usage(installation) == ()
    land(installation, "A", "2026-01", 13)
    assert [(one.period, one.position, one.billed_in) for one in late_usage(installation)] == [("2026-01", 13, "2026-03")]


def test_the_sensor_observes_the_closed_period_once_for_what_has_landed(installation: Installation) -> None:
    sensor = late_usage_sensor(installation.settings)
    with dg.DagsterInstance.ephemeral() as instance:
        nothing = sensor(dg.build_sensor_context(instance))
        assert isinstance(nothing, dg.SensorResult)
        assert nothing.asset_events == []
        close(installation, "2026-01", 10)
        land(installation, "A", "2026-01", 12, events=2)
        first = sensor(dg.build_sensor_context(instance, cursor=nothing.cursor))
        assert isinstance(first, dg.SensorResult)
        [observation] = first.asset_events
        assert isinstance(observation, dg.AssetObservation)
        assert (observation.asset_key, observation.partition) == (dg.AssetKey(["close", "period"]), "acme|2026-01")
        assert observation.metadata["events"].value == 2
        again = sensor(dg.build_sensor_context(instance, cursor=first.cursor))
        assert isinstance(again, dg.SensorResult)
        assert again.asset_events == []
        land(installation, "A", "2026-01", 13)
        more = sensor(dg.build_sensor_context(instance, cursor=again.cursor))
        assert isinstance(more, dg.SensorResult)
        assert len(more.asset_events) == 1
