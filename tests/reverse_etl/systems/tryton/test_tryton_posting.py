"""Documents reach a real Tryton exactly as sealed, and what it refuses is told apart one by one."""

from __future__ import annotations

from datetime import date
from itertools import count

import pytest
from traced_requests import page, traced
from tryton_documents import EU, US, Driver, customer, entry, line, yen_entry
from tryton_ledger import Ledger

from reverse_etl.systems.contract import NotExecuted, Rejected, Succeeded
from reverse_etl.systems.tryton import Tryton

_customers = count(5000)


def test_a_batch_of_both_entities_is_created_posted_and_found_exactly_as_sealed(system: Tryton, driver: Driver) -> None:
    documents = [*(entry(entity=US) for _ in range(5)), yen_entry(), *(entry(entity=EU, customer_id="C0002") for _ in range(5))]

    driver.post(*documents)

    found = system.look_up(documents, {})
    assert {document.reference: system.differences(document, None, found[document.reference]) for document in documents} == {
        document.reference: () for document in documents
    }
    assert all(found[document.reference].completed.keys() == {"create", "post"} for document in documents)
    yen = found[documents[5].reference]
    assert [(held.currency, held.amount_minor, held.functional_minor) for held in yen.lines] == [
        ("JPY", 1500, 1001),
        ("JPY", -1500, -1000),
        ("USD", -1, -1),
    ]


