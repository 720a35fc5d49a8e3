"""The independent re-performer: it comes from the delivered files to a ledger worked out by hand, and names whatever is not so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from small_company import CALLS, CREDITED, DOLLARS, ENTITY, EUROS, FEBRUARY, ISSUED, JANUARY, REFERENCE, Company, with_rows

from reverse_etl.reperformance import HeldLine, LedgerLine, Reperformance, Settlement, reperform
from reverse_etl.reperformance.delivered import ChangedDeliveryError
from reverse_etl.reperformance.events import Usage
from reverse_etl.reperformance.rating import due_lines, quantities_of
from reverse_etl.reperformance.references import read_references


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company.deliver(tmp_path)


def named(done: Reperformance) -> set[tuple[str, str, str | None, int]]:
    """Period, account, line and what the ledger has too much, in minor units."""
    return {(found.period, found.account, found.line, found.difference_minor) for month in done.months for found in month.differences}


def test_it_comes_to_the_ledger_with_late_usage_a_correction_and_foreign_currency(company: Company) -> None:
    done = reperform(company.inbox, company.facts())
    assert done.agrees, done.months
    assert [(month.period, month.reperformed, month.lines) for month in done.months] == [(JANUARY, 11, 11), (FEBRUARY, 10, 10)]
    revenue = {(item.period, item.account, item.currency): item.expected_minor for month in done.months for item in month.accounts}
    assert revenue[JANUARY, "4100", "USD"] == -1103
    assert revenue[FEBRUARY, "4100", "EUR"] == 200


def test_a_cent_is_found_by_line_and_account(company: Company) -> None:
    place = next(place for place, line in enumerate(company.ledger) if line.line == CALLS)
    company.ledger[place] = replace(company.ledger[place], minor=-1104)
    assert named(reperform(company.inbox, company.facts())) == {(JANUARY, "4100", CALLS, -1)}
    company.ledger[place] = replace(company.ledger[place], minor=-1103, functional_minor=-997)
    [month] = [month for month in reperform(company.inbox, company.facts()).months if month.differences]
    assert [(found.difference_minor, found.difference_functional_minor) for found in month.differences] == [(0, -1)]


def test_an_event_that_the_books_have_lost_is_found_with_all_that_follows_from_it(company: Company) -> None:
    company.use("2026-02-05", [("lost", DOLLARS, "2026-02-03T12:00:00Z", "100")], "other_gateway")
    found = named(reperform(company.inbox, company.facts()))
    assert (FEBRUARY, "4100", "S1/pro.calls/2026-02-01", 900) in found
    assert {account for _, account, _, _ in found} == {"1200", "2100", "4100"}


def test_a_line_on_another_account_is_missing_from_one_and_too_much_on_the_other(company: Company) -> None:
    place = next(place for place, line in enumerate(company.ledger) if line.line == CALLS)
    company.ledger[place] = replace(company.ledger[place], account="4999")
    assert named(reperform(company.inbox, company.facts())) == {(JANUARY, "4100", CALLS, 1103), (JANUARY, "4999", CALLS, -1103)}


def test_a_line_in_another_month_differs_in_both(company: Company) -> None:
    place = next(place for place, line in enumerate(company.ledger) if line.line == CALLS and line.period == FEBRUARY)
    company.ledger[place] = replace(company.ledger[place], period=JANUARY)
    assert named(reperform(company.inbox, company.facts())) == {(JANUARY, "4100", CALLS, -50), (FEBRUARY, "4100", CALLS, 50)}


def test_a_line_that_follows_from_nothing_is_found(company: Company) -> None:
    company.ledger.append(replace(company.ledger[0], customer_id="", line=None, account="1000", minor=7, functional_minor=7))
    assert named(reperform(company.inbox, company.facts())) == {(JANUARY, "1000", None, 7)}


def test_what_was_never_issued_is_missing_unless_it_waits_for_a_person(company: Company) -> None:
    company.ledger = [line for line in company.ledger if not (line.customer_id == EUROS and line.period == FEBRUARY)]
    unsealed = company.facts("memo/C2/1")
    assert (JANUARY, "4100", "S2/basic.calls/2026-01-01", -200) in named(reperform(company.inbox, unsealed))
    company.held.append(HeldLine(ENTITY, EUROS, "S2/basic.calls/2026-01-01", "run_gate"))
    done = reperform(company.inbox, company.facts("memo/C2/1"))
    assert done.agrees
    assert [(waits.line, waits.minor, waits.reason) for waits in done.waiting] == [("S2/basic.calls/2026-01-01", -200, "run_gate")]


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (with_rows("charges", charge_model="percentage"), "the charge model percentage"),
        (with_rows("plans", anchor="subscription"), "periods other than calendar months"),
        ({**REFERENCE, "price_terms": "price_id,price_version,term,value\np3,1,free_units,5\np1,1,free_units,5"}, "the price term free_units"),
        (with_rows("charges", kind="prepaid"), "charges of the kind prepaid"),
    ],
)
def test_what_is_not_covered_is_listed_by_name_and_compared_with_nothing(tmp_path: Path, reference: dict[str, str], reason: str) -> None:
    company = Company.deliver(tmp_path, reference)
    done = reperform(company.inbox, company.facts())
    assert [month.reperformed for month in done.months] == [0, 0]
    assert [[(left.reason, left.lines) for left in month.not_reperformed] for month in done.months] == [[(reason, 11)], [(reason, 10)]]


def test_events_that_somebody_recorded_are_listed_and_not_computed(company: Company) -> None:
    company.ledger.append(replace(company.ledger[0], event="payment_received", minor=-8453, functional_minor=-7636))
    january = reperform(company.inbox, company.facts(), JANUARY).months[0]
    assert not january.differences
    assert [left.reason for left in january.not_reperformed] == ["the event payment_received"]


@pytest.mark.parametrize(("paid", "worth", "rounding"), [(0, 28, 0), (8000, 27, 1)])
def test_a_credit_in_foreign_currency_is_worth_what_it_changes_of_the_balance_that_payments_have_left(
    company: Company, paid: int, worth: int, rounding: int
) -> None:
    # Five calls fewer than January's invoice has: 0.25 dollars and 0.05 of tax at 0.9033, of 84.53 or of the 4.53 that are not paid.
    company.use("2026-02-05", [("g", DOLLARS, "2026-01-22T12:00:00Z", "-15")], "corrections")
    february = [line for line in company.ledger if (line.customer_id, line.period, line.event) == (DOLLARS, FEBRUARY, ISSUED)]
    amounts = [
        ("1200", ISSUED, None, 3808, 3503),
        ("4100", ISSUED, "S1/pro.calls/2026-02-01", -200, -184),
        ("2400", ISSUED, "S1/pro.fee/2026-03-01", -3000, -2760),
        ("2100", ISSUED, None, -608, -559),
        ("1200", CREDITED, None, -30, -worth),
        ("4100", CREDITED, CALLS, 25, 23),
        ("2100", CREDITED, None, 5, 5),
        ("7900", CREDITED, None, 0, -rounding),
    ]
    company.ledger = [line for line in company.ledger if line not in february]
    company.ledger += [LedgerLine(ENTITY, FEBRUARY, account, "USD", event, DOLLARS, line, *minor) for account, event, line, *minor in amounts]
    facts = company.facts()
    memo = replace(facts.sealed[2], position=22, business_key="memo/C1/1", customer_id=DOLLARS, currency="USD", invoice_key="invoice/C1/1")
    done = reperform(company.inbox, replace(facts, sealed=[*facts.sealed, memo], settlements=[Settlement("invoice/C1/1", date(2026, 2, 10), -paid)]))
    assert named(done) == set()
    assert done.agrees, done.months


def test_a_sample_compares_every_line_of_the_customers_that_the_hash_chooses(company: Company) -> None:
    chosen = set()
    for seed in ("1", "2", "3", "4", "5", "6"):
        done = reperform(company.inbox, company.facts(), JANUARY, sample=1, seed=seed)
        assert done.agrees
        chosen.add(done.months[0].reperformed)
    assert chosen == {8, 3}


def test_a_file_that_is_not_the_one_that_landed_is_refused_by_name(company: Company) -> None:
    path = company.inbox / "usage" / "2026-02-05" / "gateway.jsonl"
    path.write_text(path.read_text().replace('"10"', '"11"'))
    with pytest.raises(ChangedDeliveryError, match=r"usage/2026-02-05/gateway\.jsonl is not the file that landed"):
        reperform(company.inbox, company.facts())


@pytest.mark.parametrize(
    ("model", "tiers", "quantity", "minor"),
    [
        ("volume", "100,0.10,\n,0.05,", "100", 1000),
        ("volume", "100,0.10,\n,0.05,", "100.5", 503),
        ("graduated", "100,0.10,1.00\n,0.05,2.00", "101", 1305),
        ("graduated", "100,0.10,\n", "100.01", None),
        ("package", ",7.00,,10", "30.1", 2800),
    ],
)
def test_tiers_include_their_upper_bound_and_blocks_that_were_begun_count_whole(
    tmp_path: Path, model: str, tiers: str, quantity: str, minor: int | None
) -> None:
    reference = {
        **with_rows("charges", charge_model=model),
        "prices": "tier_up_to,unit_price,flat_fee,block_size,price_id,price_version,charge_id,currency,effective_from\n"
        + "\n".join(f"{tier + ',' * (3 - tier.count(','))},p3,1,basic.calls,EUR,2026-01-01" for tier in tiers.split("\n") if tier),
    }
    assert amounts(tmp_path, reference, quantity).get("S2/basic.calls/2026-01-01") == minor


def test_discounts_come_off_before_the_commitment_is_completed(tmp_path: Path) -> None:
    reference = {
        **REFERENCE,
        "charges": REFERENCE["charges"]
        + "\nbasic.less,basic,discount,percent,,arrears,api,standard\nbasic.off,basic,discount,fixed,,arrears,api,standard"
        + "\nbasic.least,basic,commitment,flat,,arrears,api,standard",
        "prices": REFERENCE["prices"]
        + "\np4,1,basic.less,EUR,2026-01-01,,,\np5,1,basic.off,EUR,2026-01-01,,,1.00\np6,1,basic.least,EUR,2026-01-01,,,60.00",
        "price_terms": "price_id,price_version,term,value\np4,1,discount_percent,12.5",
    }
    lines = amounts(tmp_path, reference, "500")
    # 50.00 less 6.25 less 1.00
    assert (lines["S2/basic.calls/2026-01-01"], lines["S2/basic.least/2026-01-01"]) == (4275, 1725)


def amounts(inbox: Path, reference: Mapping[str, str], quantity: str) -> dict[str, int]:
    """The lines of January where the second customer has used so much."""
    company = Company.deliver(inbox, reference)
    references = read_references(inbox, [file for file in company.files if file.source != "usage"])
    quantities = quantities_of([Usage(EUROS, "calls", date(2026, 1, 21), Decimal(quantity))], references)
    return {key: line.minor for key, line in due_lines(references, quantities, [EUROS], date(2026, 1, 1)).items()}


def test_it_imports_nothing_that_lands_rates_issues_or_posts() -> None:
    room = Path(__file__).parents[3] / "reverse_etl" / "reperformance"
    imported = {line.split()[1] for path in room.glob("*.py") for line in path.read_text().splitlines() if line.startswith(("from ", "import "))}
    ours = {name for name in imported if name.startswith(("reverse_etl", "dagster_project"))}
    assert all(name == "reverse_etl.errors" or name.startswith("reverse_etl.reperformance") for name in ours)
