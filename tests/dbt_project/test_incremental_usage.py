"""A run reads what is new and replaces the days that it touches; built anew, every table is the same."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dbt_commands import Dbt
from usage_deliveries import CHANGED, DELIVERIES, TAKEN_BACK, Delivery, event

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from reverse_etl.landing import land
from reverse_etl.settings import Settings

MODELS = (
    "build",
    "--exclude-resource-type",
    "unit_test",
    "--exclude-resource-type",
    "test",
    "--select",
    "+usage_summaries",
    "+usage_coverage",
    "+quarantined_usage_events",
    "k1_landed_to_classified",
)
Rows = list[tuple[Any, ...]]
REFRESHED = (CHANGED, TAKEN_BACK)
MARKED = {
    "usage_arrivals": ("landed_on", "event_type", "'marked'"),
    "daily_usage": ("occurred_on", "fingerprint", "-1"),
    "claimed_daily_usage": ("occurred_on", "fingerprint", "-1"),
}


@dataclass
class Company:
    installation: Installation
    dbt: Dbt
    anew: Settings
    built: dict[str, dict[str, Rows]] = field(default_factory=dict)
    refreshed: dict[str, dict[str, Rows]] = field(default_factory=dict)
    replaced: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    def deliver(self, delivery: Delivery) -> None:
        settings = self.installation.settings
        delivery.write(settings.inbox)
        assert not land(self.installation.warehouse, settings).problems

    def build(self, *arguments: str) -> None:
        done = self.dbt(self.installation.settings, *MODELS, *arguments)
        assert done.succeeded, done.told

    def build_anew(self) -> dict[str, Rows]:
        """Every table as a full refresh makes it, in a copy of the warehouse."""
        self.anew.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.installation.settings.warehouse_path, self.anew.warehouse_path)
        done = self.dbt(self.anew, *MODELS, "--full-refresh")
        assert done.succeeded, done.told
        return tables(Installation(self.anew))

    def rows(self, statement: str) -> Rows:
        return [tuple(row.values()) for row in self.installation.warehouse.read(statement).to_pylist()]

    def dispositions(self) -> dict[tuple[str, str], list[tuple[str, str | None]]]:
        """(landing day, id) -> what became of its lines."""
        found: dict[tuple[str, str], list[tuple[str, str | None]]] = {}
        for day, event_id, disposition, reason in self.rows(
            "select strftime(landed_on, '%m-%d'), event_id, disposition, reason from usage.usage_event_dispositions"
            " order by landing_position, line_number"
        ):
            found.setdefault((day, event_id), []).append((disposition, reason))
        return found

    def mark(self) -> None:
        """Change every stored row, so that those that are replaced show."""
        self.installation.warehouse.execute([f"update usage.{table} set {column} = {mark}" for table, (_, column, mark) in MARKED.items()])

    def replaced_days(self) -> dict[str, set[str]]:
        """Table -> the days of which every row was replaced since they were marked."""
        return {
            table: {
                day for (day,) in self.rows(f"select strftime({day}, '%m-%d') from usage.{table} group by 1 having count_if({column} = {mark}) = 0")
            }
            for table, (day, column, mark) in MARKED.items()
        }


def tables(installation: Installation) -> dict[str, Rows]:
    """Every table and view that is built, with its rows in an order of their own."""
    with installation.warehouse.session("comparison") as session, session.transaction() as transaction:
        found = transaction.read(
            "select table_schema || '.' || table_name as relation from information_schema.tables"
            " where table_schema in ('usage', 'rating', 'invoicing', 'staging')"
        ).to_pylist()
        return {row["relation"]: sorted(map(repr, transaction.read(f"select * from {row['relation']}").to_pylist())) for row in found}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, dbt: Dbt) -> Company:
    settings = Settings(home=Path(tmp_path_factory.mktemp("company")), entities=("acme",))
    initialize(settings)
    company = Company(Installation(settings), dbt, Settings(home=Path(tmp_path_factory.mktemp("anew")), entities=("acme",)))
    for delivery in DELIVERIES:
        company.deliver(delivery)
        company.build()
        company.built[delivery.name] = tables(company.installation)
        if delivery in REFRESHED:
            company.refreshed[delivery.name] = company.build_anew()
    company.mark()
    company.build()
    company.replaced["nothing new"] = company.replaced_days()
    company.deliver(Delivery("one-more", {"2026-04-10": [event("one-more", "2026-04-10"), event("one-late", "2026-04-07")]}))
    company.build()
    company.replaced["one more day"] = company.replaced_days()
    return company


@pytest.mark.parametrize("delivery", [delivery.name for delivery in REFRESHED])
def test_any_sequence_of_runs_gives_what_a_full_refresh_gives(company: Company, delivery: str) -> None:
    built, refreshed = company.built[delivery], company.refreshed[delivery]
    assert built.keys() == refreshed.keys()
    assert {name: (built[name], refreshed[name]) for name in built if built[name] != refreshed[name]} == {}


def test_an_alias_changes_the_keys_and_customers_of_days_that_had_been_built(company: Company) -> None:
    assert company.rows(
        "select usage_key, customer_id, charged_customer_id, cast(quantity as integer) from usage.claimed_daily_usage"
        " where event_count > 0 and (customer_id = 'left' or dimensions like 'region=eu%') and meter = 'calls' order by occurred_on, usage_key"
    ) == [
        ("S-left/P.calls/2026-01-01/region=;zone=", "left", "near", 13),
        ("S-near/P.calls/2026-01-01/region=eu", "near", "near", 10),
        ("S-left/P.calls/2026-02-01/region=;zone=", "left", "near", 14),
    ]


KEPT, DUPLICATE, RETRACTED, RETRACTION = ("kept", None), ("duplicate", None), ("retracted", None), ("retraction", None)


def refused(reason: str) -> tuple[str, str]:
    return "quarantined", reason


@pytest.mark.parametrize(
    ("day", "event_id", "became"),
    [
        pytest.param("01-05", "same-day", [KEPT, DUPLICATE], id="a line that is sent twice counts once"),
        pytest.param("01-05", "disputed", [refused("conflicting_content")] * 2, id="a day that disagrees with itself keeps neither"),
        pytest.param("01-05", "u1", [refused("conflicting_content")] * 2, id="nor when the other content lands on that day later"),
        pytest.param("01-06", "a", [DUPLICATE], id="a repetition on another day is dropped"),
        pytest.param("01-06", "b", [refused("conflicting_content")], id="other content on another day is quarantined"),
        pytest.param("01-05", "b", [KEPT], id="and what came first stays what it was"),
        pytest.param("02-10", "at-window", [DUPLICATE], id="at the end of the window a repetition is found"),
        pytest.param("02-10", "reused", [refused("conflicting_content")], id="and other content too"),
        pytest.param("02-12", "reused", [refused("conflicting_content")], id="what is compared is the window, not only what was kept"),
        pytest.param("04-07", "old", [KEPT], id="beyond the window the same identity is another event"),
        pytest.param("04-08", "old", [refused("conflicting_content")], id="with a window of its own"),
        pytest.param("01-05", "unknown-customer", [KEPT], id="a customer that lands later makes its events kept"),
        pytest.param("01-05", "unknown-meter", [KEPT], id="a meter that lands later makes its events kept"),
        pytest.param("01-06", "c", [RETRACTED], id="a retracted event is retracted, not kept"),
        pytest.param("02-10", "c", [DUPLICATE], id="and does not come back by being sent again"),
        pytest.param("02-09", "r1", [RETRACTION, DUPLICATE], id="a retraction that is sent twice is one"),
        pytest.param("02-09", "r2", [refused("already_retracted")], id="a second retraction takes back nothing"),
        pytest.param("02-09", "r3", [refused("beyond_window")], id="a retraction of something outside the window is quarantined"),
        pytest.param("01-05", "r-early", [RETRACTION], id="a retraction may arrive before its event"),
        pytest.param("01-07", "comes-later", [RETRACTED], id="which is then retracted"),
        pytest.param("01-05", "r-never", [refused("unknown_event")], id="a retraction of an unknown event is quarantined"),
    ],
)
def test_what_becomes_of_each_line(company: Company, day: str, event_id: str, became: list[tuple[str, str | None]]) -> None:
    assert company.dispositions()[day, event_id] == became


def test_every_landed_line_is_counted_once(company: Company) -> None:
    assert company.rows("select count(*) from reconciliation.k1_landed_to_classified where is_break") == [(0,)]
    assert company.rows("select count(*) from usage.usage_event_dispositions") == company.rows("select count(*) from raw.usage_events")


def test_a_new_time_zone_moves_an_event_to_another_day(company: Company) -> None:
    assert company.rows("select strftime(occurred_on, '%m-%d') from usage.usage_events where event_id = 'edge'") == [("01-05",)]
    before = [row for row in company.built["late"]["usage.usage_events"] if "'edge'" in row]
    assert "'occurred_on': datetime.date(2026, 1, 6)" in before[0]


def test_a_day_of_which_all_was_retracted_is_left_with_no_quantity(company: Company) -> None:
    assert company.rows(
        "select cast(quantity as integer), event_count, retracted_count from usage.daily_usage where customer_id = 'near' and meter = 'calls'"
        " and dimensions = 'region=eu;zone=' and occurred_on = date '2026-01-06'"
    ) == [(0, 0, 1)]


def test_a_run_with_nothing_new_replaces_no_row(company: Company) -> None:
    assert company.replaced["nothing new"] == {table: set() for table in MARKED}


def test_one_more_day_replaces_the_days_that_it_holds_and_no_other(company: Company) -> None:
    touched = {"04-07", "04-10"}
    assert company.replaced["one more day"] == {"usage_arrivals": {"04-10"}, "daily_usage": touched, "claimed_daily_usage": touched}


def test_a_run_that_leaves_out_a_model_is_made_up_for_by_the_next(company: Company) -> None:
    company.deliver(Delivery("partly", {"2026-04-11": [event("partly", "2026-04-11", "1000")]}))
    done = company.dbt(company.installation.settings, "run", "--select", "usage_arrivals", "usage_landing_days", "built_usage_references")
    assert done.succeeded, done.told
    company.build()
    assert company.rows("select cast(quantity as integer) from usage.daily_usage where occurred_on = date '2026-04-11'") == [(1000,)]


def test_the_state_cannot_be_built_without_what_it_speaks_for(company: Company) -> None:
    done = company.dbt(company.installation.settings, "run", "--full-refresh", "--select", "usage_landing_days")
    assert not done.succeeded
    assert "build it together with them: --select path:models/usage" in done.told
