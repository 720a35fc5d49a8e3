"""What is read back is all that the books hold in a month, ours or not, or an error."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import pytest
from quickbooks_books import US, Books

from reverse_etl.errors import DestinationError
from reverse_etl.landing.relations import RELATIONS
from reverse_etl.sandbox.quickbooks import realm_of
from reverse_etl.systems.contract import LedgerBalances
from reverse_etl.systems.quickbooks import reading

Start = Callable[..., Books]


def bookkeeper(books: Books, day: str, amount: float) -> None:
    """Somebody else's entry, in euros."""
    headers = books.open()._authorization.headers("GET", books.url, time.monotonic() + 60)
    assert isinstance(headers, dict)
    place = f"{books.url}/v3/company/{realm_of(US)}"
    accounts = httpx.get(f"{place}/query", params={"query": "select * from Account"}, headers=headers, trust_env=False, timeout=120).json()
    ids = {account["AcctNum"]: account["Id"] for account in accounts["QueryResponse"]["Account"]}
    lines = [
        {
            "Amount": amount,
            "DetailType": "JournalEntryLineDetail",
            "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": ids[account]}},
            "Description": "copied from TO-0123456789ABCDEF",
        }
        for side, account in (("Debit", "2200"), ("Credit", "4000"))
    ]
    content = {"TxnDate": day, "Line": lines, "CurrencyRef": {"value": "EUR"}, "ExchangeRate": 1.08455, "PrivateNote": "accrual"}
    assert httpx.post(f"{place}/journalentry", json=content, headers=headers, trust_env=False, timeout=120).status_code == 200


def test_a_month_is_read_back_with_what_moved_each_account(start: Start) -> None:
    books = start()
    documents = books.seal(books.customer("C1"), books.entry("J1"), books.entry("J2", 5000), books.entry("February", day=date(2026, 2, 1)))
    books.push(period=None)
    bookkeeper(books, "2026-01-15", 100.0)

    records: defaultdict[str, list[Any]] = defaultdict(list)
    for relation, record in books.open().read_back(US, "2026-01"):
        records[relation].append(record)

    moves = {record["reference"]: record for record in records["raw.ledger_moves"]}
    assert moves.keys() == {documents[1].reference, documents[2].reference, None}
    assert (moves[None]["description"], moves[None]["state"], moves[None]["posting_date"]) == ("accrual", "posted", date(2026, 1, 15))
    lines = {record["line_key"]: record for record in records["raw.ledger_move_lines"] if record["line_key"]}
    receivable = lines["J1#receivable"]
    assert (receivable["account_code"], receivable["debit_minor"], receivable["party_code"]) == ("1100", 11900, "C1")
    foreign = [record for record in records["raw.ledger_move_lines"] if record["line_key"] is None]
    assert [(record["debit_minor"], record["credit_minor"], record["currency"], record["amount_minor"]) for record in foreign] == [
        (10846, 0, "EUR", 10000),
        (0, 10846, "EUR", -10000),
    ]
    lines_moved = records["raw.ledger_move_lines"]
    moved = {record["account_code"]: (record["debit_minor"], record["credit_minor"]) for record in records["raw.ledger_account_movements"]}
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for record in lines_moved:
        sums[record["account_code"]][0] += record["debit_minor"]
        sums[record["account_code"]][1] += record["credit_minor"]
    assert moved == {account: tuple(sides) for account, sides in sums.items()}


def test_records_have_the_columns_of_a_ledger(start: Start) -> None:
    books = start()
    books.seal(books.customer("C1"), books.entry("J1"))
    books.push()
    for relation, record in books.open().read_back(US, "2026-01"):
        assert set(record) == set(RELATIONS[relation]) - {"read_id"}


def test_quickbooks_own_sums_and_balances_are_read(start: Start) -> None:
    books = start()
    entries = books.entry("J1"), books.entry("J2", 5000, "C2"), books.entry("J3", 700, day=date(2026, 2, 1))
    books.seal(books.customer("C1"), books.customer("C2"), *entries)
    books.push(period=None)
    system = books.open()
    assert isinstance(system, LedgerBalances)
    assert system.trial_balance(US, "2026-01")["1100"] == (16900, 0)
    assert system.trial_balance(US, "2026-02")["1100"] == (17600, 0)
    assert system.receivables(US) == {"C1": 12600, "C2": 5000}


def test_many_entries_are_read_page_by_page(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_etl.systems.quickbooks.companies.PAGE_SIZE", 3)
    books = start()
    documents = books.seal(books.customer("C1"), *(books.entry(f"J{number}") for number in range(7)))
    books.push()
    records = [record for relation, record in books.open().read_back(US, "2026-01") if relation == reading.MOVES]
    assert {record["reference"] for record in records} == {document.reference for document in documents[1:]}


def test_books_that_are_down_or_refuse_the_token_are_an_error_and_not_empty(start: Start) -> None:
    books = start()
    system = books.open()
    books.order(kind="unauthorized", path=".", method=None, times=9)
    with pytest.raises(DestinationError, match="refuses the authorization"):
        system.ping()
    with pytest.raises(DestinationError):
        system.read_back(US, "2026-01")
