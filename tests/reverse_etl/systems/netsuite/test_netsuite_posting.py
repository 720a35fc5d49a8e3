"""Documents reach NetSuite's ledger exactly once and exactly as sealed, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from ledger_installation import QUICK, line
from ledger_stand_in import EU, US, reach
from netsuite_books import Books
from traced_requests import page, traced

from reverse_etl.documents import State
from reverse_etl.transport import tracing

Install = Callable[..., Books]


def test_entries_are_posted_and_verified_once_and_a_second_push_does_nothing(books: Books, request: pytest.FixtureRequest) -> None:
    own = books.installation
    own.customer()
    documents = [own.entry(f"first-{number}", 11900 + number) for number in range(8)]

    report, again = own.push(), own.push()

    assert (report.verified, again.requests, own.exceptions()) == (9, 0, [])
    held = [books.entry(document.reference) for document in documents]
    assert [entry["line"]["items"][0]["debit"] for entry in held if entry] == [119 + number / 100 for number in range(8)]
    assert [entry["line"]["totalResults"] for entry in held if entry] == [3] * 8


def test_every_entity_posts_in_its_own_subsidiary_and_currency(books: Books) -> None:
    own = books.installation
    own.customer("C1", entity=EU)
    document = own.entry("euros", entity=EU, posting_date=date(2026, 2, 28))
    assert own.push(EU).verified == 2
    held = books.entry(document.reference)
    assert held is not None
    names = tuple(held[name]["refName"] for name in ("subsidiary", "currency", "postingPeriod"))
    assert (*names, held["exchangeRate"]) == ("Northlight GmbH", "EUR", "Feb 2026", 1)


def test_amounts_in_another_currency_travel_in_the_lines_words(books: Books) -> None:
    own = books.installation
    own.customer()
    document = own.yen_entry("yen")
    assert (own.push().verified, own.exceptions()) == (2, [])
    held = books.entry(document.reference)
    assert held is not None
    assert [(item.get("debit"), item.get("credit"), item["memo"]) for item in held["line"]["items"]] == [
        (10.01, None, "yen#receivable | [JPY 1500] API calls"),
        (None, 10, "yen#line:1 | [JPY -1500] API calls"),
        (None, 0.01, "yen#rounding | API calls"),
    ]


@pytest.mark.parametrize("kind", ["accept_then_500", "accept_then_drop", "accept_then_bad_gateway", "drop"])
def test_a_lost_answer_leaves_one_entry(books: Books, kind: str) -> None:
    own = books.installation
    own.customer()
    document = own.entry(f"lost-{kind}")
    books.order(kind)
    own.deliver()
    assert (own.states()[f"lost-{kind}"], own.exceptions()) == (State.VERIFIED, [])
    held = books.entry(document.reference)
    assert held is not None
    assert held["line"]["totalResults"] == 3


def test_an_answer_after_the_deadline_leaves_one_entry(books: Books) -> None:
    own = books.installation
    own.customer()
    own.push()
    document = own.entry("late")
    books.order("delay", seconds=600)
    limits: dict[str, Any] = {"send_deadline": timedelta(seconds=1), "in_flight_bound": timedelta(hours=1), "key_retention": timedelta(0)}
    own.push(patience=0.0, **limits)
    assert own.states()["late"] is State.AMBIGUOUS
    books.stand_in.forget_faults()
    reach(lambda: books.entry(document.reference) is not None)
    own.push(**limits, later=timedelta(hours=2))
    assert own.states()["late"] is State.VERIFIED
    assert sum(journal["externalid"] == document.reference for journal in books.stand_in.state()["journals"]) == 1


def test_too_many_requests_at_once_wait_and_lose_nothing(books: Books) -> None:
    own = books.installation
    own.customer()
    for number in range(12):
        own.entry(f"busy-{number}")
    books.order("concurrency", times=3)
    books.order("unavailable", on=4, retry_after=1)
    own.push(concurrency=8)
    assert (set(own.states().values()), own.exceptions()) == ({State.VERIFIED}, [])


def test_a_refusal_while_an_earlier_attempt_may_have_succeeded_is_looked_up(books: Books) -> None:
    own = books.installation
    own.customer()
    own.push()
    own.entry("closed meanwhile", posting_date=date(2026, 3, 31))
    books.order("accept_then_500", times=2)
    own.push(patience=0.3)
    assert own.states()["closed meanwhile"] is State.AMBIGUOUS
    books.close_period("2026-03")
    try:
        own.push()
        assert (own.states()["closed meanwhile"], own.exceptions()) == (State.VERIFIED, [])
    finally:
        books.close_period("2026-03", closed=False)


def test_what_a_person_changed_meanwhile_is_reported_and_not_overwritten(books: Books) -> None:
    own = books.installation
    own.customer()
    own.push()
    document = own.entry("edited")
    books.order("accept_then_500", times=2)
    own.push(**QUICK, patience=0.3)
    books.change(document.reference, memo="Moved by the accountant", tranDate="2026-02-01")
    # The time in which nobody will have changed it is over.
    own.push(**QUICK, key_retention=timedelta(seconds=2.1), patience=10.0)
    assert own.states()["edited"] is not State.VERIFIED
    assert "posting date: 2026-02-01 instead of 2026-01-31" in str(own.reasons())
    held = books.entry(document.reference)
    assert held is not None
    assert (held["memo"], held["tranDate"]) == ("Moved by the accountant", "2026-02-01")


def test_a_closed_period_refuses_the_entry_alone(books: Books) -> None:
    own = books.installation
    own.customer()
    own.entry("too late", posting_date=date(2026, 4, 30))
    own.entry("in time", posting_date=date(2026, 5, 31))
    books.close_period("2026-04")
    try:
        own.push()
    finally:
        books.close_period("2026-04", closed=False)
    assert own.states() == {"C1": State.VERIFIED, "too late": State.REJECTED, "in time": State.VERIFIED}
    assert "not within the date range of your accounting period" in own.reasons()["too late"]


def test_an_account_that_is_not_there_refuses_the_entry_alone(books: Books) -> None:
    own = books.installation
    own.customer()
    own.entry("no account", lines=(line("a", "9999", "debit", 100), line("b", "4000", "credit", 100)))
    own.entry("good")
    own.push()
    assert own.states() == {"C1": State.VERIFIED, "no account": State.REJECTED, "good": State.VERIFIED}
    assert "9999 for the following field: account" in own.reasons()["no account"]


def test_accounts_go_by_the_codes_that_the_settings_give(install: Install) -> None:
    books = install(account_codes={"1100": "1200", f"{US}/2200": "7900"})
    own = books.installation
    own.customer()
    document = own.entry("mapped")
    assert (own.push().verified, own.exceptions()) == (2, [])
    held = books.entry(document.reference)
    assert held is not None
    assert [item["account"]["refName"].split()[0] for item in held["line"]["items"]] == ["1200", "4000", "7900"]
    lines = [
        record
        for relation, record in own.open().read_back(US, "2026-01")
        if relation == "raw.ledger_move_lines" and record["remote_id"] == held["id"]
    ]
    assert [record["account_code"] for record in lines] == ["1100", "4000", "2200"]


def test_a_customer_is_one_record_and_takes_its_new_name(books: Books) -> None:
    own = books.installation
    own.customer("C9", "Old name")
    own.push()
    own.customer("C9", "New name", revision=2)
    own.push()
    assert own.exceptions() == []
    held = [customer for customer in books.stand_in.state()["customers"] if customer["externalid"] == f"{US}-C9"]
    assert [customer["companyname"] for customer in held] == ["New name"]


@pytest.mark.parametrize("point", ["after_write_ahead", "body_parsed", "inside_result"])
def test_a_killed_poster_leaves_nothing_twice_and_nothing_out(books: Books, point: str) -> None:
    own = books.installation
    own.customer()
    documents = [own.entry(f"{point}-{number}") for number in range(3)]
    assert own.push_until_killed(point) < 0
    own.deliver()
    assert (set(own.states().values()), own.exceptions()) == ({State.VERIFIED}, [])
    held = [books.entry(document.reference) for document in documents]
    assert [entry["line"]["totalResults"] for entry in held if entry] == [3, 3, 3]


def test_a_wrong_secret_holds_documents_and_does_not_reject_them(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    own = books.installation
    own.customer("C77")
    monkeypatch.setenv("NETSUITE_TOKEN_SECRET", "wrong secret")
    own.push(patience=0.1)
    assert own.states() == {"C77": State.PENDING}
    assert "wrong secret" not in f"{own.exceptions()} {own.reasons()}"
    monkeypatch.setenv("NETSUITE_TOKEN_SECRET", "token secret")
    own.push()
    assert own.states() == {"C77": State.VERIFIED}


def test_every_request_names_its_run_and_every_entry_has_a_page(books: Books) -> None:
    own = books.installation
    own.customer()
    document = own.entry("traced")
    system = own.open()
    with traced(books.stand_in.url) as seen:
        own.push()
        list(system.read_back(US, "2026-01"))
        system.ping()
    seen.assert_of_one_run("PUT /services/rest/record/v1/journalEntry", "POST /services/rest/query/v1/suiteql")
    # What was written ahead is found again at the destination from what the register knows of it.
    (attempt,) = own.register.attempts(document)
    span = tracing.span_id(attempt.correlation_id, [(attempt.idempotency_key, attempt.position)])
    assert seen.spans("PUT /services/rest/record/v1/journalEntry") == [span]
    assert page(books.stand_in.url, "journalEntry", str(attempt.remote_id))["externalId"] == document.reference
