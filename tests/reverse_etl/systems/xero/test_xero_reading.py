"""What Xero holds is read back completely, and every difference to what was sealed is seen."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from ledger_installation import line
from ledger_stand_in import US
from xero_books import Books

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import DestinationError
from reverse_etl.systems.xero import reading
from reverse_etl.systems.xero.options import Options
from reverse_etl.transport import Answer


def posted(books: Books, natural_id: str) -> tuple[SealedDocument, dict[str, Any]]:
    own = books.installation
    own.customer()
    document = own.entry(natural_id)
    own.push()
    assert own.states()[natural_id] is State.VERIFIED, own.exceptions()
    (held,) = books.journals(document.reference)
    return document, held


def differences(books: Books, document: SealedDocument) -> tuple[str, ...]:
    system = books.installation.open()
    return system.differences(document, None, system.look_up([document], {})[document.reference])


def test_every_change_that_a_person_makes_is_a_difference(books: Books) -> None:
    document, held = posted(books, "changed")
    assert differences(books, document) == ()
    lines = [{name: item[name] for name in ("LineAmount", "AccountCode", "Description")} for item in held["JournalLines"]]
    lines[1] |= {"AccountCode": "7900"}
    lines[2] |= {"Description": "rewritten"}
    books.change(held["ManualJournalID"], Date="2026-02-01", JournalLines=lines)
    assert differences(books, document) == (
        "posting date: 2026-02-01 instead of 2026-01-31",
        "period: 2026-02 instead of 2026-01",
        "line changed#line:1: account 7900 instead of 4000",
        "line changed#tax: missing",
        "line rewritten: 1 more than sealed",
    )


def test_a_draft_is_a_difference(books: Books) -> None:
    document, held = posted(books, "unposted")
    books.change(held["ManualJournalID"], Status="DRAFT")
    assert differences(books, document) == ("status: draft instead of posted",)


def test_a_month_is_read_back_with_everybodys_journals(books: Books) -> None:
    own = books.installation
    own.customer()
    lines = (line("yen#a", "1100", "debit", 1001, amount_minor=1500), line("yen#b", "4000", "credit", 1001, amount_minor=1500))
    own.entry("july", posting_date=date(2026, 7, 31), lines=lines, currency="JPY", currency_exponent=0)
    own.push()
    theirs = [{"LineAmount": 5.5, "AccountCode": "1200", "Description": "a | b"}, {"LineAmount": -5.5, "AccountCode": "4000"}]
    journal = {"Narration": "By hand", "Date": "2026-07-15", "Status": "DRAFT", "JournalLines": theirs}
    books.stand_in.http.put("/api.xro/2.0/ManualJournals", json=journal, headers={"Xero-Tenant-Id": books.tenants[US]})

    records = list(own.open().read_back(US, "2026-07"))

    moves = [record for relation, record in records if relation == "raw.ledger_moves"]
    assert {(move["reference"] is not None, move["state"], str(move["posting_date"]), move["erp_period"]) for move in moves} == {
        (True, "posted", "2026-07-31", "2026-07"),
        (False, "draft", "2026-07-15", "2026-07"),
    }
    names = ("line_key", "account_code", "debit_minor", "credit_minor", "currency", "amount_minor", "party_code")
    assert {tuple(record[name] for name in names) for relation, record in records if relation == "raw.ledger_move_lines"} == {
        ("yen#a", "1100", 1001, 0, "JPY", 1500, None),
        ("yen#b", "4000", 0, 1001, "JPY", -1500, None),
        (None, "1200", 550, 0, "USD", 550, None),
        (None, "4000", 0, 550, "USD", -550, None),
    }
    assert list(own.open().read_back(US, "2026-08")) == []


def page(count: int, counted: int, first: int = 0) -> Answer:
    journals = [{"ManualJournalID": f"id-{first + number}"} for number in range(count)]
    return Answer(200, {}, json.dumps({"ManualJournals": journals, "pagination": {"itemCount": counted}}).encode())


def walked(*answers: Answer) -> list[Any]:
    """What the walk of a list's pages comes to with these answers."""
    walk = reading._elements(Options({"e": "tenant"}, {}), "e", "ManualJournals", 'Status=="POSTED"')
    next(walk)
    for answer in answers[:-1]:
        walk.send(answer)
    with pytest.raises(StopIteration) as finished:
        walk.send(answers[-1])
    found: list[Any] = finished.value.value
    return found


def test_pages_are_walked_to_the_end() -> None:
    assert len(walked(page(1000, 1500), page(500, 1500, first=1000))) == 1500


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((page(1000, 1500), page(500, 1501, first=1000)), "counts 1501 ManualJournals and hands over 1500"),
        ((Answer(400, {}, b"{}"),), "does not list ManualJournals"),
        ((Answer(200, {}, b"<Response/>"),), "does not list ManualJournals"),
    ],
)
def test_pages_that_do_not_add_up_are_no_answer(answers: tuple[Answer, ...], words: str) -> None:
    with pytest.raises(DestinationError, match=words):
        walked(*answers)


def test_look_ups_fit_into_urls() -> None:
    conditions = [f'Narration.StartsWith("TO-{number:016X}")' for number in range(100)]
    filters = list(reading._filters(conditions))
    assert max(map(len, filters)) <= reading.LONGEST_FILTER
    assert " OR ".join(filters).split(" OR ") == conditions
