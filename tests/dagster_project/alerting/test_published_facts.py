"""What is read of the published warehouse: which rows count, how they are added up, and what is not there yet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project.alerting.published import broken_checkpoints, held_lines, listed
from reverse_etl.alerting.memory import Memory
from reverse_etl.warehouse.duckdb import DuckDBWarehouse

NOW = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
EXPONENTS = {"USD": 2, "EUR": 2, "JPY": 0}
# Landed up to 2 February: January has ended, February has not.
RELATIONS = """
    create schema raw; create schema reconciliation; create schema constants; create schema register; create schema invoicing;
    create schema staging; create schema usage; create schema approvals;
    create table raw.landed_files as select * from (values (1, 'a.jsonl', date '2026-01-31'), (2, 'b.jsonl', date '2026-02-02'))
        as files (position, file_name, landed_on);
    create table register.documents as select '2026-01' as period;
    create table constants.currencies as select * from (values ('USD', 2), ('EUR', 2), ('JPY', 0)) as currencies (currency, exponent);
    create table constants.checkpoint_catalogue as select 'K7' as checkpoint, 'The ERP holds it' as title, 'accounting' as owner, 48 as sla_hours;
    create table reconciliation.checkpoint_breaks (checkpoint varchar, entity varchar, period varchar, measure varchar, unit varchar, subject varchar,
        left_value decimal(38, 13), right_value decimal(38, 13), difference decimal(38, 13));
    create table invoicing.held_lines (line_key varchar, customer_id varchar, bill_to_customer_id varchar, entity varchar, currency varchar,
        document_month date, delta_minor bigint, hold_reason varchar, meaning varchar, what_to_do varchar, blocks_document boolean);
    create table approvals.usage_spikes (line_key varchar, customer_id varchar, meter varchar, service_period_start date, quantity decimal(32, 7),
        norm_total decimal(32, 7), norm_periods bigint);
    create table staging.stg_crm__customers as
        select * from (values ('c1', 'FR'), ('c2', 'DE'), ('parent', 'IT')) as customers (customer_id, country);
    create table staging.refused_reference_rows (file_name varchar, line_number bigint, subject varchar, rule varchar, meaning varchar);
    create table usage.quarantined_usage_events (file_name varchar, landed_on date, reason varchar, meaning varchar, what_to_do varchar);
    create table approvals.run_gates (entity varchar, document_month date, subject varchar, functional_currency varchar, line_count bigint,
        gross_minor bigint, plan_hash varchar, is_stopped boolean);
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Callable[..., DuckDBWarehouse]:
    def made(*statements: str) -> DuckDBWarehouse:
        with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
            for statement in (RELATIONS, *statements):
                connection.execute(statement)
        return DuckDBWarehouse(tmp_path / "writers.duckdb", tmp_path / "warehouse.duckdb", tmp_path / "lock", 1.0)

    return made


def breaks(*rows: tuple[object, ...]) -> str:
    return "insert into reconciliation.checkpoint_breaks values " + ", ".join(str(row).replace("None", "null") for row in rows)


def test_a_checkpoint_is_broken_by_all_its_measures_and_misses_what_the_largest_of_them_misses(
    warehouse: Callable[..., DuckDBWarehouse], tmp_path: Path
) -> None:
    reader = warehouse(
        breaks(
            ("K7", "us", "2026-01", "debit", "USD", "JE-1", 12345, None, 12345),
            ("K7", "us", "2026-01", "debit", "USD", "JE-2", 100, 90, 10),
            ("K7", "us", "2026-01", "credit", "USD", "JE-1", 12345, None, 12345),
            ("K7", "us", "2026-01", "entries", "documents", "JE-1", 1, None, 1),
            ("K7", "us", "2026-02", "debit", "USD", "JE-9", 1, None, 1),
        )
    )
    [found] = broken_checkpoints(reader, Memory(tmp_path / "memory.sqlite"), EXPONENTS, NOW)
    assert (found.checkpoint, found.entity, found.period, found.owner, found.sla_hours) == ("K7", "us", "2026-01", "accounting", 48)
    assert (found.breaks, found.amounts, found.since) == (4, {"USD": 12355}, NOW)
    assert "debit of JE-1: USD 123.45 on one side, nothing on the other" in found.examples


def test_since_when_a_checkpoint_is_broken_is_remembered(warehouse: Callable[..., DuckDBWarehouse], tmp_path: Path) -> None:
    reader = warehouse(breaks(("K7", "us", "2026-01", "debit", "USD", "JE-1", 1, None, 1)))
    memory = Memory(tmp_path / "memory.sqlite")
    for hours in (0, 5):
        [found] = broken_checkpoints(reader, memory, EXPONENTS, NOW + timedelta(hours=hours))
        assert found.since == NOW


