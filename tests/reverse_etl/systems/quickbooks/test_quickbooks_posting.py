"""A push brings customers and entries to QuickBooks exactly as sealed and exactly once, whatever happens on the way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import pytest
from quickbooks_books import PERIOD, US, Books, line
from traced_requests import page, traced

from reverse_etl.crash_points import CRASH_VARIABLE
from reverse_etl.documents import State
from reverse_etl.posting import push
from reverse_etl.register import Register
from reverse_etl.sandbox.quickbooks import realm_of
from reverse_etl.systems.contract import Call, RenderContext
from reverse_etl.systems.registry import manifest_of

Start = Callable[..., Books]
FORK = multiprocessing.get_context("fork")
LOST = [
    "accept_then_500",
    "accept_then_drop",
    "accept_then_truncate",
    "accept_then_bad_gateway",
    "accept_then_gateway_timeout",
    "drop",
    "fail_with_500",
]


def reasons(books: Books) -> dict[str, str]:
    return {record.subject.rpartition("/")[2]: record.reason for record in books.register.exceptions()}


def test_customers_and_entries_arrive_as_sealed_and_a_second_push_does_nothing(start: Start) -> None:
    books = start()
    books.seal(books.customer("C1"), books.customer("C2", "Ada Ltd"), *(books.entry(f"J{number}", 11900 + number) for number in range(40)))

    report = books.push()
    again = books.push()

    assert (report.posted, report.verified) == (42, 42)
    assert (again.posted, again.requests) == (0, 0)
    books.assert_everything_is_there_exactly_once()


@pytest.mark.parametrize("batch_size", [1, 3])
def test_lost_answers_make_no_entry_twice_and_lose_none(start: Start, batch_size: int) -> None:
    books = start(batch_size=batch_size)
    books.seal(books.customer("C1"), *(books.entry(f"J{number}") for number in range(2 * len(LOST) * batch_size)))
    for place, kind in enumerate(LOST):
        books.order(kind=kind, path="(batch|journalentry)$", on=2 * place + 1)
    books.order(kind="accept_then_drop", path="customer$")

    books.deliver()

    assert [fault["hits"] for fault in books.faults()] == [1] * (len(LOST) + 1)
    books.assert_everything_is_there_exactly_once()


@pytest.mark.parametrize("kind", ["omit_last", "reverse_order"])
def test_the_items_of_a_batch_are_known_by_their_ids(start: Start, kind: str) -> None:
    books = start()
    books.seal(*(books.entry(f"J{number}", customer_id=None, lines=_without_customer(f"J{number}")) for number in range(4)))
    books.order(kind=kind, path="batch$")

    books.deliver()

    books.assert_everything_is_there_exactly_once()


def test_where_a_whole_batch_is_refused_each_document_goes_alone(start: Start) -> None:
    books = start()
    books.seal(*(books.entry(f"J{number}", customer_id=None, lines=_without_customer(f"J{number}")) for number in range(3)))
    books.order(kind="refuse", path="batch$", times=9)

    books.push()

    books.assert_everything_is_there_exactly_once()


def test_what_is_refused_stops_alone_and_says_why(start: Start) -> None:
    books = start()
    books.books(closed_until="2025-12-31")
    unknown = [line("x#1", "4711", "debit", 100), line("x#2", "4000", "credit", 100)]
    without_customer = [line("y#1", "1100", "debit", 100), line("y#2", "4000", "credit", 100)]
    books.seal(
        books.customer("C1"),
        books.entry("good"),
        books.entry("closed", day=date(2025, 12, 31)),
        books.entry("unknown", lines=unknown),
        books.entry("nobody", lines=without_customer),
        books.entry("yen", functional_currency="JPY", functional_exponent=0, currency="JPY", currency_exponent=0),
    )

    books.push(period=None)

    rejected = {name: reason for name, reason in reasons(books).items() if books.states()[name] is State.REJECTED}
    assert rejected.keys() == {"closed", "unknown", "nobody", "yen"}
    assert "6210" in rejected["closed"]
    assert "no account with the number 4711" in rejected["unknown"]
    assert "6000" in rejected["nobody"]
    assert "in USD, not in JPY" in rejected["yen"]
    assert books.states()["good"] is State.VERIFIED
    assert sum(books.numbers().values()) == 1


def test_accounts_may_have_other_numbers_there(start: Start) -> None:
    books = start()
    books.seal(books.entry("J1", lines=[line("a", "2200-taxes", "debit", 100), line("b", "4000-sold-abroad", "credit", 100)], customer_id=None))
    books.push()
    books.assert_everything_is_there_exactly_once()
    read = [record["account_code"] for relation, record in books.open().read_back(US, PERIOD) if relation == "raw.ledger_move_lines"]
    assert read == ["2200-taxes", "4000"], "what one account of ours alone is mapped to is read back as that one"


def test_an_entry_in_another_currency_keeps_the_cents_that_were_sealed(start: Start) -> None:
    books = start()
    lines = [
        line("a", "2200", "debit", 1001, amount_minor=1500),
        line("b", "4000", "credit", 1000, amount_minor=1500),
        line("c", "2200", "credit", 1, amount_minor=0),
    ]
    [document] = books.seal(books.entry("J1", lines=lines, currency="JPY", currency_exponent=0, customer_id=None))
    books.push()
    books.assert_everything_is_there_exactly_once()
    remote = books.open().look_up([document], {})[document.reference]
    assert [(held.functional_minor, held.currency) for held in remote.lines] == [(1001, "USD"), (-1000, "USD"), (-1, "USD")]


def test_a_customer_is_renamed_at_its_current_version(start: Start) -> None:
    books = start()
    books.seal(books.customer("C1"))
    books.push()
    [(_, delivery)] = books.register.deliveries(document_type="customer")
    system = books.open()
    token = system._authorization.headers("GET", books.url, time.monotonic() + 60)
    assert isinstance(token, dict)
    changed = {"Id": delivery.remote_id, "SyncToken": "0", "sparse": True, "Notes": "by a bookkeeper"}
    place = f"{books.url}/v3/company/{books.settings.option('quickbooks', 'realm', US)}/customer"
    assert httpx.post(place, json=changed, headers=token, trust_env=False, timeout=120).status_code == 200

    books.seal(books.customer("C1", "Ada Incorporated", revision=2))
    books.push()

    assert set(books.states().values()) == {State.VERIFIED}
    shown = httpx.get(f"{place}/{delivery.remote_id}", headers=token, trust_env=False, timeout=120).json()["Customer"]
    assert (shown["DisplayName"], shown["Notes"], shown["SyncToken"]) == ("Ada Incorporated (C1)", "by a bookkeeper", "2")


def test_two_entries_under_one_number_stop_for_a_person(start: Start) -> None:
    books = start()
    [document] = books.seal(books.entry("J1", customer_id=None, lines=_without_customer("J1")))
    books.push()
    system = books.open()
    request = system.render(RenderContext(document, {}, {}), "create")
    system.send([Call(document, "create", 7, "f" * 32, request)])

    found = system.look_up([document], {})[document.reference]

    assert len(found.duplicates) == 1
    assert "status: duplicate instead of posted" in system.differences(document, None, found)


@pytest.mark.parametrize("kind", ["rate_limited", "unavailable"])
def test_what_was_not_executed_is_sent_again_after_the_pause(start: Start, kind: str) -> None:
    books = start()
    books.seal(books.customer("C1"), *(books.entry(f"J{number}") for number in range(3)))
    books.order(kind=kind, path="(customer|batch)$", retry_after=1, times=2)
    books.push()
    books.assert_everything_is_there_exactly_once()


@pytest.mark.parametrize("point", ["after_write_ahead", "after_send", "inside_result"])
def test_a_killed_poster_leaves_nothing_twice_and_nothing_out(start: Start, point: str) -> None:
    books = start(batch_size=2)
    books.seal(books.customer("C1"), *(books.entry(f"J{number}") for number in range(4)))
    books.register.close()

    def work(register_url: str, folder: Path) -> None:
        os.environ[CRASH_VARIABLE] = f"{point}:2"
        push(Register.open(register_url), books.open(), US, PERIOD, settings_or_lock_folder=folder / "locks", actor="t")

    process = FORK.Process(target=work, args=(books.register.url, books.folder))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert max(books.numbers().values(), default=0) <= 1

    books.deliver()

    books.assert_everything_is_there_exactly_once()


def test_no_secret_is_stored_told_or_sent_where_it_does_not_belong(start: Start) -> None:
    books = start()
    books.seal(books.customer("C1"), books.entry("J1"))
    books.push()
    told = "".join(path.read_bytes().decode("latin-1") for path in books.folder.glob("register.sqlite*")) + (books.folder / "log").read_text()
    assert "a-client-secret" not in told
    assert "a-refresh-token" not in told
    stored = books.folder / "secrets" / "quickbooks_refresh_token.rotated"
    assert stored.stat().st_mode & 0o777 == 0o600


def test_it_is_found_by_its_name() -> None:
    manifest = manifest_of("quickbooks")
    assert manifest is not None
    assert (manifest.capability_class, manifest.batch_size, manifest.batch_is_atomic) == ("B", 30, False)


def _without_customer(name: str) -> list[dict[str, object]]:
    return [line(f"{name}#a", "2200", "debit", 100), line(f"{name}#b", "4000", "credit", 100)]


def test_every_request_names_its_run_and_every_entry_has_a_page(start: Callable[..., Books]) -> None:
    books = start()
    books.seal(books.customer("C1"))
    (document,) = books.seal(books.entry("traced"))
    with traced(books.url) as seen:
        books.push()
        list(books.open().read_back(US, PERIOD))
        books.open().ping()
    seen.assert_of_one_run("POST /oauth2/v1/tokens/bearer", "POST /v3/company/", "GET /v3/company/")
    (attempt,) = books.register.attempts(document)
    assert page(books.url, realm_of(US), "JournalEntry", str(attempt.remote_id))["DocNumber"] == document.reference
