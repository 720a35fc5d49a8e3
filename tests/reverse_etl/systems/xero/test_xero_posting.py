"""Documents reach Xero's ledger exactly once and exactly as sealed, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from ledger_installation import line
from ledger_stand_in import EU, reach
from traced_requests import page, traced
from xero_books import Books

from reverse_etl.documents import State

Install = Callable[..., Books]
LOST = ["accept_then_500", "accept_then_truncate", "fail_with_500", "drop"]


def test_journals_are_posted_in_batches_and_verified_once(books: Books) -> None:
    own = books.installation
    own.customer()
    documents = [own.entry(f"first-{number}", 11900 + number) for number in range(60)]

    report, again = own.push(), own.push()

    assert (report.verified, again.requests, own.exceptions()) == (61, 0, [])
    # One for the contact, two batches of journals, three look-ups to verify with.
    assert report.requests <= 8
    held = [books.journals(document.reference) for document in documents]
    assert [len(found) for found in held] == [1] * 60
    assert [found[0]["JournalLines"][0]["LineAmount"] for found in held] == [119 + number / 100 for number in range(60)]
    assert held[0][0]["Narration"] == f"{documents[0].reference} INV-first-0 Invoice issued"


def test_every_entity_posts_to_its_own_organisation(books: Books) -> None:
    own = books.installation
    own.customer(entity=EU)
    document = own.entry("euros", entity=EU)
    assert own.push(EU).verified == 2
    assert (len(books.journals(document.reference, EU)), books.journals(document.reference)) == (1, [])


def test_amounts_in_another_currency_travel_in_the_lines_words(books: Books) -> None:
    own = books.installation
    own.customer()
    document = own.yen_entry("yen")
    assert (own.push().verified, own.exceptions()) == (2, [])
    (held,) = books.journals(document.reference)
    assert [(item["LineAmount"], item["AccountCode"], item["Description"]) for item in held["JournalLines"]] == [
        (10.01, "RECEIVABLE", "yen#receivable | [JPY 1500] [for C1] API calls"),
        (-10, "4000", "yen#line:1 | [JPY -1500] API calls"),
        (-0.01, "7900", "yen#rounding | API calls"),
    ]


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_of_a_batch_leaves_each_journal_once(books: Books, kind: str) -> None:
    own = books.installation
    own.customer()
    documents = [own.entry(f"lost-{kind}-{number}") for number in range(5)]
    books.order(kind)
    own.deliver()
    assert (set(own.states().values()), own.exceptions()) == ({State.VERIFIED}, [])
    assert [len(books.journals(document.reference)) for document in documents] == [1] * 5


@pytest.mark.parametrize("kind", ["accept_then_500", "drop"])
def test_a_lost_answer_leaves_one_contact(books: Books, kind: str) -> None:
    own = books.installation
    own.customer(f"C-{kind}")
    books.order(kind, "Contacts", method="POST")
    own.deliver()
    assert (own.states()[f"C-{kind}"], own.exceptions()) == (State.VERIFIED, [])
    assert [contact["number"] for contact in books.stand_in.state()["contacts"]].count(f"C-{kind}") == 1


@pytest.mark.parametrize("kind", ["accept_then_500", "accept_then_drop"])
def test_without_batches_the_same_key_is_sent_again_and_an_error_that_is_given_again_is_looked_up(install: Install, kind: str) -> None:
    books = install(batch_size=1)
    own = books.installation
    assert (own.open().manifest.capability_class, install().installation.open().manifest.capability_class) == ("A", "B")
    own.customer()
    document = own.entry(f"alone-{kind}")
    books.order(kind)
    own.deliver()
    assert (own.states()[f"alone-{kind}"], own.exceptions()) == (State.VERIFIED, [])
    assert len(books.journals(document.reference)) == 1


@pytest.mark.parametrize("kind", ["omit_last", "reverse_order"])
def test_answers_are_matched_by_reference_and_what_is_missing_is_looked_up(books: Books, kind: str) -> None:
    own = books.installation
    own.customer()
    documents = [own.entry(f"{kind}-{number}", 11900 + number) for number in range(4)]
    books.order(kind)
    own.deliver()
    assert (set(own.states().values()), own.exceptions()) == ({State.VERIFIED}, [])
    assert [len(books.journals(document.reference)) for document in documents] == [1] * 4


def test_an_answer_after_the_deadline_leaves_one_journal(books: Books) -> None:
    own = books.installation
    own.customer()
    own.push()
    document = own.entry("late")
    books.order("delay", seconds=600)
    limits: dict[str, Any] = {"send_deadline": timedelta(seconds=1), "in_flight_bound": timedelta(hours=1)}
    own.push(patience=0.0, **limits)
    assert own.states()["late"] is State.AMBIGUOUS
    books.stand_in.forget_faults()
    reach(lambda: books.journals(document.reference) != [])
    own.push(**limits, later=timedelta(hours=2))
    assert own.states()["late"] is State.VERIFIED
    assert len(books.journals(document.reference)) == 1


def test_what_is_refused_in_a_batch_stops_alone(books: Books) -> None:
    own = books.installation
    own.customer()
    own.entry("good-1")
    own.entry("no account", lines=(line("a", "9999", "debit", 100), line("b", "4000", "credit", 100)))
    own.entry("good-2")
    own.push()
    states = own.states()
    assert {name: states[name] for name in ("good-1", "no account", "good-2")} == {
        "good-1": State.VERIFIED,
        "no account": State.REJECTED,
        "good-2": State.VERIFIED,
    }
    assert "Account code '9999' is not a valid code" in own.reasons()["no account"]


def test_a_lock_date_refuses_what_is_dated_before(books: Books) -> None:
    own = books.installation
    own.customer()
    own.entry("locked", posting_date=date(2026, 2, 28))
    own.entry("open", posting_date=date(2026, 3, 31))
    books.lock("2026-02-28")
    try:
        own.push()
    finally:
        books.lock(None)
    assert (own.states()["locked"], own.states()["open"]) == (State.REJECTED, State.VERIFIED)
    assert "cannot be before the end of year lock date" in own.reasons()["locked"]


@pytest.mark.parametrize("kind", ["minute", "day", "concurrent"])
def test_a_limit_pauses_and_loses_nothing(books: Books, kind: str) -> None:
    own = books.installation
    own.customer()
    document = own.entry(f"limited-{kind}")
    books.order(kind, retry_after=1)
    own.push()
    assert (own.states()[f"limited-{kind}"], own.exceptions()) == (State.VERIFIED, [])
    assert len(books.journals(document.reference)) == 1


def test_a_journal_that_is_there_twice_stops_for_a_person(books: Books) -> None:
    own = books.installation
    own.customer()
    own.push()
    document = own.entry("twice")
    own.push()
    (held,) = books.journals(document.reference)
    copy = {name: held[name] for name in ("Narration", "Date", "Status", "JournalLines")} | {"Date": "2026-01-31"}
    books.stand_in.http.put("/api.xro/2.0/ManualJournals", json=copy, headers={"Xero-Tenant-Id": books.tenants["northlight_us"]})
    found = own.open().look_up([document], {})[document.reference]
    assert (found.remote_id, len(found.duplicates)) == (held["ManualJournalID"], 1)


def test_a_journal_that_was_voided_is_not_posted_again(books: Books) -> None:
    own = books.installation
    own.customer()
    own.push()
    document = own.entry("voided")
    assert own.push_until_killed("body_parsed") < 0
    (held,) = books.journals(document.reference)
    books.change(held["ManualJournalID"], Status="VOIDED")
    own.deliver()
    assert own.states()["voided"] not in (State.VERIFIED, State.POSTED)
    assert [journal["Status"] for journal in books.journals(document.reference)] == ["VOIDED"]


def test_a_link_finds_a_journal_whose_words_somebody_has_changed(install: Install) -> None:
    books = install(options={"link": "https://books.example/{reference}"})
    own = books.installation
    own.customer()
    document = own.entry("linked")
    own.push()
    (held,) = books.journals(document.reference)
    assert held["Url"] == f"https://books.example/{document.reference}"
    books.change(held["ManualJournalID"], Narration="Rewritten")
    assert own.open().look_up([document], {})[document.reference].remote_id == held["ManualJournalID"]


def test_a_customer_is_one_contact_and_takes_its_new_name(books: Books) -> None:
    own = books.installation
    own.customer("C9", "Old name")
    own.push()
    own.customer("C9", "New name", revision=2)
    own.push()
    assert own.exceptions() == []
    held = [contact["name"] for contact in books.stand_in.state()["contacts"] if contact["number"] == "C9"]
    assert held == ["New name (C9)"]


@pytest.mark.parametrize("point", ["after_write_ahead", "body_parsed", "inside_result"])
def test_a_killed_poster_leaves_nothing_twice_and_nothing_out(books: Books, point: str) -> None:
    own = books.installation
    own.customer()
    documents = [own.entry(f"{point}-{number}") for number in range(3)]
    assert own.push_until_killed(point) < 0
    own.deliver()
    assert (set(own.states().values()), own.exceptions()) == ({State.VERIFIED}, [])
    assert [len(books.journals(document.reference)) for document in documents] == [1] * 3


def test_every_request_names_its_run_and_every_journal_has_a_page(install: Install) -> None:
    books = install()
    own = books.installation
    own.customer()
    document = own.entry("traced")
    system = own.open()
    with traced(books.stand_in.url) as seen:
        own.push()
        list(system.read_back("northlight_us", "2026-01"))
        system.ping()
    seen.assert_of_one_run("PUT /api.xro/2.0/ManualJournals", "GET /api.xro/2.0/ManualJournals", "POST /api.xro/2.0/Contacts")
    assert len(set(seen.spans("GET "))) == len(seen.spans("GET ")), "what only reads has a span of its own"
    (held,) = books.journals(document.reference)
    assert page(books.stand_in.url, books.tenants["northlight_us"], "ManualJournals", held["ManualJournalID"])["Narration"] == held["Narration"]
