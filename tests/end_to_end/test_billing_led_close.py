"""A close with both patterns side by side: the warehouse rates one plan, the billing platform two; its invoices are in the same month's books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from billing_led_company import CUSTOMERS, NEXT_PERIOD, PERIOD, Platform, deliver, deliver_january, event

from dagster_project.cli.closing.close import close_keys
from dagster_project.cli.closing.report_usage import reporting_assets
from dagster_project.cli.closing.tie_out import ledger_balances
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.platform import read_platform
from dagster_project.published.held_back import EXCEPTIONS, published
from dagster_project.published.lineage import trace
from dagster_project.runs.runner import JobRun, JobRunner, exclusive
from reverse_etl.documents import State
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings

BREAKS = """
    select checkpoint, entity, measure, subject, explanation from reconciliation.checkpoint_breaks
    where period = ? order by entity, checkpoint, measure, subject
"""
LISTED = """
    select subject, explanation, cast(left_value as bigint) as ours, cast(right_value as bigint) as theirs, cast(excused_value as bigint) as listed
    from reconciliation.k3_rated_to_platform where period = ? and entity = ? and explanation is not null order by subject
"""
DOCUMENTS = """
    select customer_id, issue_event, period, total_minor, exchange_rate, number, issued_by from canonical.canonical_documents
    where entity = 'acme' order by period, issue_event, customer_id