def test_held_lines_of_an_ended_month_are_added_up_by_reason_with_the_countries_of_who_is_billed(warehouse: Callable[..., DuckDBWarehouse]) -> None:
    line = "'{0}', '{1}', {2}, 'us', '{3}', date '2026-{4}-01', {5}, 'missing_tax_rate', 'No rate', 'Add it', true"
    rows = [
        line.format("l1", "c1", "null", "USD", "01", 100),
        line.format("l2", "c1", "null", "USD", "01", "null"),
        line.format("l3", "c2", "'parent'", "EUR", "01", 50),
        line.format("l4", "c2", "null", "USD", "02", 999),
    ]
    [found] = held_lines(warehouse("insert into invoicing.held_lines values " + ", ".join(f"({row})" for row in rows)))
    assert (found.entity, found.period, found.reason, found.lines, found.customers) == ("us", "2026-01", "missing_tax_rate", 3, 2)
    assert (found.countries, found.amounts) == (("FR", "IT"), {"USD": 100, "EUR": 50})


def test_events_that_a_close_has_accepted_as_set_aside_are_nothing_new(warehouse: Callable[..., DuckDBWarehouse]) -> None:
    event = "('{0}', date '2026-0{1}-01', '{2}', '{2} it is', 'send it again')"
    rows = [event.format("a.jsonl", 1, "malformed"), event.format("b.jsonl", 2, "malformed"), event.format("b.jsonl", 2, "invalid_time")]
    reader = warehouse("insert into usage.quarantined_usage_events values " + ", ".join([*rows, rows[1]]))
    [everything], [since_the_close] = listed(reader, None, 0, NOW), listed(reader, None, 1, NOW)
    assert (everything.rows, since_the_close.rows) == (4, 3)
    assert since_the_close.cause.startswith(
        "3 usage events are set aside and not billed: 2 malformed, 1 invalid_time. The most frequent: malformed it is."
    )
    assert listed(reader, None, 2, NOW) == ()


def test_one_event_is_told_as_one(warehouse: Callable[..., DuckDBWarehouse]) -> None:
    row = "('a.jsonl', date '2026-01-01', 'malformed', 'malformed it is', 'send it again')"
    [alone] = listed(warehouse(f"insert into usage.quarantined_usage_events values {row}"), None, 0, NOW)
    assert alone.cause.startswith("1 usage event is set aside")


def test_refused_rows_and_stopped_gates_are_listed_with_what_to_do(warehouse: Callable[..., DuckDBWarehouse]) -> None:
    refused, gate = listed(
        warehouse(
            "insert into staging.refused_reference_rows values ('prices.csv', 7, 'p1', 'R12', 'a price is no number')",
            "insert into approvals.run_gates values ('us', date '2026-01-01', 'us/late_usage', 'USD', 40, 123456, 'abc', true),"
            "('us', date '2026-01-01', 'us/price', 'USD', 4, 1, 'def', false), ('us', date '2026-02-01', 'us/price', 'USD', 4, 1, 'def', true)",
        ),
        None,
        0,
        NOW,
    )
    assert (refused.subject, refused.rows) == ("refused reference data", 1)
    assert "prices.csv line 7: a price is no number (R12)" in refused.cause
    assert (gate.subject, gate.rows, gate.amounts, gate.next_command) == ("run gate us/late_usage", 40, {"USD": 123456}, "tieout approve abc")
    assert (gate.entity, gate.period) == ("us", "2026-01")


def test_a_usage_spike_names_customer_meter_quantity_and_norm_and_is_no_other_hold(warehouse: Callable[..., DuckDBWarehouse]) -> None:
    line = "'{0}', 'c1', null, 'us', 'USD', date '2026-0{1}-01', 5000, 'usage_spike', 'A spike', 'Look at it', {2}"
    lines = [line.format("l1", 1, "true"), line.format("l2", 2, "true"), line.format("l3", 1, "false")]
    reader = warehouse(
        "insert into invoicing.held_lines values " + ", ".join(f"({row})" for row in lines),
        "insert into approvals.usage_spikes select unnest(['l1', 'l2', 'l3']), 'c1', 'api_calls', date '2026-01-01', 1234567, 36000.5, 3",
    )
    [found] = listed(reader, None, 0, NOW)
    assert (found.subject, found.entity, found.period, found.rows, dict(found.amounts)) == ("usage spikes", "us", "2026-01", 1, {"USD": 5000})
    assert found.cause.endswith("c1 used 1,234,567 of api_calls in 2026-01, and 36,000.5 in the 3 periods before")
    assert held_lines(reader) == ()


def test_a_copy_in_which_nothing_was_computed_yet_has_nothing_to_say(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    reader = DuckDBWarehouse(tmp_path / "writers.duckdb", tmp_path / "warehouse.duckdb", tmp_path / "lock", 1.0)
    assert (broken_checkpoints(reader, None, EXPONENTS, NOW), held_lines(reader), listed(reader, None, 0, NOW)) == ((), (), ())
