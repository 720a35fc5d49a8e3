"""Three months of the sample company, run twice as a user runs them: by the command line, against a real ledger."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.cli.closing.proof import bean_check
from dagster_project.cli.closing.tie_out import CHECKPOINT_COUNT
from dagster_project.close import Installation
from dagster_project.published.lineage import trace
from dagster_project.published.reperforming import read_facts
from reverse_etl.settings import Settings

SIZE = ("--events", "5000", "--customers", "60")
OTHER_EVENTS = (
    "intercompany_charged",
    "payment_received",
    "receivables_revalued",
    "revaluation_reversed",
    "unbilled_receivables_accrued",
    "unbilled_receivables_reversed",
)
"""What is no invoice, credit memo or recognition, and so is not re-performed."""
CALENDAR_CUSTOMERS = """
    select subscriptions.customer_id from staging.stg_billing__subscriptions as subscriptions
    inner join staging.stg_billing__plans as plans using (plan_id)
    group by subscriptions.customer_id having bool_and(plans.anchor = 'calendar')
"""
TIEOUT = str(Path(sys.executable).with_name("tieout"))


@dataclass(frozen=True)
class Demo:
    installation: Installation
    first: Mapping[str, Any]
    again: Mapping[str, Any]
    status: Mapping[str, Any]

    def rows(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read_published(statement).to_pylist()
        return rows


def run(home: Path, *arguments: str) -> str:
    environment = {**os.environ, "TIEOUT_HOME": str(home)}
    done = subprocess.run([TIEOUT, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=1_800)
    assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = Path(tmp_path_factory.mktemp("northlight"))
    try:
        first = json.loads(run(home, "demo", *SIZE, "--keep", "--json"))
        # Closing the month before the last again covers what a whole second demo would, in a third of its time.
        again = json.loads(run(home, "close", "2026-02", "--json"))
        status = json.loads(run(home, "status", "--json"))
        yield Demo(Installation(Settings(home=home)), first, again, status)
    finally:
        run(home, "sandbox", "stop")


def test_every_checkpoint_of_every_month_ties(demo: Demo) -> None:
    assert len(demo.first["checkpoints"]) == 3 * CHECKPOINT_COUNT
    assert all(checkpoint["tied"] for checkpoint in demo.first["checkpoints"])
    assert demo.first["documents"] == demo.first["new_documents"] > 0


def test_running_it_again_changes_nothing(demo: Demo) -> None:
    assert {checkpoint["status"] for checkpoint in demo.again["checkpoints"]} == {"tied"}
    assert sum(row["documents"] for row in demo.status["documents"]) == demo.first["documents"]
    assert {row["state"] for row in demo.status["documents"]} == {"verified"}
    assert {(period["period"], period["status"]) for period in demo.status["periods"]} == {
        (f"2026-{month}", "soft_closed") for month in ("01", "02", "03")
    }
    held = demo.rows(
        """
        select count(*) as documents, count(distinct reference) as distinct_references
        from staging.stg_stripe__documents where reference is not null
        """
    )
    assert held[0]["documents"] == held[0]["distinct_references"] > 0


def test_the_preview_shows_what_was_issued_once_and_as_no_draft(demo: Demo) -> None:
    shown = demo.rows(
        "select state, count(*) as lines, count(distinct document_line_key) as distinct_lines from analytics.invoice_preview group by state"
    )
    assert all(row["lines"] == row["distinct_lines"] for row in shown)
    [sealed] = demo.rows("select count(*) as lines from staging.stg_register_closing__billing_lines")
    assert sum(row["lines"] for row in shown if row["state"] in ("issued", "credited")) == sealed["lines"] > 0
    assert demo.rows("select * from analytics.invoice_preview where reason is null or reason_code is null") == []
    # The second close of the last month but one computed drafts again, and issued none of them.
    assert demo.rows("select * from analytics.invoice_preview where state = 'draft' and period <= '2026-02'") == []
    [behind] = demo.rows(
        """
        select count(*) as differing from analytics.invoice_preview as preview
        inner join (select usage_key, count(*) as events from analytics.invoice_preview_events group by usage_key) as counted
            on preview.usage_key = counted.usage_key
        where preview.first_event_at > preview.last_event_at or (preview.reason_code = 'usage' and preview.event_count > counted.events)
        """
    )
    assert behind["differing"] == 0


def test_a_second_program_comes_from_the_delivered_files_to_the_same_books_to_the_cent(demo: Demo) -> None:
    months = demo.first["reperformance"]["months"]
    assert [(month["entity"], month["period"]) for month in months] == [
        (entity, f"2026-{month}") for entity in ("northlight_eu", "northlight_us") for month in ("01", "02", "03")
    ]
    assert not any(month["differences"] for month in months)
    assert all(month["reperformed"] > 0 for month in months)
    assert all(month["reperformed"] + sum(left["lines"] for left in month["not_reperformed"]) == month["lines"] for month in months)
    reasons = {left["reason"] for month in months for left in month["not_reperformed"]}
    assert reasons == {"periods other than calendar months", *(f"the event {event}" for event in OTHER_EVENTS)}
    calendar = {row["customer_id"] for row in demo.rows(CALENDAR_CUSTOMERS)}
    inside = [line for line in read_facts(demo.installation).ledger if line.event not in OTHER_EVENTS and line.customer_id in calendar]
    assert len(inside) == sum(month["reperformed"] for month in months)
    sums: defaultdict[tuple[str, str, str, str], int] = defaultdict(int)
    for line in inside:
        sums[line.entity, line.period, line.account, line.currency] += line.minor
    expected = {
        (item["entity"], item["period"], item["account"], item["currency"]): item["expected_minor"] for month in months for item in month["accounts"]
    }
    assert expected == sums


def test_a_cent_and_a_wrong_account_in_the_books_end_the_second_program_with_their_names(demo: Demo, tmp_path: Path) -> None:
    home = demo.installation.settings.home
    for name in ("inbox", "published", "register.sqlite", "warehouse"):
        (shutil.copytree if (home / name).is_dir() else shutil.copy)(home / name, tmp_path / name)
    [cent, moved] = demo.rows(
        f"""
        select lines.line_key, lines.source_line_key from ledger.general_ledger as lines
        inner join canonical.canonical_documents as documents on lines.source_document = documents.business_key
        where lines.account = '4110' and lines.event = 'invoice_issued' and documents.customer_id in ({CALENDAR_CUSTOMERS})
        order by lines.line_key limit 2
        """
    )
    with duckdb.connect(str(tmp_path / "published" / "warehouse.duckdb")) as published:
        published.execute("update ledger.general_ledger set signed_minor = signed_minor - 1 where line_key = ?", [cent["line_key"]])
        published.execute("update ledger.general_ledger set account = '4100' where line_key = ?", [moved["line_key"]])
    environment = {**os.environ, "TIEOUT_HOME": str(tmp_path)}
    done = subprocess.run([TIEOUT, "reperform", "--json"], capture_output=True, text=True, env=environment, check=False, timeout=1_800)
    assert done.returncode == 1
    found = {(line["account"], line["line"]) for month in json.loads(done.stdout)["months"] for line in month["differences"]}
    lines = [line["source_line_key"].partition("@")[0] for line in (cent, moved)]
    assert found == {("4110", lines[0]), ("4110", lines[1]), ("4100", lines[1])}
    assert all(line in done.stderr for line in lines)


def test_the_ledgers_own_trial_balance_is_ours(demo: Demo) -> None:
    ledger = demo.first["ledger"]
    assert {row["entity"] for row in ledger} == {"northlight_us", "northlight_eu"}
    assert all(row["ours"] == row["ledger"] for row in ledger)
    for entity in ("northlight_us", "northlight_eu"):
        debits, credits = (sum(row["ledger"][side] for row in ledger if row["entity"] == entity) for side in (0, 1))
        assert debits == credits > 0


def test_the_ledgers_own_parties_owe_what_our_customers_do(demo: Demo) -> None:
    owed = demo.first["receivables"]
    assert {row["entity"] for row in owed} == {"northlight_us", "northlight_eu"}
    assert all(row["ours"] == row["ledger"] != 0 for row in owed)
    control = demo.rows(
        "select entity, sum(closing_minor) as minor from ledger.trial_balance where account = '1200' and period = '2026-03' group by all"
    )
    assert len(control) == 2
    assert {row["entity"]: sum(own["ledger"] for own in owed if own["entity"] == row["entity"]) for row in control} == {
        row["entity"]: row["minor"] for row in control
    }


def test_a_month_that_is_closed_here_is_closed_in_the_ledger(demo: Demo) -> None:
    states = {(row["entity"], row["period"]): (row["ours"], row["ledger"]) for row in demo.first["periods"]}
    assert len(states) == 6
    assert set(states.values()) == {("soft_closed", "closed")}


def test_every_sub_ledger_rolls_forward_from_month_to_month_to_its_account(demo: Demo) -> None:
    rolled = demo.first["sub_ledgers"]
    assert {row["sub_ledger"] for row in rolled} == {"receivables", "unbilled_receivables", "deferred_revenue", "tax", "revenue"}
    assert {row["period"] for row in rolled} == {"2026-01", "2026-02", "2026-03"}
    assert all(row["equal"] and row["opening"] + sum(row["movements"].values()) == row["closing"] for row in rolled)
    closed = {(row["sub_ledger"], row["entity"], row["account"], row["currency"], row["period"]): row["closing"] for row in rolled}
    assert all(
        row["opening"] == closed.get((row["sub_ledger"], row["entity"], row["account"], row["currency"], f"2026-0{int(row['period'][-1]) - 1}"), 0)
        for row in rolled
    )


def test_deferred_revenue_is_what_the_schedules_have_left_and_late_usage_is_off_the_diagonal(demo: Demo) -> None:
    assert demo.rows("select * from ledger.deferred_revenue_roll_forward where closing_minor <> remaining_schedule_minor") == []
    [left] = demo.rows("select sum(remaining_schedule_minor) as minor from ledger.deferred_revenue_roll_forward where period = '2026-03'")
    assert left["minor"] > 0
    matrix = demo.rows("select period, service_period, is_off_diagonal from ledger.revenue_by_service_period group by all order by all")
    assert [(row["period"], row["service_period"]) for row in matrix if row["is_off_diagonal"]] == [("2026-02", "2026-01"), ("2026-03", "2026-02")]
    revenue = ("revenue_waterfall", "revenue_by_service_period")
    counted = [demo.rows(f"select period, currency, sum(revenue_minor) as minor from ledger.{model} group by all order by all") for model in revenue]
    assert counted[0] == counted[1]


def test_the_group_holds_nothing_of_what_its_entities_owe_each_other(demo: Demo) -> None:
    group = {row["account"]: row for row in demo.first["group"]}
    assert {row["currency"] for row in group.values()} == {"USD"}
    for layer in ("entity_minor", "translation_minor", "elimination_minor", "closing_minor"):
        assert sum(row[layer] for row in group.values()) == 0
    for account in ("1300", "2300", "4300", "6300"):
        assert group[account]["closing_minor"] == 0 != group[account]["elimination_minor"]
    # What the customers owe and the group has earned is there as before.
    assert group["1200"]["closing_minor"] > 0 > group["4110"]["closing_minor"]
    assert group["1200"]["elimination_minor"] == group["4110"]["elimination_minor"] == 0
    owed = demo.rows(
        "select currency, sum(receivable_minor + payable_minor) as minor, sum(payable_minor) as owed from ledger.intercompany_balances group by all"
    )
    assert {row["currency"] for row in owed} == {"EUR", "USD"}
    assert all(row["minor"] == 0 > row["owed"] for row in owed)


def test_what_is_not_billed_at_month_end_is_accrued_and_open_foreign_items_are_revalued_until_the_first_of_the_next_month(demo: Demo) -> None:
    entries = demo.rows(
        """
        select cause, strftime(posting_date, '%m-%d') as day, natural_id, json_extract_string(payload, '$.reverses') as reverses
        from staging.stg_register_closing__documents where document_type = 'journal_entry'
        """
    )
    # An invoice of January is worth at its end what it was issued at.
    for original, reversal, days in (
        ("unbilled_receivables_accrued", "unbilled_receivables_reversed", {"01-31", "02-28", "03-31"}),
        ("receivables_revalued", "revaluation_reversed", {"02-28", "03-31"}),
    ):
        issued = {row["natural_id"]: row["day"] for row in entries if row["cause"] == original}
        taken_back = {row["reverses"]: row["day"] for row in entries if row["cause"] == reversal}
        assert set(issued.values()) == days
        assert {key for key, day in issued.items() if day != "03-31"} == taken_back.keys()
        assert all((issued[key], day) in {("01-31", "02-01"), ("02-28", "03-01")} for key, day in taken_back.items())
    left = demo.rows("select * from ledger.unbilled_receivables_roll_forward where closing_minor <> unbilled_items_minor")
    assert left == []
    revalued = demo.rows(
        """
        select entity, sum(signed_minor) as minor, sum(signed_functional_minor) as functional_minor from ledger.general_ledger
        where event in ('receivables_revalued', 'revaluation_reversed') and customer_id is not null group by entity
        """
    )
    assert {row["entity"]: int(row["minor"]) for row in revalued} == {"northlight_us": 0, "northlight_eu": 0}
    assert all(row["functional_minor"] != 0 for row in revalued)


def test_other_book_keeping_programs_accept_the_books_and_refuse_half_a_cent(demo: Demo, tmp_path: Path) -> None:
    assert demo.first["proof"]["books"] == 6
    assert demo.first["proof"]["complaints"] == []
    home = demo.installation.settings.home
    provers = {"beancount": [bean_check() or "bean-check is not installed"], "hledger": ["hledger", "check", "--strict", "-f"]}
    for format_name, prover in provers.items():
        if format_name == "hledger" and shutil.which("hledger") is None:
            continue
        for currency in ("functional", "transaction"):
            folder = tmp_path / format_name / currency
            written = json.loads(run(home, "export", format_name, "--period", "2026-03", "--currency", currency, "--output", str(folder), "--json"))
            assert len(written["files"]) == 2
            for file in written["files"]:
                assert subprocess.run([*prover, file], check=False).returncode == 0
        books = Path(written["files"][0])
        posting = re.search(r"^ +\S+  -?\d+\.\d\d(?= \w{3}(  ;|$))", books.read_text(), re.MULTILINE)
        assert posting
        books.write_text(books.read_text().replace(posting[0], f"{posting[0]}5", 1))
        refused = subprocess.run([*prover, str(books)], check=False, capture_output=True, text=True)
        assert refused.returncode != 0
        assert "0.005" in refused.stderr


def test_the_exported_table_adds_up_to_the_ledgers_own_trial_balance(demo: Demo, tmp_path: Path) -> None:
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for period in ("2026-01", "2026-02", "2026-03"):
        [file] = json.loads(run(demo.installation.settings.home, "export", "csv", "--period", period, "--output", str(tmp_path), "--json"))["files"]
        with Path(file).open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                totals[row["entity"], row["account"]] += Decimal(row["functional_amount"])
    assert totals == {
        (row["entity"], row["account"]): Decimal(row["ledger"][0] - row["ledger"][1]).scaleb(-row["exponent"]) for row in demo.first["ledger"]
    }


def test_a_paid_foreign_invoice_realises_its_exchange_difference_and_leaves_nothing(demo: Demo) -> None:
    settled = demo.rows(
        """
        select lines.entity, lines.source_document, count(distinct lines.entry_reference) as entries,
            sum(lines.signed_minor) filter (where accounts.is_receivable) as receivable,
            sum(lines.signed_functional_minor) filter (where accounts.is_receivable) as functional_receivable,
            sum(lines.signed_functional_minor) filter (where lines.account = '1000') as cash,
            sum(lines.signed_functional_minor) filter (where lines.account = '7810') as difference
        from ledger.general_ledger as lines
        inner join staging.stg_finance__accounts as accounts on lines.entity = accounts.entity and lines.account = accounts.account_code
        where lines.source_document in (select source_document from ledger.general_ledger where event = 'payment_received')
            and lines.event in ('invoice_issued', 'payment_received')
        group by all order by entity, entries
        """
    )
    assert [(row["entity"], row["entries"]) for row in settled] == [(f"northlight_{name}", count) for name in ("eu", "us") for count in (2, 3)]
    assert all(row["receivable"] == row["functional_receivable"] == 0 < row["cash"] and row["difference"] for row in settled)


def test_the_planted_dirt_is_found_number_for_number(demo: Demo) -> None:
    expected = json.loads((demo.installation.settings.home / "sample_expected.json").read_text())
    found = demo.rows(
        """
        select strftime(landed_on, '%Y-%m') as month, disposition, coalesce(reason, '') as reason, count(*) as lines
        from usage.usage_event_dispositions group by all
        """
    )
    for month, counts in expected["by_landing_month"].items():
        own = {(row["disposition"], row["reason"]): row["lines"] for row in found if row["month"] == month}
        planted = {("kept", ""): counts["kept"], ("duplicate", ""): counts["duplicates"]}
        planted |= {("quarantined", reason): lines for reason, lines in counts["quarantined"].items()}
        assert own == {key: lines for key, lines in planted.items() if lines}, month
    assert sum(row["lines"] for row in found) == expected["total"]["received"]
    [late] = demo.rows("select count(*) as lines from usage.usage_events where is_late")
    assert late["lines"] == expected["total"]["late"]


def test_no_quantity_is_lost_or_made(demo: Demo) -> None:
    expected = json.loads((demo.installation.settings.home / "sample_expected.json").read_text())["kept_quantity"]
    found = demo.rows(
        "select meter, strftime(service_month, '%Y-%m') as month, cast(sum(quantity) as varchar) as quantity from usage.usage_events group by all"
    )
    assert {(row["meter"], row["month"]): Decimal(row["quantity"]) for row in found} == {
        (meter, month): Decimal(quantity) for meter, months in expected.items() for month, quantity in months.items()
    }


def test_late_usage_and_corrections_are_deltas_in_the_next_open_month(demo: Demo) -> None:
    moved = demo.rows(
        """
        select document_type, count(*) as lines, min(amount_minor) as smallest, max(amount_minor) as largest
        from staging.stg_register_closing__billing_lines
        where kind = 'usage' and strftime(billing_month, '%Y-%m') < period
        group by document_type
        """
    )
    by_type = {row["document_type"]: row for row in moved}
    assert by_type["invoice"]["smallest"] > 0
    assert by_type["credit_memo"]["largest"] < 0
    [unexplained] = demo.rows(
        "select count(*) as lines from staging.stg_register_closing__billing_lines where strftime(billing_month, '%Y-%m') > period"
    )
    assert unexplained["lines"] == 0


def test_numbers_are_gapless_per_entity_and_series(demo: Demo) -> None:
    numbers = demo.rows("select entity, document_type, number from staging.stg_register_closing__documents where number is not null order by number")
    for series in {(row["entity"], row["document_type"]) for row in numbers}:
        own = [int(row["number"][-6:]) for row in numbers if (row["entity"], row["document_type"]) == series]
        assert own == list(range(1, len(own) + 1))


def test_an_event_leads_to_the_ledger_and_the_ledger_back_to_the_event(demo: Demo) -> None:
    [event] = demo.rows("select event_id from usage.usage_events where quantity > 0 and not is_late order by event_key limit 1")
    walk = trace(demo.installation.warehouse, event["event_id"])
    assert walk.found_as == "event"
    assert [row["event_id"] for row in walk.events] == [event["event_id"]]
    assert walk.usage_summaries
    assert walk.invoice_lines
    assert {row["state"] for row in walk.journal_entries} == {"verified"}
    assert all(row["remote_line_id"] for row in walk.journal_lines)

    invoice = walk.documents[0]["number"]
    from_invoice = trace(demo.installation.warehouse, invoice)
    assert from_invoice.found_as == "invoice or credit memo"
    ledger_number = from_invoice.journal_entries[0]["remote_number"]
    assert trace(demo.installation.warehouse, ledger_number, event_limit=100_000).events
    assert f"is an identifier of: {from_invoice.found_as}" in run(demo.installation.settings.home, "trace", invoice)


def test_what_nobody_knows_cannot_be_traced(demo: Demo) -> None:
    done = subprocess.run(
        [TIEOUT, "--home", str(demo.installation.settings.home), "trace", "no-such-thing"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: nothing published is called 'no-such-thing'")
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_event_that_is_set_aside_is_traced_to_its_reason(demo: Demo) -> None:
    home = demo.installation.settings.home
    event = next(row for row in json.loads(run(home, "exceptions", "--json")) if row["reason"].startswith("clock_ahead"))
    done = subprocess.run([TIEOUT, "--home", str(home), *event["command"].split()[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"is set aside, so that nothing follows from it: {event['subject']}, clock_ahead" in done.stderr


def test_exceptions_name_file_and_line_and_what_to_do(demo: Demo) -> None:
    found = json.loads(run(demo.installation.settings.home, "exceptions", "--json"))
    expected = json.loads((demo.installation.settings.home / "sample_expected.json").read_text())
    events = [row for row in found if row["kind"] == "event"]
    assert len(events) == sum(expected["total"]["quarantined"].values())
    assert all(" line " in row["subject"] and row["reason"] and row["what_to_do"] for row in events)
