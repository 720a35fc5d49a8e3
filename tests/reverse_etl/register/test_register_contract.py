"""Arithmetic that a row must satisfy, over many rows: balanced ones pass, a cent anywhere does not; wrong types harm nobody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from register_rows import credit_memo, invoice, journal, journal_line

from reverse_etl.documents import OutboxRow
from reverse_etl.register import Register
from reverse_etl.register.contract import violations

ANY_REGISTER = cast(Register, SimpleNamespace(incarnation="any"))
amounts = st.integers(min_value=1, max_value=10**12)


@st.composite
def balanced_entries(draw: st.DrawFn) -> OutboxRow:
    debits = draw(st.lists(amounts, min_size=1, max_size=6))
    total = sum(debits)
    cut = draw(st.integers(min_value=0, max_value=total - 1))
    credits = [part for part in (cut, total - cut) if part]
    lines = [journal_line(f"d{index}", "debit", amount) for index, amount in enumerate(debits)]
    lines += [journal_line(f"c{index}", "credit", amount) for index, amount in enumerate(credits)]
    return journal(ANY_REGISTER, lines, total)


@st.composite
def invoices(draw: st.DrawFn) -> OutboxRow:
    parts = draw(st.lists(st.tuples(st.integers(-(10**9), 10**12), st.integers(0, 10**9)), min_size=1, max_size=6))
    parts.append((10**13, 0))
    lines = [{"line_key": f"l{index}", "amount_minor": amount, "tax_minor": tax} for index, (amount, tax) in enumerate(parts)]
    subtotal, tax = sum(amount for amount, _ in parts), sum(tax for _, tax in parts)
    payload = {"currency": "USD", "subtotal_minor": subtotal, "tax_minor": tax, "total_minor": subtotal + tax, "lines": lines}
    return replace(invoice(ANY_REGISTER), payload=payload, total_minor=subtotal + tax)


def off_by(row: OutboxRow, line: int, member: str, delta: int) -> OutboxRow:
    payload: dict[str, Any] = deepcopy(dict(row.payload))
    payload["lines"][line % len(payload["lines"])][member] += delta
    return replace(row, payload=payload)


@pytest.mark.parametrize("of", [invoice, credit_memo, journal])
def test_a_document_is_posted_within_its_period_and_not_before_its_date(of: Callable[[Register], OutboxRow]) -> None:
    row = of(ANY_REGISTER)
    assert violations(row) == ()
    assert violations(replace(row, posting_date=date(2026, 2, 1))) == ("posting date 2026-02-01 is outside its period 2026-01",)
    assert violations(replace(row, posting_date=date(2026, 1, 27))) == ("posting date 2026-01-27 is before the document's date 2026-01-28",)


@settings(max_examples=100, deadline=None)
@given(balanced_entries(), st.integers(0, 10), st.sampled_from(["amount_minor", "functional_minor"]), st.sampled_from([1, 7]))
def test_a_journal_entry_balances_to_the_cent_in_both_currencies(row: OutboxRow, line: int, member: str, delta: int) -> None:
    assert violations(row) == ()
    assert violations(off_by(row, line, member, delta))
    assert violations(replace(row, total_minor=row.total_minor + delta))


@settings(max_examples=100, deadline=None)
@given(invoices(), st.integers(0, 10), st.sampled_from(["amount_minor", "tax_minor"]), st.sampled_from([-1, 1]))
def test_the_lines_of_an_invoice_sum_to_its_totals(row: OutboxRow, line: int, member: str, delta: int) -> None:
    assert violations(row) == ()
    assert violations(off_by(row, line, member, delta))
    assert violations(replace(row, total_minor=row.total_minor + delta))


def test_an_entry_may_be_of_the_functional_currency_alone_and_never_of_nothing() -> None:
    revalued = [journal_line("a", "debit", 0, 7), journal_line("b", "credit", 0, 7)]
    assert violations(journal(ANY_REGISTER, revalued, 0)) == ()
    assert violations(journal(ANY_REGISTER, [journal_line("a", "debit", 0, 7), journal_line("b", "credit", 0, 6)], 0))
    assert violations(journal(ANY_REGISTER, [journal_line("a", "debit", 0, 0), journal_line("b", "credit", 0, 0)], 0))
    assert violations(replace(invoice(ANY_REGISTER), total_minor=0))


def test_a_rounding_line_may_exist_in_the_functional_currency_only() -> None:
    lines = [journal_line("a", "debit", 100, 91), journal_line("b", "credit", 100, 90), journal_line("c", "credit", 0, 1)]
    assert violations(journal(ANY_REGISTER, lines, 100)) == ()


def test_a_credit_memo_states_what_it_credits_as_positive_amounts() -> None:
    row = credit_memo(ANY_REGISTER, amount=10)
    lines = [{"line_key": "a", "amount_minor": -5, "tax_minor": 2}, {"line_key": "b", "amount_minor": 15, "tax_minor": 0}]
    assert violations(row) == ()
    assert "a credited amount is negative" in violations(replace(row, payload={**row.payload, "lines": lines}))


def credit(amount: object, **members: object) -> dict[str, object]:
    return {"grant_id": "G1", "kind": "paid", "account": "2500", "place": 1, "amount_minor": amount} | members


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"applied_credit_minor": 700, "amount_due_minor": 500, "credits": [credit(300), credit(400)]}, None),
        ({"applied_credit_minor": 0, "amount_due_minor": 1200, "credits": []}, None),
        ({"applied_credit_minor": 701, "amount_due_minor": 499, "credits": [credit(700)]}, "credits sum to 700"),
        ({"applied_credit_minor": 700, "amount_due_minor": 501, "credits": [credit(700)]}, "the amount due 501"),
        ({"applied_credit_minor": 1201, "amount_due_minor": -1, "credits": [credit(1201)]}, "is more than the total 1200"),
        ({"applied_credit_minor": 0, "amount_due_minor": 1200, "credits": [credit(1), credit(-1)]}, "a positive amount"),
        ({"applied_credit_minor": 1, "amount_due_minor": 1199, "credits": [credit(1, account=None)]}, "its account"),
        ({"applied_credit_minor": 1, "amount_due_minor": 1199}, "are missing"),
        ({"applied_credit_minor": 1, "amount_due_minor": 1199, "credits": [1]}, "are missing"),
    ],
)
def test_what_credits_settle_and_what_is_due_are_the_total(members: Mapping[str, Any], reason: str | None) -> None:
    row = invoice(ANY_REGISTER)
    found = violations(replace(row, payload={**row.payload, **members}))
    assert found == () if reason is None else any(reason in violation for violation in found), found


@pytest.mark.parametrize(("sensitivity", "reason"), [("secret", "is none of public, internal"), ("prohibited", "never sealed")])
def test_a_document_of_an_unknown_or_prohibited_class_is_not_sealed(sensitivity: str, reason: str) -> None:
    [violation] = violations(replace(invoice(ANY_REGISTER), sensitivity=sensitivity))
    assert reason in violation


WRONG_TYPES: tuple[Mapping[str, Any], ...] = (
    {"total_minor": None},
    {"total_minor": 1200.0},
    {"total_minor": True},
    {"revision": None},
    {"business_key": None},
    {"subtracted_key": None},
    {"entity": None},
    {"period": None},
    {"document_date": None},
    {"posting_date": "2026-01-31"},
    {"depends_on": None},
    {"depends_on": (None,)},
    {"payload": None},
    {"payload": {"currency": "USD", "lines": [1]}},
    {"contract_version": None},
    {"register_head": None},
    {"series": 7},
)


@pytest.mark.parametrize("change", WRONG_TYPES, ids=str)
def test_a_row_of_the_wrong_types_is_refused_without_bringing_the_others_down(register: Register, change: Mapping[str, Any]) -> None:
    bad = replace(invoice(register, "C1"), **change)

    report = register.seal([bad, invoice(register, "C2")], "tests", "run")

    assert [(refusal.row, refusal.code) for refusal in report.refused] == [(bad, "contract")]
    assert [document.natural_id for document in report.sealed] == ["C2:2026-01:1"]
    assert len(register.exceptions()) == 1


def test_a_date_is_a_day_whatever_the_row_says(register: Register) -> None:
    [document] = register.seal([invoice(register)], "tests", "run").sealed
    assert (type(document.document_date), document.document_date) == (date, date(2026, 1, 28))
