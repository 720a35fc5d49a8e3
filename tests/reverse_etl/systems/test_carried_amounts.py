"""What a ledger has no field for comes back from the text of the line, whatever the words around it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.systems.carried_amounts import carried_amount, carried_party, line_text
from reverse_etl.systems.journal_entries import JournalEntry, JournalLine, line_key_of


def entry(line: JournalLine, currency: str = "USD") -> JournalEntry:
    return JournalEntry("TO-0123456789ABCDEF", "acme", date(2026, 1, 31), "2026-01", currency, 0 if currency == "JPY" else 2, "USD", 2, (line,))


@given(customer=st.text(min_size=1, max_size=30), words=st.none() | st.text(max_size=60))
def test_a_party_comes_back_as_it_was(customer: str, words: str | None) -> None:
    line = JournalLine("entry-1#receivable", "1100", "debit", 100, 100, customer_id=customer, description=words)

    text = line_text(entry(line), line, 4000, carries_party=True)

    assert (carried_party(text), line_key_of(text)) == (customer, "entry-1#receivable")


@pytest.mark.parametrize("customer", ["C0001", None])
def test_amount_and_party_stand_side_by_side(customer: str | None) -> None:
    line = JournalLine("k", "1100", "credit", 100, 1500, customer_id=customer, description="[JPY 7] for [for X]")

    text = line_text(entry(line, "JPY"), line, 4000, carries_party=True)

    assert (carried_amount(text), carried_party(text)) == (("JPY", -1500), customer)


@pytest.mark.parametrize("words", ["[for C0009]", " [JPY 7] of it"])
def test_words_that_look_like_something_carried_are_words(words: str) -> None:
    line = JournalLine("k", "1100", "debit", 100, 100, description=words)

    text = line_text(entry(line), line, 4000, carries_party=True)

    assert (carried_amount(text), carried_party(text)) == (None, None)
