"""Tax of every kind, parents, keys that change, accruals and revaluations, through a month that is issued and the one that corrects it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
import rekeyed_company
import unbilled_company
from dbt_commands import Dbt
from two_months import PROPOSALS_AND_ASSERTIONS, Company, event
from varied_company import CUSTOMERS, ENTITIES, FILES, FILES_OF_FEBRUARY, FILES_OF_THE_NEXT_DAY, FRENCH, GREEK

from dagster_project.published.held_back import EXCEPTIONS
from dagster_project.published.lineage import trace
from reverse_etl.landing import LandingReport
from reverse_etl.settings import Settings

REKEYED = "', '".join(rekeyed_company.CUSTOMERS)
NOT_VARIED = "', '".join((*rekeyed_company.CUSTOMERS, *unbilled_company.CUSTOMERS))
INVOICED = f"""
    select customer_id, bill_to_customer_id, natural_id, amount_minor, tax_minor, cast(tax_rate as double) as tax_rate, tax_treatment,
        exemption_reason, exemption_certificate, customer_tax_id, tax_behavior
    from invoicing.proposed_invoice_lines where customer_id not in ('{NOT_VARIED}')
"""
REKEYED_LINES = f"""
    select line_key, customer_id, cause, amount_minor from invoicing.proposed_invoice_lines where customer_id in ('{REKEYED}')
    union all
    select line_key, customer_id, cause, -amount_minor from invoicing.proposed_credit_memo_lines where customer_id in ('{REKEYED}')
