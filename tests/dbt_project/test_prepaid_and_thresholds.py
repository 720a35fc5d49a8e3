"""What credits settle and what thresholds bill early, over four runs of one register; they land up to 14 and 19 January, 1 and 2 February."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from dbt_commands import Dbt

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.outbox import BILLING_RELATIONS, JOURNAL_RELATIONS, proposed, proposed_at_thresholds
from dagster_project.close.steps import mirror_register, seal_documents
from reverse_etl.cases.deliveries import deliver
from reverse_etl.cases.scenario import Charge, CreditGrant, Scenario, Subscription, Tier, UsageEvent, at, flat
from reverse_etl.documents import OutboxRow
from reverse_etl.landing import land
from reverse_etl.settings import Settings

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
RUNS = 4
# What no run but the first changes.
UNCHANGED = ("resource_type:seed", "path:models/staging/billing", "path:models/staging/finance", "path:models/staging/crm")
MODELS = ("+outbox_customers", "+outbox_invoices", "+outbox_credit_memos")
JOURNALS = (
    "stg_finance__payments",
    "path:models/staging/register_issued",
    "path:models/staging/platform",
    "path:models/canonical",
    "path:models/accounting",
    "outbox_journal_entries",
)
CLOSING = (
    "path:models/staging/register_closing",
    "stopped_lines",
    "k3_rated_to_issued",
    "k5_issued_to_journals",
    "credit_balances",
    "credit_applications",
    "stg_finance__books",
    "path:models/ledger",
)
TESTS = (
    "assert_j01_entries_balance_in_transaction_currency",
    "assert_j02_entries_balance_in_functional_currency",
    "assert_j03_lines_are_debit_or_credit",
    "assert_j04_accounts_exist",
    "assert_every_delta_is_proposed_or_held",
    "assert_invoice_totals_are_their_lines",
    "assert_credits_are_never_overdrawn",
    "assert_s01_receivables_equal_their_control_account",
    "assert_s02_receivables_roll_forward_to_the_open_items",
    "assert_s03_deferred_revenue_equals_its_account_and_schedule",
    "assert_s04_unbilled_receivables_equal_their_account",
    "assert_s05_revenue_equals_its_accounts",
    "assert_s06_tax_lines_equal_their_account",
    "assert_s10_prepaid_credits_equal_their_liability_account",
    "assert_breakage_is_what_expired",
    "assert_settled_receivables_are_worth_nothing",
)

UNIT = Charge("per_unit", (Tier(unit_price="1"),))
TAXED = Charge("per_unit", (Tier(unit_price="1"),), taxes=("24",))
TIERED = Charge("graduated", (Tier("100", "1"), Tier(None, "0.5", "5")))


def used(*usage: tuple[int, int, int, str]) -> list[UsageEvent]:
    """Month, day and run of arrival, and a quantity; what arrives in the last run arrives late."""
    return [
        UsageEvent(at(date(2026, month, day), place), quantity, corrected=quantity.startswith("-"), run=run, arrives_after_days=0 if run < 3 else 2)
        for place, (month, day, run, quantity) in enumerate(usage)
    ]


def with_credits(events: Sequence[UsageEvent], *grants: CreditGrant, charge: Charge = UNIT, **terms: Any) -> Scenario:
    return Scenario((Subscription((charge,), JANUARY, MARCH),), events, grants=grants, runs=RUNS, **terms)


def grant(name: str, amount: str, **terms: Any) -> CreditGrant:
    return CreditGrant(name, amount, **terms)


JANUARY_30 = used((1, 10, 0, "30"))
PREPAID = {
    "taxed": with_credits(used((1, 10, 0, "14.29")), grant("g", "39"), charge=TAXED),
    "none": with_credits(JANUARY_30),
    "short": with_credits(JANUARY_30, grant("g", "10")),
    "ordered": with_credits(
        JANUARY_30,
        grant("d", "10", priority="2"),
        grant("c", "10", priority="1"),
        grant("b", "10", priority="9", expires_on=MARCH),
        grant("a", "5", kind="promotional", priority="9"),
    ),
    # The invoice is dated 31 January.
    "dated": with_credits(
        JANUARY_30,
        grant("expired", "100", expires_on=date(2026, 1, 31)),
        grant("last day", "7", expires_on=FEBRUARY),
        grant("first day", "8", granted_on=date(2026, 1, 31)),
        grant("not yet", "100", granted_on=FEBRUARY),
    ),
    "in units": with_credits(JANUARY_30, grant("g", "1001", credit_rate="0.005")),
    "late": with_credits(used((1, 10, 0, "20"), (1, 12, 1, "20")), grant("g", "30")),
    "restored": with_credits(used((1, 10, 0, "100"), (1, 11, 1, "-50"), (1, 12, 2, "-50")), grant("a", "40"), grant("b", "20")),
    # Two documents of one run: of the 14th, what a threshold made due, and of the 31st, the fee.
    "shared": Scenario(
        (Subscription((UNIT, flat("fee", Decimal(10)), flat("threshold", Decimal(100), "threshold")), JANUARY, FEBRUARY),),
        used((1, 14, 0, "115")),
        grants=(grant("a", "118"), grant("b", "4", granted_on=date(2026, 1, 15), expires_on=FEBRUARY)),
        runs=RUNS,
    ),
    "foreign": with_credits(used((1, 10, 0, "33.33")), grant("g", "11.11"), currency="EUR", exchange_rate="1.083"),
    "bought": Scenario(
        (Subscription((flat("pack", Decimal(50), "prepaid", credit_validity_months="2"), UNIT), JANUARY, FEBRUARY),),
        used((1, 10, 0, "30"), (1, 11, 1, "20"), (1, 12, 2, "70")),
        runs=RUNS,
    ),
}


def progressive(*more: Charge, threshold: str | None = "100") -> Scenario:
    """115 by the 15th, 125 more by the 20th, 25 more by the end of January, and 15 that come late."""
    charges = (TIERED, flat("fee", Decimal(10)), *more)
    if threshold is not None:
        charges = (*charges, flat("threshold", Decimal(threshold), "threshold"))
    events = used((1, 10, 0, "120"), (1, 18, 1, "250"), (1, 25, 2, "50"), (1, 31, 3, "30"))
    return Scenario((Subscription(charges, JANUARY, FEBRUARY),), events, runs=RUNS)


def reaching(quantity: str, threshold: str = "100") -> Scenario:
    charges = (UNIT, flat("threshold", Decimal(threshold), "threshold"))
    return Scenario((Subscription(charges, JANUARY, FEBRUARY),), used((1, 10, 0, quantity)), runs=RUNS)


COMMITTED = flat("committed", Decimal(500), "commitment")
PERCENT = flat("percent", Decimal(0), "discount", "percent", discount_percent="12.5")
FIXED = flat("fixed", Decimal(40), "discount", "fixed")
WAYS: dict[str, tuple[Charge, ...]] = {"": (), " committed": (COMMITTED,), " discounted": (PERCENT, FIXED)}
PROGRESSIVE = {
    **{f"early{way}": progressive(*charges) for way, charges in WAYS.items()},
    **{f"plain{way}": progressive(*charges, threshold=None) for way, charges in WAYS.items()},
    "exactly": reaching("100"),
    "just below": reaching("99.99"),
    "no threshold": reaching("500", "0"),
    "other month": Scenario(
        (Subscription((UNIT, flat("threshold", Decimal(100), "threshold")), date(2026, 1, 12), date(2026, 3, 12), period_unit="month"),),
        used((1, 14, 0, "150"), (1, 19, 1, "10"), (2, 1, 2, "20")),
        runs=RUNS,
    ),
}
SCENARIOS = PREPAID | PROGRESSIVE


@dataclass
class Runs:
    """What every run proposed, by customer; what was sealed before it is named by its number."""

    installation: Installation
    invoices: list[dict[str, list[dict[str, Any]]]] = field(default_factory=list)
    memos: list[dict[str, list[dict[str, Any]]]] = field(default_factory=list)
    sealed: list[OutboxRow] = field(default_factory=list)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read(statement).to_pylist()
        return rows

    def payloads(self, customer: str, run: int) -> list[dict[str, Any]]:
        return self.invoices[run].get(customer, [])

    def drawn(self, customer: str, run: int = 0) -> list[tuple[int, dict[str, int], int]]:
        """Per invoice: its total, what it draws from each grant, what is due."""
        return [
            (
                payload["total_minor"],
                {credit["grant_id"].rsplit("/", 1)[-1]: credit["amount_minor"] for credit in payload["credits"]},
                payload["amount_due_minor"],
            )
            for payload in self.payloads(customer, run)
        ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, dbt: Dbt) -> Runs:
    entities = tuple(sorted({scenario.entity for scenario in SCENARIOS.values()}))
    installation = Installation(Settings(home=tmp_path_factory.mktemp("runs"), entities=entities))
    settings = installation.settings
    initialize(settings)
    found = Runs(installation)
    for run in range(RUNS):
        deliver(settings.inbox, SCENARIOS, run)
        assert not land(installation.warehouse, settings).problems
        mirror_register(installation)
        build(dbt, settings, *MODELS, *(("--exclude", *UNCHANGED) if run else ()))
        for kind, told in (("invoices", found.invoices), ("credit_memos", found.memos)):
            by_customer: dict[str, list[dict[str, Any]]] = {}
            for row in found.rows(f"select payload, cause, document_date, depends_on from outbox.outbox_{kind} order by document_date, natural_id"):
                payload = json.loads(row["payload"])
                by_customer.setdefault(payload["customer_id"], []).append(payload | {"row_cause": row["cause"], "depends_on": row["depends_on"]})
            told.append(by_customer)
        if run < RUNS - 1:
            seal(found, run)
        if run == 2:
            close(installation, dbt)
    build(dbt, settings, *CLOSING)
    done = dbt(settings, "test", "--select", *TESTS)
    assert done.succeeded, done.told
    return found


def build(dbt: Dbt, settings: Settings, *models: str) -> None:
    done = dbt(settings, "build", "--select", *models, "--exclude-resource-type", "unit_test", "test")
    assert done.succeeded, done.told


def seal(runs: Runs, run: int) -> None:
    """While January runs, what thresholds made due, and all of January of those who have credits; then January, which is closed."""
    installation = runs.installation
    with closing(installation.open_register()) as register:
        for entity in installation.settings.entities:
            rows = proposed_at_thresholds(installation.warehouse, entity, "2026-01")
            keys = {row.business_key for row in rows}
            everything = proposed(installation.warehouse, BILLING_RELATIONS, entity, "2026-01")
            rows += [row for row in everything if row.business_key not in keys and (run == 2 or row.payload["customer_id"] in PREPAID)]
            assert register.seal(rows, "test", f"run-{run}").refused == ()
            runs.sealed += rows
    mirror_register(installation)


def close(installation: Installation, dbt: Dbt) -> None:
    build(dbt, installation.settings, *JOURNALS)
    for entity in installation.settings.entities:
        assert seal_documents(installation, JOURNAL_RELATIONS, entity, "2026-01", "journals").refused == ()
        with closing(installation.open_register()) as register:
            register.close_period(entity, "2026-01", landing_position=None, actor="test")


def test_an_invoice_draws_its_rounded_total_after_tax_and_never_more_than_there_is(runs: Runs) -> None:
    assert runs.drawn("taxed") == [(1772, {"g": 1772}, 0)]
    assert runs.drawn("short") == [(3000, {"g": 1000}, 2000)]
    assert runs.drawn("none") == [(3000, {}, 3000)]
    assert runs.drawn("in units") == [(3000, {"g": 501}, 2499)]


def test_promotional_credits_are_drawn_first_then_what_expires_first_then_by_priority(runs: Runs) -> None:
    assert runs.drawn("ordered") == [(3000, {"a": 500, "b": 1000, "c": 1000, "d": 500}, 0)]
    assert [credit["grant_id"][-1] for credit in runs.payloads("ordered", 0)[0]["credits"]] == ["a", "b", "c", "d"]


def test_the_date_of_the_document_says_which_grants_count(runs: Runs) -> None:
    assert runs.drawn("dated") == [(3000, {"last day": 700, "first day": 800}, 1500)]


def test_the_documents_of_one_run_share_the_balance_in_their_order(runs: Runs) -> None:
    # The grant of the 15th is drawn first where it counts, which is not on the 14th.
    assert runs.drawn("shared") == [(11500, {"a": 11500}, 0), (1000, {"a": 300, "b": 400}, 300)]
    first, second = runs.payloads("shared", 0)
    assert json.loads(first["depends_on"]) == ["stripe/cases/customer/shared"]
    # Each waits for the one before it, for both pass through one balance at the billing platform.
    assert json.loads(second["depends_on"]) == ["stripe/cases/customer/shared", "stripe/cases/invoice/shared:2026-01:1"]
    assert [json.loads(payload["depends_on"]) for payload in runs.payloads("none", 0)] == [["stripe/cases/customer/none"]]


def test_late_usage_draws_what_is_left_and_a_rerun_draws_nothing(runs: Runs) -> None:
    assert runs.drawn("late", 0) == [(2000, {"g": 2000}, 0)]
    assert runs.drawn("late", 1) == [(2000, {"g": 1000}, 1000)]
    assert json.loads(runs.payloads("late", 1)[0]["depends_on"])[1:] == ["stripe/cases/invoice/late:2026-01:1"]
    for run in range(1, RUNS):
        for customer in ("taxed", "short", "ordered", "dated", "in units", "shared", "foreign"):
            assert runs.payloads(customer, run) == [], (customer, run)


def test_a_document_computed_on_a_balance_that_has_changed_since_is_refused(runs: Runs) -> None:
    [first, second] = [row for row in runs.sealed if row.document_type == "invoice" and row.payload["customer_id"] == "late"]
    assert second.register_head > first.register_head
    again = replace(second, natural_id="late:2026-01:9", business_key="stripe/cases/invoice/late:2026-01:9")
    with closing(runs.installation.open_register()) as register:
        [refusal] = register.seal([again], "test", "again").refused
    assert refusal.code == "stale_head"


def test_a_credit_memo_takes_off_what_is_due_first_and_gives_back_the_rest_last_drawn_first(runs: Runs) -> None:
    assert runs.drawn("restored") == [(10000, {"a": 4000, "b": 2000}, 4000)]
    given_back = [
        [(memo["total_minor"], memo["restored_credit_minor"], {credit["grant_id"][-1]: credit["amount_minor"] for credit in memo["credits"]})]
        for memo in (runs.memos[1]["restored"][0], runs.memos[2]["restored"][0])
    ]
    assert given_back == [[(5000, 1000, {"b": 1000})], [(5000, 5000, {"a": 4000, "b": 1000})]]


def test_credits_that_are_bought_are_a_liability_and_count_from_the_next_document_on(runs: Runs) -> None:
    [purchase] = runs.payloads("bought", 0)
    # Credits do not pay for credits, nor for what stands beside them.
    assert (purchase["total_minor"], purchase["applied_credit_minor"]) == (8000, 0)
    accounts = {line["kind"]: line["revenue_account"] for line in purchase["lines"]}
    assert accounts == {"prepaid": "2500", "usage": "4000"}
    key = "2026-01-01@bought:2026-01:1"
    assert runs.drawn("bought", 1) == [(2000, {key: 2000}, 0)]
    assert runs.drawn("bought", 2) == [(7000, {key: 3000}, 4000)]


def test_balances_say_what_was_granted_applied_restored_and_has_expired(runs: Runs) -> None:
    columns = "granted_minor, applied_minor, restored_minor, expired_minor, open_minor"
    found = {row.pop("grant_id"): tuple(row.values()) for row in runs.rows(f"select grant_id, {columns} from prepaid.credit_balances")}
    assert found["taxed/g"] == (3900, 1772, 0, 0, 2128)
    assert found["dated/expired"] == (10000, 0, 0, 10000, 0)
    assert found["dated/not yet"] == (10000, 0, 0, 0, 10000)
    assert found["restored/a"] == (4000, 4000, 4000, 0, 4000)
    assert found["late/g"] == (3000, 3000, 0, 0, 0)
    bought = "bought/bought/pack/2026-01-01@bought:2026-01:1"
    assert found[bought] == (5000, 5000, 0, 0, 0)
    assert runs.rows(f"select granted_on, expires_on, origin from prepaid.credit_balances where grant_id = '{bought}'") == [
        {"granted_on": JANUARY, "expires_on": MARCH, "origin": "bought"}
    ]
    applied = runs.rows(
        "select document_type, amount_minor from prepaid.credit_applications where grant_id = 'restored/b' order by document_position"
    )
    assert [(row["document_type"], row["amount_minor"]) for row in applied] == [("invoice", 2000), ("credit_memo", -1000), ("credit_memo", -1000)]


def test_paid_credits_come_off_the_liability_and_given_ones_off_revenue_and_only_what_is_due_is_a_receivable(runs: Runs) -> None:
    def journal(source: str) -> dict[str, int]:
        rows = runs.rows(
            f"select account, sum(signed_minor) as minor from accounting.journal_lines where source_document = '{source}' group by account"
        )
        return {row["account"]: int(row["minor"]) for row in rows}

    assert journal("stripe/cases/invoice/taxed:2026-01:1") == {"2500": 1772, "4000": -1429, "2200": -343}
    assert journal("stripe/cases/invoice/ordered:2026-01:1") == {"4900": 500, "2500": 2500, "4000": -3000}
    assert journal("stripe/cases/invoice/short:2026-01:1") == {"1100": 2000, "2500": 1000, "4000": -3000}
    assert journal("stripe/cases/invoice/bought:2026-01:1") == {"1100": 8000, "2500": -5000, "4000": -3000}
    assert journal("stripe/cases/credit_memo/restored:2026-01:1") == {"1100": -4000, "2500": -1000, "4000": 5000}
    assert journal("stripe/cases/credit_memo/restored:2026-01:2") == {"2500": -5000, "4000": 5000}
    functional = runs.rows(
        "select account, signed_functional_minor as minor from accounting.journal_lines where source_document like '%foreign%' order by account"
    )
    # 22.22 and 11.11 euros at 1.083, and a cent that converting each leaves over.
    assert [(row["account"], row["minor"]) for row in functional] == [("1100", 2406), ("2500", 1203), ("4000", -3610), ("7900", 1)]


def test_journals_and_issued_documents_tie_with_credits(runs: Runs) -> None:
    compared = runs.rows(
        "select measure, count(*) as rows, count(*) filter (is_break) as breaks from reconciliation.k5_issued_to_journals group by measure"
    )
    measures = ("receivable", "net", "recognised", "prepaid credits", "credits broken")
    assert {row["measure"]: row["breaks"] for row in compared} == dict.fromkeys(measures, 0)
    assert runs.rows("select * from reconciliation.k3_rated_to_issued where is_break and period = '2026-01'") == []


def test_credits_roll_forward_and_reduce_receivables_or_revenue(runs: Runs) -> None:
    [credits] = runs.rows(
        "select sold_minor, drawn_minor, restored_minor, broken_minor, closing_minor from ledger.prepaid_credit_roll_forward where currency = 'USD'"
    )
    [balances] = runs.rows(
        "select cast(-sum(applied_minor) as bigint) as drawn, cast(sum(restored_minor) as bigint) as restored from prepaid.credit_balances"
        " where kind = 'paid' and currency = 'USD'"
    )
    assert (credits["sold_minor"], credits["drawn_minor"], credits["restored_minor"]) == (5000, balances["drawn"], balances["restored"])
    # What was delivered is no sale of ours, so that drawing it leaves less than nothing here.
    assert credits["closing_minor"] == 5000 + balances["drawn"] + balances["restored"] + credits["broken_minor"] < 0


def test_credits_that_expired_are_earned_on_the_first_day_on_which_they_no_longer_count(runs: Runs) -> None:
    broken = runs.rows(
        """
        select lines.posting_date, lines.account, cast(sum(lines.signed_minor) as bigint) as minor from ledger.general_ledger as lines
        where lines.event = 'breakage_recognised' group by all order by minor
        """
    )
    # What expires in February is of a month that nothing is sealed of yet.
    assert [tuple(row.values()) for row in broken] == [(date(2026, 1, 31), "4800", -10000), (date(2026, 1, 31), "2500", 10000)]
    postings = runs.rows("select posting_date, amount_minor, hold_reason from accounting.breakage_postings order by posting_date")
    assert [row["amount_minor"] for row in postings if row["posting_date"] < FEBRUARY] == [10000]
    assert all(row["hold_reason"] is None for row in postings)
    [promotional] = runs.rows("select promotional_credit_minor as minor from ledger.gross_to_net where promotional_credit_minor <> 0")
    assert promotional["minor"] == -500


def test_a_discount_counts_once_however_many_invoices_bill_its_usage(runs: Runs) -> None:
    [discounted] = runs.rows("select cast(-sum(discount_minor) as bigint) as minor from ledger.gross_to_net")
    [plain] = runs.rows(
        "select cast(sum(discount_minor) as bigint) as minor from staging.stg_register_closing__billing_lines where customer_id = 'plain discounted'"
    )
    assert discounted["minor"] == 2 * plain["minor"] > 0, "one customer is billed at once, the other at thresholds"


def issued(runs: Runs, customer: str, run: int, cause: str) -> list[tuple[str, int, list[tuple[str, int]]]]:
    return [
        (payload["document_date"], payload["subtotal_minor"], [(line["kind"], line["amount_minor"]) for line in payload["lines"]])
        for payload in runs.payloads(customer, run)
        if payload["cause"] == payload["row_cause"] == cause
    ]


def test_usage_that_reaches_a_threshold_is_due_on_the_last_landed_day_and_the_rest_waits(runs: Runs) -> None:
    assert issued(runs, "early", 0, "threshold") == [("2026-01-14", 11500, [("usage", 11500)])]
    assert issued(runs, "early", 0, "usage_and_fees") == [("2026-01-31", 1000, [("fee", 1000)])]
    assert issued(runs, "exactly", 0, "threshold") == [("2026-01-14", 10000, [("usage", 10000)])]
    for run in range(RUNS):
        assert issued(runs, "just below", run, "threshold") == []
        assert issued(runs, "plain", run, "threshold") == []


def test_a_second_threshold_bills_the_difference_exactly_across_tiers(runs: Runs) -> None:
    # 370 in all cost 100 at 1, 5 flat and 270 at 0.5: 240, of which 115 were billed.
    assert issued(runs, "early", 1, "threshold") == [("2026-01-19", 12500, [("usage", 12500)])]


def test_the_period_end_bills_the_rest_and_a_rerun_nothing(runs: Runs) -> None:
    assert issued(runs, "early", 2, "usage_and_fees") == [("2026-01-31", 3500, [("fee", 1000), ("usage", 2500)])]
    assert [runs.payloads("exactly", run) for run in (1, 2, 3)] == [[], [], []]


@pytest.mark.parametrize("way", sorted(WAYS))
def test_what_is_billed_in_the_end_is_what_is_billed_without_thresholds(runs: Runs, way: str) -> None:
    statement = (
        "select charge_id, sum(amount_minor) as amount from staging.stg_register_closing__billing_lines where customer_id = '{}' group by charge_id"
    )
    early, plain = (
        {row["charge_id"].rsplit("/", 1)[-1]: row["amount"] for row in runs.rows(statement.format(f"{kind}{way}"))} for kind in ("early", "plain")
    )
    assert early == plain
    assert early["usage"] > 0
    documents = "select count(distinct business_key) as documents from staging.stg_register_closing__billing_lines where customer_id = '{}'"
    assert runs.rows(documents.format(f"early{way}"))[0]["documents"] > runs.rows(documents.format(f"plain{way}"))[0]["documents"]


@pytest.mark.parametrize("kind", ["early", "plain"])
def test_late_usage_is_billed_in_the_first_open_month_and_nets_to_zero_under_a_commitment(runs: Runs, kind: str) -> None:
    assert issued(runs, kind, 3, "late_usage") == [("2026-02-28", 1500, [("usage", 1500)])]
    assert issued(runs, f"{kind} committed", 3, "late_usage") == [("2026-02-28", 1500, [("usage", 1500)])]
    [memo] = runs.memos[3][f"{kind} committed"]
    assert [(line["kind"], line["amount_minor"]) for line in memo["lines"]] == [("commitment", 1500)]


def test_an_early_invoice_belongs_to_the_month_it_is_issued_in_whenever_its_period_ends(runs: Runs) -> None:
    assert issued(runs, "other month", 0, "threshold") == [("2026-01-14", 15000, [("usage", 15000)])]
    # The period ends on 12 February; until then the rest is a draft of that month.
    assert issued(runs, "other month", 2, "usage_and_fees") == [("2026-02-28", 3000, [("usage", 3000)])]


def test_a_threshold_of_nothing_is_refused_with_its_file_and_line(runs: Runs) -> None:
    refused = runs.rows(
        "select price_id, violation, file_name, line_number from staging.stg_billing__refused_prices where violation = 'not_positive'"
    )
    assert [row["price_id"] for row in refused] == ["no threshold/threshold"]
    assert all(row["file_name"].startswith("prices/") and row["line_number"] > 1 for row in refused)
    assert issued(runs, "no threshold", 0, "threshold") == []