def test_more_documents_than_one_look_up_request_carries_are_all_found(system: Tryton, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_etl.systems.tryton.reading.REFERENCES_PER_SEARCH", 3)
    documents = [entry() for _ in range(8)]
    driver.create(*documents)

    assert system.look_up([*documents, entry()], {}).keys() == {document.reference for document in documents}


def test_an_unbalanced_entry_is_refused_and_never_reaches_the_ledger(system: Tryton, driver: Driver) -> None:
    document = entry(lines=(line("a", "1100", "debit", 1000, customer_id="C0001"), line("b", "4000", "credit", 999)))

    (outcome,) = driver.send([document], "create")

    assert isinstance(outcome, Rejected)
    assert "debits 1000 and credits 999" in outcome.reason
    assert system.look_up([document], {}) == {}


def test_a_posting_into_a_closed_period_is_refused(ledger: Ledger, system: Tryton, driver: Driver) -> None:
    ledger.do("account.period.close", ledger.period_ids(EU, "2026-11"), {})
    document = entry(entity=EU, customer_id="C0002", posting_date=date(2026, 11, 30))

    (outcome,) = driver.send([document], "create")

    assert isinstance(outcome, Rejected)
    assert system.look_up([document], {}) == {}


def test_a_date_without_accounting_period_is_refused_and_says_what_to_do(driver: Driver) -> None:
    (outcome,) = driver.send([entry(posting_date=date(2031, 1, 31))], "create")

    assert outcome == Rejected("not sent: northlight_us has no accounting period for 2031-01-31: create the fiscal year in Tryton")


@pytest.mark.parametrize(
    ("account", "customer_id", "words"), [("4711", "C0001", "no account of northlight_us with the code 4711"), ("1100", "C9999", "no party")]
)
def test_a_code_that_the_ledger_does_not_know_is_refused_and_named(driver: Driver, account: str, customer_id: str, words: str) -> None:
    document = entry(lines=(line("a", account, "debit", 1000, customer_id=customer_id), line("b", "4000", "credit", 1000)))

    (outcome,) = driver.send([document], "create")

    assert isinstance(outcome, Rejected)
    assert words in outcome.reason


def test_an_account_opened_after_the_first_posting_is_found(ledger: Ledger, driver: Driver) -> None:
    driver.post(entry())
    (company,) = ledger.ids("company.company", [["party.code", "=", US]])
    (revenue,) = ledger.ids("account.account.type", [["company", "=", company], ["name", "=", "Revenue"]])
    ledger.do("account.account.create", [{"company": company, "code": "4999", "name": "New", "type": revenue}], {"company": company})

    driver.post(entry(lines=(line("a", "1100", "debit", 1000, customer_id="C0001"), line("b", "4999", "credit", 1000))))


def test_a_poison_document_in_a_batch_delays_nobody_else(system: Tryton, driver: Driver) -> None:
    without_party = entry(customer_id=None)
    good = [entry() for _ in range(9)]

    outcomes = driver.send([*good[:4], without_party, *good[4:]], "create")

    refused = outcomes.pop(4)
    assert isinstance(refused, Rejected)
    assert "Party" in refused.reason
    assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
    assert system.look_up([*good, without_party], {}).keys() == {document.reference for document in good}


def test_a_draft_that_somebody_deleted_is_refused_and_the_rest_of_its_batch_is_posted(ledger: Ledger, system: Tryton, driver: Driver) -> None:
    documents = [entry() for _ in range(5)]
    replies = driver.create(*documents)
    ledger.do("account.move.delete", [replies[documents[1].reference]["move_id"]], {})

    outcomes = driver.send(documents, "post", replies)

    assert [type(outcome) for outcome in outcomes] == [Succeeded, Rejected, Succeeded, Succeeded, Succeeded]
    assert {found.status for found in system.look_up(documents, {}).values()} == {"posted"}


def test_posting_what_is_posted_already_counts_as_done(driver: Driver) -> None:
    document = entry()
    replies = driver.create(document)
    first = driver.send([document], "post", replies)

    assert driver.send([document], "post", replies) == first


def test_a_draft_left_behind_is_found_and_finished(system: Tryton, driver: Driver) -> None:
    document = entry()
    driver.create(document)

    draft = system.look_up([document], {})[document.reference]
    assert draft.completed.keys() == {"create"}
    assert system.differences(document, None, draft) == ("status: draft instead of posted",)
    (outcome,) = driver.send([document], "post", {document.reference: draft.completed["create"]})

    assert isinstance(outcome, Succeeded)
    assert system.differences(document, None, system.look_up([document], {})[document.reference]) == ()


def test_two_moves_under_one_reference_stop_for_a_person(system: Tryton, driver: Driver) -> None:
    document = entry()
    driver.post(document)
    # A naive client sends again what it had no answer to. Which of the two the answer means cannot be told.
    driver.send([document], "create", generation=2)

    found = system.look_up([document], {})[document.reference]

    assert found.status == "duplicate"
    assert len(found.duplicates) == 1
    assert found.completed.keys() == {"create", "post"}
    assert "status: duplicate instead of posted" in system.differences(document, None, found)


def test_a_customer_sent_twice_is_one_party(ledger: Ledger, system: Tryton, driver: Driver) -> None:
    document = customer(f"C{next(_customers)}")
    first = driver.send([document], "create")

    assert driver.send([document, customer(f"C{next(_customers)}")], "create")[0] == first[0]
    assert isinstance(first[0], Succeeded)
    assert len(ledger.ids("party.party", [["code", "=", document.payload["customer_id"]]])) == 1
    assert system.differences(document, None, system.look_up([document], {})[document.reference]) == ()


def test_an_update_of_a_customer_writes_the_new_name_and_is_done_only_then(system: Tryton, driver: Driver) -> None:
    customer_id = f"C{next(_customers)}"
    driver.create(customer(customer_id))
    update = customer(customer_id, "Aurora Robotics Inc.", revision=2)
    assert system.call_names(update) == ("write",)
    assert system.look_up([update], {})[update.reference].completed == {}

    (outcome,) = driver.send([update], "write")

    assert isinstance(outcome, Succeeded)
    found = system.look_up([update], {})[update.reference]
    assert found.completed.keys() == {"write"}
    assert system.differences(update, None, found) == ()


def test_a_session_that_ended_is_renewed_without_sending_twice(ledger: Ledger, system: Tryton, driver: Driver) -> None:
    document = entry()
    driver.create(entry())
    system._connection.read("common.db.logout", [], 10.0)

    driver.post(document)

    assert system.look_up([document], {})[document.reference].duplicates == ()


def test_a_wrong_password_sends_nothing_and_tells_no_secret(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRYTON_PASSWORD", "wrong-and-secret")

    (outcome,) = Driver(ledger.open()).send([entry()], "create")

    assert isinstance(outcome, NotExecuted)
    assert "check the user's name and password" in outcome.reason
    assert "wrong-and-secret" not in outcome.reason


def test_requests_carry_neither_credentials_nor_ids_of_one_server(driver: Driver) -> None:
    document = entry()
    (first,), (second,) = driver.calls([document], "create"), driver.calls([document], "create")

    assert first.request == second.request
    assert b'"company":"northlight_us"' in first.request
    assert b'"account":"1100"' in first.request
    assert b"assword" not in first.request
    assert b"Session" not in first.request


def test_every_request_names_its_run_and_every_move_has_a_page(ledger: Ledger) -> None:
    system = ledger.open()
    document = entry()
    with traced(ledger.server.url) as seen:
        [identifier] = Driver(system).post(document)
        system.look_up([document], {})
        system.ping()
    seen.assert_of_one_run("POST /erp/rpc/")
    shown = page(ledger.server.url, "account.move", identifier)
    assert (document.reference in shown["description"], len(shown["lines"])) == (True, 3)
