"""What NetSuite holds is read back completely, and every difference to what was sealed is seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_stand_in import US, LedgerStandIn
from netsuite_books import CREDENTIALS, CURRENCY, Books

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import DestinationError
from reverse_etl.systems.netsuite import NetSuite, reading
from reverse_etl.transport import Answer

Install = Callable[..., Books]


def posted(books: Books, natural_id: str) -> SealedDocument:
    own = books.installation
    own.customer()
    document = own.entry(natural_id)
    own.push()
    assert own.states()[natural_id] is State.VERIFIED, own.exceptions()
    return document


def differences(books: Books, document: SealedDocument) -> tuple[str, ...]:
    system = books.installation.open()
    return system.differences(document, None, system.look_up([document], {})[document.reference])


def changed_line(books: Books, document: SealedDocument, number: int, **changes: Any) -> None:
    """What an accountant makes of one line."""
    held = books.entry(document.reference)
    assert held is not None
    items = [{name: line[name] for name in ("account", "debit", "credit", "memo", "entity") if name in line} for line in held["line"]["items"]]
    items[number] |= changes
    answer = books.stand_in.http.patch(f"/services/rest/record/v1/journalEntry/{held['id']}?replace=line", json={"line": {"items": items}})
    assert answer.status_code == 204, answer.text


def test_every_change_that_a_person_makes_is_a_difference(books: Books) -> None:
    document = posted(books, "changed")
    assert differences(books, document) == ()
    changed_line(books, document, 1, account={"externalId": "7900"})
    assert differences(books, document) == ("line changed#line:1: account 7900 instead of 4000",)
    books.change(document.reference, tranDate="2026-02-01")
    books.change(document.reference, approved=False)
    assert differences(books, document) == (
        "status: pending approval instead of posted",
        "posting date: 2026-02-01 instead of 2026-01-31",
        "period: 2026-02 instead of 2026-01",
        "line changed#line:1: account 7900 instead of 4000",
    )


def test_added_lines_are_a_difference(books: Books) -> None:
    document = posted(books, "added")
    more = [{"account": {"externalId": "1200"}, "debit": 1}, {"account": {"externalId": "4000"}, "credit": 1, "memo": "added#tax"}]
    books.change(document.reference, line={"items": more})
    assert differences(books, document) == (
        "line added#tax: account 4000 instead of 2200",
        "line added#tax: functional_minor -100 instead of -1900",
        "line added#tax: amount_minor -100 instead of -1900",
        "line (without key): 1 more than sealed",
        "line added#tax: 1 more than sealed",
    )


def test_a_preference_that_books_into_the_first_open_period_is_seen(tmp_path: Path, install: Install) -> None:
    stand_in = LedgerStandIn(
        "netsuite", tmp_path, "--closed-period", "first_open", headers={"Authorization": "Bearer accountant"}, credentials=CREDENTIALS
    ).start()
    try:
        books = install(url=stand_in.url)
        own = books.installation
        own.customer()
        stand_in.http.post("/_periods", json={"period": "2026-01", "closed": True})
        own.entry("moved")
        own.push()
        assert own.states()["moved"] is State.POSTED
        assert "period: 2026-02 instead of 2026-01" in str(own.exceptions())
    finally:
        stand_in.stop()


def test_a_month_is_read_back_with_everybodys_entries_and_netsuites_own_sums(tmp_path: Path, install: Install) -> None:
    stand_in = LedgerStandIn("netsuite", tmp_path, headers={"Authorization": "Bearer accountant"}, credentials=CREDENTIALS).start()
    try:
        books = install(url=stand_in.url)
        own = books.installation
        own.customer()
        yen = own.yen_entry("yen")
        own.push()
        items = [{"account": {"externalId": "1200"}, "debit": 5.5}, {"account": {"externalId": "4000"}, "credit": 5.5, "memo": "a | b"}]
        theirs = {"subsidiary": {"externalId": US}, "currency": {"id": CURRENCY[US]}, "tranDate": "2026-01-15", "line": {"items": items}}
        assert stand_in.http.post("/services/rest/record/v1/journalEntry", json=theirs).status_code == 204
        system = own.open()
        assert isinstance(system, NetSuite)

        records = list(system.read_back(US, "2026-01"))

        moves = [record for relation, record in records if relation == "raw.ledger_moves"]
        assert [(move["reference"], move["state"], str(move["posting_date"]), move["erp_period"]) for move in moves] == [
            (yen.reference, "posted", "2026-01-31", "2026-01"),
            (None, "posted", "2026-01-15", "2026-01"),
        ]
        assert all(move["written_at"] is not None for move in moves)
        names = ("line_key", "account_code", "debit_minor", "credit_minor", "currency", "amount_minor", "party_code")
        lines = [tuple(record[name] for name in names) for relation, record in records if relation == "raw.ledger_move_lines"]
        assert lines == [
            ("yen#receivable", "1100", 1001, 0, "JPY", 1500, "C1"),
            ("yen#line:1", "4000", 0, 1000, "JPY", -1500, None),
            ("yen#rounding", "7900", 0, 1, "USD", -1, None),
            (None, "1200", 550, 0, "USD", 550, None),
            (None, "4000", 0, 550, "USD", -550, None),
        ]
        movements = {"1100": (1001, 0), "1200": (550, 0), "4000": (0, 1550), "7900": (0, 1)}
        assert {
            record["account_code"]: (record["debit_minor"], record["credit_minor"])
            for relation, record in records
            if relation == "raw.ledger_account_movements"
        } == movements
        assert system.trial_balance(US, "2026-01") == movements
        assert system.receivables(US) == {"C1": 1001}
        assert list(system.read_back(US, "2026-02")) == []
    finally:
        stand_in.stop()


def page(rows: int, total: int, more: bool, first: int = 0) -> Answer:
    items = [{"links": [], "id": str(first + number)} for number in range(rows)]
    return Answer(200, {}, json.dumps({"items": items, "totalResults": total, "hasMore": more}).encode())


def walked(*answers: Answer) -> list[Any]:
    """What the walk of a query's pages comes to with these answers."""
    walk = reading._rows("SELECT id FROM account")
    next(walk)
    for answer in answers[:-1]:
        walk.send(answer)
    with pytest.raises(StopIteration) as finished:
        walk.send(answers[-1])
    rows: list[Any] = finished.value.value
    return rows


def test_pages_are_walked_to_the_end() -> None:
    rows = walked(page(1000, 1500, True), page(500, 1500, False, first=1000))
    assert [row["id"] for row in rows] == [str(number) for number in range(1500)]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((page(1000, 1500, True), page(500, 1501, False)), "changed while it was read"),
        ((page(1, 2, False),), "counts 2 rows and hands over 1"),
        ((page(10, 20, True),), "more follows after a page of 10 rows"),
        ((page(1000, 200_000, True),), "hands over 100000 at most"),
        ((Answer(400, {}, b"{}"),), "does not answer a query"),
        ((Answer(200, {}, b"<html>"),), "does not answer a query"),
    ],
)
def test_pages_that_do_not_add_up_are_no_answer(answers: tuple[Answer, ...], words: str) -> None:
    with pytest.raises(DestinationError, match=words):
        walked(*answers)