"""
CREDITED = INVOICED.replace("proposed_invoice_lines", "proposed_credit_memo_lines")


@dataclass(frozen=True)
class Months:
    company: Company
    landed: LandingReport
    january: dict[str, dict[str, Any]]
    february: dict[str, dict[str, Any]]
    credits: dict[str, dict[str, Any]]
    held: list[dict[str, Any]]
    invoices: dict[str, dict[str, Any]]
    rekeyed: dict[str, tuple[str, str, int]]
    rekeyed_holds: dict[str, str]
    gates: dict[str, dict[str, Any]]


def by_customer(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {row["customer_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory, dbt: Dbt) -> Months:
    company = Company.create(Settings(home=tmp_path_factory.mktemp("taxed"), entities=(*ENTITIES, unbilled_company.ENTITY)), dbt)
    landed = company.deliver(date(2026, 2, 1), FILES, [event(name, one.calls, "2026-01-30") for name, one in CUSTOMERS.items()])
    assert landed.problems == ()
    company.deliver(date(2026, 2, 2), FILES_OF_THE_NEXT_DAY, [])
    company.deliver(date(2026, 2, 3), rekeyed_company.FILES, rekeyed_company.january())
    company.deliver(date(2026, 2, 4), unbilled_company.FILES, unbilled_company.january())
    company.build(PROPOSALS_AND_ASSERTIONS)
    january = by_customer(company.rows(INVOICED))
    held = company.rows("select customer_id, hold_reason, blocks_document from invoicing.held_lines")
    invoices = company.rows("select natural_id, total_minor, depends_on, payload from outbox.outbox_invoices")
    company.issue("2026-01")
    company.close("2026-01")
    company.deliver(date(2026, 3, 1), FILES_OF_FEBRUARY, [event(name, one.late, "2026-01-30") for name, one in CUSTOMERS.items() if one.late])
    company.deliver(date(2026, 3, 2), rekeyed_company.FILES_OF_FEBRUARY, rekeyed_company.february())
    company.deliver(date(2026, 3, 3), {}, unbilled_company.february())
    company.build()
    rekeyed = {row["line_key"]: (row["customer_id"], row["cause"], row["amount_minor"]) for row in company.rows(REKEYED_LINES)}
    holds = company.rows(f"select line_key, hold_reason from invoicing.held_lines where customer_id in ('{REKEYED}')")
    gates = {row["cause"]: row for row in company.rows("select * from approvals.run_gates where entity = 'de' and customer_id = '*'")}
    february, credits = by_customer(company.rows(INVOICED)), by_customer(company.rows(CREDITED))
    company.issue("2026-02")
    company.reconcile()
    rekeyed_holds = {row["line_key"]: row["hold_reason"] for row in holds}
    invoiced = {row["natural_id"]: row for row in invoices}
    return Months(company, landed, january, february, credits, held, invoiced, rekeyed, rekeyed_holds, gates)


def amounts(line: dict[str, Any]) -> tuple[int, int]:
    return line["amount_minor"], line["tax_minor"]


def blocking(months: Months) -> dict[str, str]:
    return {row["customer_id"]: row["hold_reason"] for row in months.held if row["blocks_document"]}


def test_a_price_that_includes_tax_charges_the_gross_in_every_currency(months: Months) -> None:
    assert amounts(months.january["WITHIN"]) == (1000, 190)
    assert amounts(months.january["YEN"]) == (1082, 108), "1190 / 1.1 is 1081.8"
    assert amounts(months.january["DINAR"]) == (11333, 567), "11.900 / 1.05 is 11.3333"


def test_late_usage_is_subtracted_in_the_gross_and_taxed_at_the_rate_of_its_document(months: Months) -> None:
    assert amounts(months.february["WITHIN"]) == (496, 99), "5.95 at 20 percent, though January was taxed at 19"
    assert months.february["WITHIN"]["tax_rate"] == 0.2


def test_a_credit_of_a_gross_inherits_the_rate_that_was_within_it(months: Months) -> None:
    assert amounts(months.credits["WITHIN-LESS"]) == (500, 95)
    assert amounts(months.credits["WITHIN-NONE"]) == (1000, 190)
    assert months.credits["WITHIN-LESS"]["tax_rate"] == 0.19


def test_a_price_that_turns_out_to_include_tax_or_not_is_compared_in_its_new_terms(months: Months) -> None:
    assert amounts(months.january["THEN-WITHIN"]) == (1190, 226)
    assert amounts(months.credits["THEN-WITHIN"]) == (190, 36), "14.16 were charged and 11.90 are due: 2.26 with the 19 percent within them"
    assert amounts(months.january["THEN-ADDED"]) == (1000, 190)
    assert amounts(months.february["THEN-ADDED"]) == (190, 38), "11.90 are due before tax, 10.00 were charged"


def test_an_exempt_line_has_no_tax_and_keeps_its_certificate(months: Months) -> None:
    line = months.january["EXEMPT"]
    assert amounts(line) == (1000, 0)
    assert (line["tax_rate"], line["tax_treatment"]) == (0, "exempt")
    assert (line["exemption_reason"], line["exemption_certificate"]) == ("charity", "DE-2026-17")
    abroad = months.january["EXEMPT-ABROAD"]
    assert (abroad["tax_treatment"], abroad["customer_tax_id"]) == ("exempt", None), "a certificate goes before a VAT id"
    assert amounts(months.january["EXEMPT-WITHIN"]) == (1190, 0), "the price is what the customer is charged"


def test_an_exemption_that_expired_or_is_for_another_code_or_lacks_a_certificate_does_not_count(months: Months) -> None:
    for name in ("EXPIRED", "OTHER-CODE", "UNCERTIFIED"):
        assert amounts(months.january[name]) == (1000, 190), name
        assert months.january[name]["tax_treatment"] == "taxed"


def test_a_customer_who_is_registered_in_another_member_state_owes_the_tax(months: Months) -> None:
    for name, number in (("FRENCH", FRENCH), ("GREEK", GREEK)):
        line = months.january[name]
        assert (*amounts(line), line["tax_treatment"], line["customer_tax_id"]) == (1000, 0, "reverse_charge", number)


def test_who_sells_at_home_or_from_outside_or_to_a_wrong_number_charges_tax(months: Months) -> None:
    charged = {"DOMESTIC": 190, "ELSEWHERE": 210, "BRITISH": 200, "FROM-OUTSIDE": 200, "FRENCH-BAD": 200}
    assert {name: months.january[name]["tax_minor"] for name in charged} == charged
    assert {months.january[name]["customer_tax_id"] for name in charged} == {None}


def test_a_vat_id_that_comes_later_refunds_no_tax_and_a_credit_of_a_reverse_charge_has_none(months: Months) -> None:
    assert amounts(months.january["FRENCH-IN-FEBRUARY"]) == (1000, 200)
    assert amounts(months.credits["FRENCH-IN-FEBRUARY"]) == (400, 80)
    assert (*amounts(months.credits["FRENCH"]), months.credits["FRENCH"]["customer_tax_id"]) == (400, 0, FRENCH), "though it has expired"
    assert "FRENCH-IN-FEBRUARY" not in months.february


def test_a_late_line_is_treated_as_of_its_document(months: Months) -> None:
    assert amounts(months.january["FRENCH-MORE"]) == (1000, 200)
    line = months.february["FRENCH-MORE"]
    assert (*amounts(line), line["tax_treatment"], line["customer_tax_id"]) == (400, 0, "reverse_charge", FRENCH)
    assert amounts(months.february["EXPIRED"]) == (100, 20)


def test_what_is_refused_holds_its_lines_and_nothing_else_fills_the_gap(months: Months) -> None:
    rates = dict.fromkeys(("ABOVE-ONE", "NO-NUMBER", "NEGATIVE", "NO-DATE", "OLD-RATE", "ONE-OF-TWO"), "refused_tax_rate")
    held = blocking(months)
    assert {name: held.pop(name) for name in rates} == rates
    assert (held["NO-POLICY"], held["NO-WORD"]) == ("refused_tax_policy", "missing_price")
    assert amounts(months.january["REDELIVERED"]) == (1000, 250)


def test_every_refused_line_is_named_with_its_rule(months: Months) -> None:
    refused = months.company.rows("select file_name, line_number, violation from staging.stg_finance__refused_tax_rates")
    told = {(row["file_name"].split("/")[0], row["line_number"]): row["violation"] for row in refused}
    lines = {source: {line.split(",")[1]: number for number, line in enumerate(rows, 1)} for source, rows in FILES.items()}
    assert told == {
        ("tax_rates", lines["tax_rates"]["AT"]): "rate_above_one",
        ("tax_rates", lines["tax_rates"]["IT"]): "not_a_number",
        ("tax_rates", lines["tax_rates"]["ES"]): "negative_rate",
        ("tax_rates", lines["tax_rates"]["PL"]): "not_a_date",
        ("tax_rates", lines["tax_rates"]["SE"]): "rate_above_one",
        ("tax_rates", lines["tax_rates"]["PT"]): "not_a_number",
        ("tax_exemptions", lines["tax_exemptions"]["UNCERTIFIED"]): "missing_certificate",
        ("tax_registrations", lines["tax_registrations"]["FRENCH-BAD"]): "tax_id_of_wrong_check_digit",
        ("tax_registrations", lines["tax_registrations"]["BRITISH"]): "tax_id_of_no_member_state",
        ("legal_entities", lines["legal_entities"]["Odd"]): "unknown_word",
    }
    assert {one.line_number for one in months.landed.exclusions} == {lines["tax_registrations"][name] for name in ("FRENCH-BAD", "BRITISH")}
    shown = months.company.rows(EXCEPTIONS["refused"])
    assert {(row["subject"].split("/")[0], int(row["subject"].rsplit(" ", 1)[1])) for row in shown} == {*told, ("price_terms", 2), ("key_aliases", 7)}
    assert all(row["reason"] and row["what_to_do"] for row in shown)
    word = months.company.rows("select violation from staging.stg_billing__refused_prices where price_id = 'undecided'")
    assert word == [{"violation": "unknown_word"}]


def test_rated_is_issued_and_issued_is_in_the_journals(months: Months) -> None:
    # What was accrued in February is taken back by the close of March.
    compared = months.company.rows(
        "select checkpoint, sum(left_count) as compared, sum(break_count) as breaks from reconciliation.checkpoints"
        " where checkpoint in ('K10', 'K2', 'K3', 'K5', 'K6') and measure not in ('posted', 'walk') and period <= '2026-02'"
        " group by checkpoint order by checkpoint"
    )
    ties = [(row["checkpoint"], int(row["breaks"])) for row in compared if row["compared"] > 0]
    assert ties == [("K10", 0), ("K2", 0), ("K3", 0), ("K5", 0), ("K6", 0)]
    late = months.company.rows("select count(*) as n from reconciliation.k3_rated_to_issued where explanation is null and excused_value <> 0")
    assert late == [{"n": 0}]


def test_net_is_revenue_tax_is_payable_and_what_is_not_taxed_has_no_leg_of_tax(months: Months) -> None:
    legs = months.company.rows(
        "select documents.customer_id, journals.account, sum(journals.signed_minor) as minor from accounting.journal_lines as journals"
        " inner join (select distinct business_key, bill_to_customer_id as customer_id from staging.stg_register_issued__billing_lines) as documents"
        " on journals.source_document = documents.business_key group by all"
    )
    booked = {(row["customer_id"], row["account"]): int(row["minor"]) for row in legs}
    assert booked["WITHIN", "receivable"] == 1190 + 595
    assert booked["WITHIN", "usage_revenue"] == -(1000 + 496)
    assert booked["WITHIN", "tax_payable"] == -(190 + 99)
    assert booked["WITHIN-NONE", "receivable"] == booked["WITHIN-NONE", "tax_payable"] == 0
    assert booked["FRENCH-IN-FEBRUARY", "tax_payable"] == -(200 - 80)
    untaxed = {"EXEMPT", "EXEMPT-WITHIN", "FRENCH", "GREEK"}
    assert untaxed.isdisjoint(customer for customer, account in booked if account == "tax_payable")


def test_what_was_resolved_is_frozen_on_the_line(months: Months) -> None:
    frozen = months.company.rows(
        "select customer_id, country, tax_behavior, inclusive_tax_rounding, tax_treatment, exemption_certificate, customer_tax_id"
        " from staging.stg_register_closing__billing_lines where document_type = 'invoice' and period = '2026-01'"
    )
    facts = {row.pop("customer_id"): tuple(row.values()) for row in frozen}
    assert facts["WITHIN"] == ("DE", "inclusive", "net", "taxed", None, None)
    assert facts["EXEMPT"] == ("DE", "exclusive", "net", "exempt", "DE-2026-17", None)
    assert facts["FRENCH"] == ("FR", "exclusive", "net", "reverse_charge", None, FRENCH)


def test_a_parent_gets_one_invoice_with_the_lines_of_its_children(months: Months) -> None:
    family = ("PARENT", "CHILD", "CHILD-WITHIN", "LEAVING", "LEAVING-MORE")
    assert {months.january[name]["natural_id"] for name in family} == {"PARENT:2026-01:1"}
    invoice = months.invoices["PARENT:2026-01:1"]
    payload = json.loads(invoice["payload"])
    assert (payload["customer_id"], json.loads(invoice["depends_on"])) == ("PARENT", ["stripe/de/customer/PARENT"])
    assert sorted(line["customer_id"] for line in payload["lines"]) == sorted(family)
    # Each is taxed as its own customer is: at home, in France without tax, and within the price.
    assert {name: amounts(months.january[name]) for name in family[:3]} == {"PARENT": (1000, 190), "CHILD": (1000, 0), "CHILD-WITHIN": (1000, 190)}
    assert not any(row["natural_id"].startswith(("CHILD", "LEAVING")) for row in months.january.values())


def test_tax_is_rounded_by_itself_in_every_country_of_an_invoice(months: Months) -> None:
    lines = [months.january[name] for name in ("TWO-COUNTRIES", "TWO-COUNTRIES-CHILD")]
    assert {line["natural_id"] for line in lines} == {"TWO-COUNTRIES:2026-01:1"}
    assert [amounts(line) for line in lines] == [(100, 21), (100, 21)], "20.5 percent of 1.00 each; of 2.00 it would be 41"


def test_all_lines_of_a_parents_month_wait_together(months: Months) -> None:
    waiting = {row["customer_id"]: (row["hold_reason"], row["blocks_document"]) for row in months.held if "WAITING" in row["customer_id"]}
    assert waiting == dict.fromkeys(("WAITING-PARENT", "WAITING-CHILD"), ("refused_tax_rate", False))
    assert blocking(months)["HELD-CHILD"] == "refused_tax_rate"


def test_a_parent_that_cannot_be_billed_holds_the_child_alone(months: Months) -> None:
    assert {name: reason for name, reason in blocking(months).items() if "parent" in reason} == {
        "ORPHAN": "unknown_parent",
        "GRANDCHILD": "parent_chain",
        "CYCLE-ONE": "parent_cycle",
        "CYCLE-TWO": "parent_cycle",
        "OWN-PARENT": "parent_cycle",
        "OTHER-ENTITY": "parent_of_another_entity",
        "OTHER-CURRENCY": "parent_of_another_currency",
    }


def test_a_change_of_parent_moves_what_is_billed_next_and_a_credit_goes_to_whom_was_billed(months: Months) -> None:
    assert (months.january["JOINING"]["natural_id"], months.february["JOINING"]["natural_id"]) == ("JOINING:2026-01:1", "PARENT:2026-02:1")
    assert amounts(months.february["JOINING"]) == (300, 60)
    assert months.february["LEAVING-MORE"]["natural_id"] == "LEAVING-MORE:2026-02:1"
    credited = {name: months.credits[name]["bill_to_customer_id"] for name in ("LEAVING", "JOINING-LESS")}
    assert credited == {"LEAVING": "PARENT", "JOINING-LESS": "JOINING-LESS"}
    assert months.credits["LEAVING"]["natural_id"] == "PARENT:2026-02:1"


def test_the_party_of_a_receivable_is_who_was_billed(months: Months) -> None:
    parties = months.company.rows("select distinct customer_id from staging.stg_register_closing__journal_lines where customer_id is not null")
    named = {row["customer_id"] for row in parties}
    assert {"PARENT", "JOINING", "JOINING-LESS", "LEAVING-MORE"} <= named
    assert named.isdisjoint({"CHILD", "CHILD-WITHIN", "LEAVING"})


def test_a_childs_usage_is_traced_to_the_invoice_of_its_parent(months: Months) -> None:
    installation = months.company.installation
    installation.warehouse.publish()
    walk = trace(installation.warehouse, "CHILD-2026-01-30-100")
    assert [(one["customer_id"], one["bill_to_customer_id"]) for one in walk.invoice_lines] == [("CHILD", "PARENT")]
    assert [one["business_key"] for one in walk.documents] == ["stripe/de/invoice/PARENT:2026-01:1"]
    assert [one["business_key"] for one in walk.journal_entries] == ["tryton/de/journal_entry/invoice:PARENT:2026-01:1:issued"]


@pytest.mark.parametrize(
    ("customer", "stable"),
    [
        pytest.param("RENAMED", "RENAMED/added", id="a subscription"),
        pytest.param("RECHARGED", "RECHARGED/recharged", id="a charge"),
        pytest.param("TOLD-LATE", "TOLD-LATE/added", id="a subscription that was issued under its new id before its alias was known"),
    ],
)
def test_another_id_proposes_nothing_but_late_and_new_usage_under_the_stable_key(months: Months, customer: str, stable: str) -> None:
    assert {key: line for key, line in months.rekeyed.items() if line[0] == customer} == {
        f"{stable}/2026-01-01": (customer, "late_usage", 100),
        f"{stable}/2026-02-01": (customer, "usage_and_fees", 300),
    }


@pytest.mark.parametrize("merged", ["OLD", "MOVED"], ids=["the subscription stays with the old customer", "it is delivered with the survivor"])
def test_a_merge_moves_what_is_billed_from_its_day_on_and_nothing_before(months: Months, merged: str) -> None:
    assert {key: line for key, line in months.rekeyed.items() if key.startswith(merged)} == {
        f"{merged}/added/2026-01-01": (merged, "late_usage", 100),
        f"{merged}/added/2026-02-01": ("SURVIVOR", "usage_and_fees", 300),
    }


def test_a_survivor_keeps_its_own_usage_on_its_own_subscription(months: Months) -> None:
    assert months.rekeyed["SURVIVOR/added/2026-02-01"] == ("SURVIVOR", "usage_and_fees", 500)
    [invoice] = months.company.rows(
        "select count(*) as lines from staging.stg_register_closing__billing_lines where customer_id = 'SURVIVOR' and period = '2026-02'"
    )
    assert invoice == {"lines": 3}, "its own usage and that of both whom it was merged with"


def test_a_merge_of_customers_of_two_currencies_is_refused_and_what_it_would_move_waits(months: Months) -> None:
    [refused] = months.company.rows("select rule, subject, line_number from staging.refused_reference_rows where source = 'key_aliases'")
    assert tuple(refused.values()) == ("merge_across_currencies", "customer ABROAD", 7)
    assert months.rekeyed_holds["ABROAD/added/2026-02-01"] == "refused_alias"
    assert months.rekeyed_holds["ABROAD/added/2026-01-01"] == "missing_exchange_rate"


def test_a_charge_that_is_told_apart_goes_on_from_the_line_that_was_issued_and_stops_at_the_gate(months: Months) -> None:
    gated = months.company.rows("select line_key, signed_minor from approvals.gated_lines where customer_id = 'SPLIT' and cause = 're_keying'")
    continued = "SPLIT/split/2026-01-01"
    assert {row["line_key"]: row["signed_minor"] for row in gated} == {continued: -400_000, f"{continued}/region=us": 400_000}
    gate = months.gates["re_keying"]
    assert (gate["line_count"], gate["gross_minor"], gate["is_stopped"]) == (2, 800_000, True), "40 percent down and up, not all of it twice"
    assert not any(key.startswith("SPLIT") for key in months.rekeyed)


def test_without_an_alias_the_credit_and_the_new_bill_wait_with_a_reason(months: Months) -> None:
    assert months.rekeyed_holds["UNTOLD/untold/2026-01-01"] == "coverage_shrunk"
    assert not any(key.startswith("UNTOLD") for key in months.rekeyed)


def test_usage_is_traced_to_its_invoice_by_either_key(months: Months) -> None:
    installation = months.company.installation
    installation.warehouse.publish()
    walks = [trace(installation.warehouse, f"{name}/added/2026-01-01") for name in ("RENAMED", "RENAMED-AGAIN")]
    assert [one["business_key"] for one in walks[0].documents] == [one["business_key"] for one in walks[1].documents] != []


SNAPSHOTS = f"""
    select natural_id, event, cast(posting_date as varchar) as posting_date, account,
        case side when 'debit' then amount_minor else -amount_minor end as minor,
        case side when 'debit' then functional_minor else -functional_minor end as functional_minor
    from staging.stg_register_closing__journal_lines
    where entity = '{unbilled_company.ENTITY}' and event not in ('invoice_issued', 'revenue_recognised')