"""
REPORTS = "select usage_key, hold_reason, delta_value from platform.usage_deltas where hold_reason is not null or delta_value <> 0 order by usage_key"


@dataclass
class Closing:
    """The company, and what was seen of it at each stage."""

    installation: Installation
    platform: Platform
    runner: JobRunner
    runs: dict[str, JobRun]
    seen: dict[str, list[dict[str, Any]]]

    def rows(self, statement: str, *parameters: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read(statement, list(parameters)).to_pylist()
        return rows

    def close(self, stage: str, period: str, entity: str | None = None, only: Sequence[dg.AssetKey] | None = None) -> None:
        self.runs[stage] = self.runner.close(close_keys(self.installation.settings, period, entity), only)

    def look(self, stage: str) -> None:
        self.seen |= {
            f"breaks {stage}": self.rows(BREAKS, PERIOD),
            f"documents {stage}": self.rows(DOCUMENTS),
            f"reports {stage}": self.rows(REPORTS),
            f"listed {stage}": self.rows(LISTED, PERIOD, "acme"),
            f"registered {stage}": [{"count": len(self.installation.open_register().documents(document_type="usage_report"))}],
        }


@pytest.fixture(scope="module")
def closing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closing]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("billing-led")), entities=("acme", "beta"), first_period=PERIOD)
    initialize(settings)
    deliver_january(settings)
    start_sandbox(settings)
    try:
        platform = Platform.of(settings)
        platform.set_clock(datetime(2026, 2, 1, 3))
        prices = platform.price()
        with exclusive(settings, "the test"):
            runner = JobRunner(settings)
            closing = Closing(Installation(settings), platform, runner, {}, {})
            assert runner.land(date(2026, 2, 1), date(2026, 2, 1)).succeeded
            closing.close("reported", PERIOD, only=reporting_assets(runner))
            platform.subscribe(prices, {"UNIT": "P.calls", "TIER": "T.jobs"})
            platform.bill()
            platform.do(f"invoices/{platform.invoice_of('S-UNIT')['id']}/pay", paid_out_of_band="true")
            closing.close("invoiced", PERIOD)
            closing.look("invoiced")
            bill_beta(closing, prices)
            change_history(closing)
            closing.close("next", NEXT_PERIOD, "acme")
            closing.look("next")
            yield closing
    finally:
        stop_sandbox(settings)


def bill_beta(closing: Closing, prices: Mapping[str, str]) -> None:
    """The platform invoices the other entity too, one customer, who pays, at another price; of the second invoice a later read shows nothing any
    more."""
    platform = closing.platform
    platform.subscribe(prices, {"OTHER": "P.calls", "GONE": "P.calls"})
    platform.bill()
    platform.do(f"invoices/{platform.invoice_of('S-OTHER')['id']}/pay", paid_out_of_band="true")
    assert read_platform(closing.installation, "beta", PERIOD) is not None
    assert platform.http.post("/_forget", json={"id": platform.invoice_of("S-GONE")["id"]}).status_code == 200
    assert read_platform(closing.installation, "beta", PERIOD) is not None


def change_history(closing: Closing) -> None:
    """In February: usage of January comes late, the plan's pattern is flipped for January too, the platform credits one invoice and voids another,
    and the bank tells what it received."""
    settings, platform = closing.installation.settings, closing.platform
    day = date(2026, 2, 10)
    deliver(settings, "usage", [event("UNIT", "calls", "7", "UNIT-late")], day)
    deliver(settings, "plan_patterns", ["plan_id,rated_by,effective_from", "P,warehouse,2026-01-01", "T,warehouse,2026-01-01"], day)
    payments = [
        "OWN-1,acme,INV-ACME-000001,usd,10.00,2026-01-20,,transfer",
        "OWN-2,acme,INV-ACME-000001,USD,12,2026-02-03,failed,debit",
        "LOST,beta,INV-BETA-000009,USD,7,2026-02-04,,",
        f"TWICE,beta,{platform.invoice_of('S-OTHER')['number']},USD,1.71,2026-02-04,,",
    ]
    deliver(settings, "payments", ["payment_id,entity_id,invoice,currency,amount,paid_on,status,method", *payments], day)
    assert closing.runner.land(day, day).succeeded
    platform.set_clock(datetime(2026, 2, 10, 9))
    unit, tier = platform.invoice_of("S-UNIT"), platform.invoice_of("S-TIER")
    [line] = unit["lines"]["data"]
    credited = {"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": 500}
    platform.do("credit_notes", invoice=unit["id"], out_of_band_amount=550, **{f"lines[0][{name}]": value for name, value in credited.items()})
    platform.do(f"invoices/{tier['id']}/void")


def test_a_period_that_the_platform_has_not_invoiced_stays_open_and_says_so(closing: Closing) -> None:
    assert not closing.runs["invoiced"].succeeded
    assert "beta 2026-01 stays open: K3 beta amount rated by the platform" in closing.runs["invoiced"].failures[0]
    breaks = [row for row in closing.seen["breaks invoiced"] if row["entity"] == "beta"]
    assert {row["subject"] for row in breaks} == {"S-GONE/P.calls/2026-01-01", "S-OTHER/P.calls/2026-01-01"}
    assert {row["explanation"] for row in breaks} == {"not invoiced by the platform yet: close again once it has"}


def test_the_month_closes_with_the_platforms_invoices_in_it(closing: Closing) -> None:
    assert closing.runs["reported"].succeeded, closing.runs["reported"].failures
    register = closing.installation.open_register()
    assert register.period_status("acme", PERIOD) != "open"
    assert [(row["customer_id"], row["issued_by"], row["period"], row["total_minor"]) for row in closing.seen["documents invoiced"]] == [
        ("OWN", "register", PERIOD, 2200),
        ("TIER", "platform", PERIOD, 153),
        ("UNIT", "platform", PERIOD, 1723),
    ]
    assert not [row for row in closing.seen["breaks invoiced"] if row["entity"] == "acme"]


def test_no_line_of_ours_is_invoiced_where_the_platform_rates(closing: Closing) -> None:
    billed = closing.rows("select distinct customer_id, period from staging.stg_register_closing__billing_lines order by period")
    # What was held and so never reported is ours to bill once the pattern has been changed.
    assert [(row["customer_id"], row["period"]) for row in billed] == [("OWN", PERIOD), ("PART", NEXT_PERIOD)]


def test_usage_is_reported_whole_under_the_platforms_name_and_scale(closing: Closing) -> None:
    reports = closing.rows(
        "select customer_id, event_name, reported_value, state from staging.stg_register_closing__usage_reports order by customer_id"
    )
    assert [(row["customer_id"], row["event_name"], row["reported_value"]) for row in reports] == [
        ("GONE", "api_calls", 20),
        ("OTHER", "api_calls", 10),
        ("TIER", "jobs", 6000),
        ("UNIT", "api_calls", 101),
    ]
    assert {row["state"] for row in reports} == {State.POSTED}


def test_a_fraction_of_a_unit_is_held_and_never_rounded(closing: Closing) -> None:
    assert {(row["usage_key"], row["hold_reason"]) for row in closing.seen["reports invoiced"]} == {
        ("S-PART/P.calls/2026-01-01", "fractional_quantity")
    }


def test_the_platforms_rounding_and_what_was_not_reported_are_listed(closing: Closing) -> None:
    listed = {row["subject"]: (row["explanation"], row["ours"], row["theirs"], row["listed"]) for row in closing.seen["listed invoiced"]}
    assert listed == {
        "S-PART/P.calls/2026-01-01": ("usage held: fractional_quantity", 23, None, 23),
        "S-TIER/T.jobs/2026-01-01": ("rounding of the platform", 138, 139, -1),
    }


def test_another_price_at_the_platform_is_a_named_break(closing: Closing) -> None:
    [row] = [row for row in closing.seen["breaks next"] if row["subject"] == "S-OTHER/P.calls/2026-01-01"]
    assert (row["checkpoint"], row["entity"]) == ("K3", "beta")
    assert row["explanation"] == "rated otherwise by the platform: compare its price and its usage with ours"


def test_an_invoice_that_vanished_is_a_named_break_and_takes_nothing_back(closing: Closing) -> None:
    [row] = [row for row in closing.seen["breaks next"] if row["checkpoint"] == "K4" and row["measure"] == "total issued by the platform"]
    assert row["explanation"] == "it was read before and is no longer there: ask the platform, nothing was taken back"
    documents = closing.rows("select issue_event, total_minor from canonical.canonical_documents where customer_id = 'GONE'")
    assert documents == [{"issue_event": "invoice_issued", "total_minor": 341}]


def test_closing_after_reporting_reports_nothing_again(closing: Closing) -> None:
    assert closing.seen["registered invoiced"] == closing.seen["registered next"] == [{"count": 4}]


def test_late_usage_after_the_platforms_invoice_waits_for_an_adjustment_and_is_billed_by_nobody_twice(closing: Closing) -> None:
    held = {row["usage_key"]: (row["hold_reason"], row["delta_value"]) for row in closing.seen["reports next"]}
    assert held["S-UNIT/P.calls/2026-01-01"] == ("platform_period_closed", 7)
    listed = {row["subject"]: row["explanation"] for row in closing.seen["listed next"]}
    assert listed["S-UNIT/P.calls/2026-01-01"] == "usage held: platform_period_closed"


def test_a_flipped_pattern_does_not_bill_a_period_twice(closing: Closing) -> None:
    patterns = closing.rows(
        "select chosen_rated_by, rated_by from platform.subscription_patterns where subscription_id in ('S-UNIT', 'S-PART') order by subscription_id"
    )
    assert [(row["chosen_rated_by"], row["rated_by"]) for row in patterns] == [("warehouse", "warehouse"), ("warehouse", "billing_platform")]
    assert closing.rows("select * from outbox.outbox_invoices where payload like '%S-UNIT%'") == []


def test_only_the_platforms_own_credit_notes_and_voids_reduce(closing: Closing) -> None:
    assert closing.runs["next"].succeeded, closing.runs["next"].failures
    corrections = [
        (row["customer_id"], row["issue_event"], row["period"], row["total_minor"], row["exchange_rate"])
        for row in closing.seen["documents next"]
        if row["issue_event"] != "invoice_issued"
    ]
    assert corrections == [("UNIT", "credit_memo_issued", NEXT_PERIOD, -550, "1"), ("TIER", "invoice_voided", NEXT_PERIOD, -153, "1.08")]
    balances = {balance.account: balance for balance in ledger_balances(closing.installation, NEXT_PERIOD) if balance.entity == "acme"}
    assert all(balance.equal for balance in balances.values())
    receivable = balances["1000"].ledger
    # Of ours 22.00 and 0.25, of the platform's 17.23 less a credit of 5.50; what was voided is taken back at the rate that it was booked at.
    # Of ours 10.00 are paid, of the platform's all.
    assert receivable[0] - receivable[1] == 2200 + 25 + 1723 - 550 - (1000 + 1723)
    cash = balances["1100"].ledger
    assert cash[0] - cash[1] == 1000 + 1723


def test_payments_are_canonical_and_reconcile_to_their_invoice(closing: Closing) -> None:
    payments = closing.rows(
        "select payment_id, customer_id, amount_minor, status, method, invoice_issued_by from canonical.canonical_payments"
        " where entity = 'acme' order by source, payment_id"
    )
    assert [tuple(payment.values())[1:] for payment in payments] == [
        ("OWN", 1000, "paid", "transfer", "register"),
        ("OWN", 1200, "failed", "debit", "register"),
        ("UNIT", 1723, "paid", "payment_record", "platform"),
    ]
    due = closing.rows(
        "select left_value, right_value from reconciliation.k4_platform_to_billing where measure = 'amount due at the platform' and entity = 'acme'"
    )
    assert len(due) == 2
    assert all(row["left_value"] == row["right_value"] for row in due)


def test_a_payment_debits_cash_and_takes_the_receivable_of_its_customer_back(closing: Closing) -> None:
    lines = closing.rows(
        "select lines.account, lines.side, lines.amount_minor, lines.customer_id, lines.posting_date, lines.state, postings.paid_on, postings.source"
        " from staging.stg_register_closing__journal_lines as lines"
        " inner join accounting.payment_postings as postings on lines.natural_id = postings.natural_id"
        " where lines.event = 'payment_received' order by lines.natural_id, lines.account"
    )
    first, january = date(2026, 2, 1), date(2026, 1, 20)
    by_bank = {"posting_date": first, "state": State.VERIFIED, "paid_on": january, "source": "delivery"}
    at_platform = {"posting_date": first, "state": State.VERIFIED, "paid_on": first, "source": "platform"}
    # January was closed when the bank told of it, so that it is posted on the first day that is open and keeps its own.
    assert sorted(lines, key=lambda line: (line["amount_minor"], line["account"])) == [
        {"account": "1000", "side": "credit", "amount_minor": 1000, "customer_id": "OWN", **by_bank},
        {"account": "1100", "side": "debit", "amount_minor": 1000, "customer_id": None, **by_bank},
        {"account": "1000", "side": "credit", "amount_minor": 1723, "customer_id": "UNIT", **at_platform},
        {"account": "1100", "side": "debit", "amount_minor": 1723, "customer_id": None, **at_platform},
    ]


def test_payments_are_on_both_sides_of_the_checkpoints_down_to_the_ledger(closing: Closing) -> None:
    compared = closing.rows(
        "select cast(left_value as bigint) as due, cast(right_value as bigint) as journalled from reconciliation.k5_issued_to_journals"
        " where measure = 'payments received' and entity = 'acme' order by due"
    )
    assert compared == [{"due": 1000, "journalled": 1000}, {"due": 1723, "journalled": 1723}]
    posted = closing.rows(
        "select checkpoint, count(*) as lines from reconciliation.checkpoint_comparisons"
        " where entity = 'acme' and period = '2026-02' and subject like '%:paid:%' and not is_break group by checkpoint order by checkpoint"
    )
    # K6 compares that an entry is sealed and that it is posted, K7 every line.
    assert posted == [{"checkpoint": "K5", "lines": 2}, {"checkpoint": "K6", "lines": 4}, {"checkpoint": "K7", "lines": 4}]


def test_a_payment_and_an_invoice_of_the_platform_lead_to_the_usage_and_to_the_ledger(closing: Closing) -> None:
    warehouse = closing.installation.warehouse
    [payment] = closing.rows("select payment_id, invoice_key from accounting.payment_postings where customer_id = 'UNIT' and hold_reason is null")

    walk = trace(warehouse, payment["payment_id"])

    assert walk.found_as == "payment"
    assert payment["invoice_key"] in {document["business_key"] for document in walk.documents}
    assert [row["payment_id"] for row in walk.payments] == [payment["payment_id"]]
    assert {row["event_id"] for row in walk.events}
    accounts = {line["account"] for line in walk.journal_lines}
    assert {"1000", "1100"} <= accounts
    number = next(document["number"] for document in walk.documents if document["business_key"] == payment["invoice_key"])
    assert trace(warehouse, number).journal_entries == walk.journal_entries


def test_a_payment_that_cannot_be_posted_is_held_and_named(closing: Closing) -> None:
    held = closing.rows("select entity, source, hold_reason, amount_minor from accounting.payment_postings where hold_reason is not null")
    assert {(row["entity"], row["source"], row["hold_reason"]) for row in held} == {
        ("beta", "platform", "missing_account_mapping"),
        ("beta", "delivery", "unknown_invoice"),
        ("beta", "delivery", "paid_at_platform"),
    }
    breaks = closing.rows("select explanation from reconciliation.checkpoint_breaks where measure = 'payments received' order by explanation")
    assert [row["explanation"] for row in breaks] == ["held: missing_account_mapping", "held: paid_at_platform", "held: unknown_invoice"]
    told = published(closing.installation.warehouse, EXCEPTIONS["payments"])
    assert {(row["kind"], row["reason"].partition(":")[0]) for row in told} == {("payment", row["hold_reason"]) for row in held}
    assert all(row["what_to_do"] for row in told)


def test_every_customer_of_the_company_is_one_of_the_stories_above() -> None:
    assert set(CUSTOMERS) == {"OWN", "UNIT", "TIER", "PART", "OTHER", "GONE"}
