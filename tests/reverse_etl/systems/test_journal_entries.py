"""A sealed journal entry, as every ledger sees it."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.contract import RemoteDocument
from reverse_etl.systems.journal_entries import (
    LINE_KEY_END,
    described,
    differences,
    exact_decimal,
    expected_lines,
    journal_entry,
    leading_reference,
    line_key_of,
    minor_units,
)
from tests.reverse_etl.systems.tryton.tryton_documents import entry, yen_entry

REFERENCE = "TO-0123456789ABCDEF"


def as_held(document: SealedDocument) -> RemoteDocument:
    """The document as a ledger that keeps everything holds it."""
    return RemoteDocument(
        reference=document.reference,
        remote_id="1",
        remote_number="1",
        status="posted",
        document_date=document.posting_date,
        period=document.period,
        currency=document.currency,
        total_minor=None,
        lines=expected_lines(journal_entry(document)),
        completed={},
    )


@given(st.integers(min_value=-(2**53), max_value=2**53), st.integers(min_value=0, max_value=4))
def test_amounts_are_exact_in_both_directions(minor: int, exponent: int) -> None:
    text = exact_decimal(minor, exponent)
    assert minor_units(text, exponent) == minor
    assert minor_units(Decimal(text), exponent) == minor
    assert "E" not in text
    assert len(text.partition(".")[2]) == exponent


@pytest.mark.parametrize("value", [1.1, True, None, "1.001", "x", "NaN", "Infinity", [], "1e999999999", "1e999999"])
def test_what_is_no_exact_amount_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is no|decimals"):
        minor_units(value, 2)


def test_a_reference_is_ours_only_at_the_beginning_of_a_text() -> None:
    assert leading_reference(f"{REFERENCE} INV-1") == REFERENCE
    assert leading_reference(f"see {REFERENCE}") is None
    assert leading_reference(f"{REFERENCE}0") is None


@given(st.text(max_size=60), st.integers(min_value=0, max_value=40))
def test_words_for_people_never_cut_the_key(words: str, length: int) -> None:
    text = described("entry-1#line:1", LINE_KEY_END, words, length=length)
    assert text.startswith("entry-1#line:1")
    assert len(text) <= max(length, len("entry-1#line:1"))


def test_the_line_key_is_read_back_from_a_description() -> None:
    assert line_key_of(described("entry-1#line:1", LINE_KEY_END, "API | calls", length=100)) == "entry-1#line:1"
    assert line_key_of("") is None


def test_a_line_without_second_currency_counts_in_the_functional_one() -> None:
    assert [(line.currency, line.amount_minor, line.functional_minor) for line in expected_lines(journal_entry(yen_entry()))] == [
        ("JPY", 1500, 1001),
        ("JPY", -1500, -1000),
        ("USD", -1, -1),
    ]


def test_what_is_held_as_sealed_has_no_differences_and_every_change_is_named() -> None:
    document = yen_entry()
    sealed, held = journal_entry(document), as_held(document)
    assert differences(sealed, held) == ()
    assert differences(sealed, dataclasses.replace(held, period="2026-02")) == ("period: 2026-02 instead of 2026-01",)
    changed = (dataclasses.replace(held.lines[0], functional_minor=1002), held.lines[1], held.lines[1])
    assert differences(sealed, dataclasses.replace(held, lines=changed)) == (
        "line yen#receivable: functional_minor 1002 instead of 1001",
        "line yen#rounding: missing",
        "line yen#line:1: 1 more than sealed",
    )


def test_a_ledger_compares_what_it_holds_under_its_own_account_codes() -> None:
    document = entry()
    held = as_held(document)
    mapped = tuple(dataclasses.replace(line, account=f"X{line.account}", party=None) for line in held.lines)
    arguments: dict[str, Any] = {"compared": ("account", "functional_minor"), "account_code": lambda code: f"X{code}"}
    assert differences(journal_entry(document), dataclasses.replace(held, lines=mapped), **arguments) == ()


def test_dimensions_are_read_from_their_canonical_text() -> None:
    document = entry()
    lines = [dict(line, dimensions="cost_center=410;department=sales") for line in document.payload["lines"]]
    sealed = journal_entry(dataclasses.replace(document, payload={**document.payload, "lines": lines}))
    assert sealed.lines[0].dimensions == {"cost_center": "410", "department": "sales"}


@pytest.mark.parametrize("damage", [{"side": "left"}, {"amount_minor": 1.5}, {"functional_minor": None}])
def test_a_damaged_line_is_refused_by_name(damage: dict[str, Any]) -> None:
    document = entry()
    lines = [dict(document.payload["lines"][0], **damage)]
    with pytest.raises(OutboxContractError, match=document.business_key):
        journal_entry(dataclasses.replace(document, payload={**document.payload, "lines": lines}))