"""


def snapshots(months: Months, natural_id: str) -> dict[tuple[str, str, str], tuple[int, int]]:
    rows = [row for row in months.company.rows(SNAPSHOTS) if row["natural_id"] == natural_id]
    return {(row["event"], row["posting_date"], row["account"]): (row["minor"], row["functional_minor"]) for row in rows}


def test_what_was_served_by_the_last_day_is_accrued_and_taken_back_on_the_first_of_the_next_month(months: Months) -> None:
    accrued, taken_back = "unbilled_receivables_accrued", "unbilled_receivables_reversed"
    entry = "unbilled_accrual:2026-01:ANCHORED:USD"
    assert snapshots(months, entry) == {
        (accrued, "2026-01-31", "unbilled_receivable"): (1000, 1000),
        (accrued, "2026-01-31", "usage_revenue"): (-1000, -1000),
    }, "15.00 for the 150 calls that have landed, 100 of them used by the last day"
    assert snapshots(months, f"{entry}:reversal") == {
        (taken_back, "2026-02-01", "unbilled_receivable"): (-1000, -1000),
        (taken_back, "2026-02-01", "usage_revenue"): (1000, 1000),
    }, "as it was sealed, though more usage of January has come since"
    assert snapshots(months, "unbilled_accrual:2026-02:ANCHORED:USD")[accrued, "2026-02-28", "unbilled_receivable"] == (400, 400)


def test_a_fee_that_is_billed_after_its_quarter_is_accrued_by_days_at_the_closing_rate(months: Months) -> None:
    accrued = "unbilled_receivables_accrued"
    january, february = (snapshots(months, f"unbilled_accrual:2026-{month}:QUARTERLY:EUR") for month in ("01", "02"))
    assert january[accrued, "2026-01-31", "subscription_revenue"] == (-3100, -3410), "31 of 90 days of 90.00, at 1.1"
    assert february[accrued, "2026-02-28", "subscription_revenue"] == (-5900, -7080), "59 of 90 days, at 1.2"


def test_an_open_invoice_of_another_currency_is_brought_to_the_closing_rate_in_the_functional_currency_alone(months: Months) -> None:
    assert snapshots(months, "revaluation:2026-01:OWING:2026-01:1") == {}, "it was issued at the closing rate"
    assert snapshots(months, "revaluation:2026-02:OWING:2026-01:1") == {
        ("receivables_revalued", "2026-02-28", "receivable"): (0, 100),
        ("receivables_revalued", "2026-02-28", "unrealised_exchange_difference"): (0, -100),
    }, "10.00 at 1.2 instead of 1.1"
    [ahead] = months.company.rows(
        "select reverses, cast(posting_date as varchar) as day from accounting.journal_entries where event = 'revaluation_reversed'"
    )
    assert ahead == {"reverses": "revaluation:2026-02:OWING:2026-01:1", "day": "2026-03-01"}


def test_a_sealed_snapshot_states_its_cutoff_and_how_many_entries_it_has(months: Months) -> None:
    sealed = months.company.rows(
        "select period, cause, payload from register.documents where cause in ('unbilled_receivables_accrued', 'unbilled_receivables_reversed')"
        f" and entity = '{unbilled_company.ENTITY}'"
    )
    stated = [json.loads(row["payload"]) | {"period": row["period"]} for row in sealed if row["cause"] == "unbilled_receivables_accrued"]
    assert {(one["period"], one["snapshot_entry_count"]) for one in stated} == {("2026-01", 2), ("2026-02", 2)}
    assert all(one["snapshot_landing_position"] > 0 and one["snapshot_register_position"] > 0 and one["reverses"] is None for one in stated)
    reversals = [json.loads(row["payload"]) for row in sealed if row["cause"] == "unbilled_receivables_reversed"]
    assert {one["reverses"] for one in reversals} == {"unbilled_accrual:2026-01:ANCHORED:USD", "unbilled_accrual:2026-01:QUARTERLY:EUR"}
    assert {one["snapshot_entry_count"] for one in reversals} == {None}


def test_an_entity_without_an_account_for_it_lists_what_it_would_accrue(months: Months) -> None:
    listed = months.company.rows(
        "select distinct entity, explanation, is_break from reconciliation.checkpoint_comparisons"
        " where measure = 'accrued' and explanation is not null"
    )
    assert {"entity": "de", "explanation": "held: no_unbilled_account", "is_break": False} in listed
    assert not any(row["is_break"] for row in listed)
