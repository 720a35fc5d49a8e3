"""A push brings every document where it belongs, in order, and what cannot go on stops alone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from posting_books import HTTP, Destination, reach
from posting_system import CLASS_A, CLASS_B, CLASS_C, CLASS_U, ENTITY, HASTY_B, SYSTEM, customer, entry, seal

from reverse_etl.documents import State
from reverse_etl.errors import LaneBusyError
from reverse_etl.locks import file_lock
from reverse_etl.posting.plans import LaneSituation, plan_lane
from reverse_etl.register.records.periods import SOFT_CLOSED
from reverse_etl.sandbox.processes import stop
from reverse_etl.systems.contract import Manifest

Start = Callable[..., Destination]


def open_exceptions(destination: Destination) -> dict[str, str]:
    return {record.subject.rpartition("/")[2]: record.kind for record in destination.register.exceptions()}


def test_documents_are_posted_and_verified_once_and_a_second_push_does_nothing(start: Start) -> None:
    books = start()
    register = books.register
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}", depends_on=["C1"]) for number in range(20)))

    report = books.push()
    again = books.push()

    assert (report.posted, report.verified, report.pending) == (21, 21, 0)
    assert report.by_document_type == {"customer": {"verified": 1}, "journal_entry": {"verified": 20}}
    assert (again.posted, again.requests) == (0, 0)
    books.assert_everything_is_there_exactly_once()
    assert {delivery.remote_number for document, delivery in register.deliveries(document_type="journal_entry")} == {
        f"Njournal_entry-{number}" for number in range(2, 22)
    }


def test_batches_carry_many_documents_and_an_item_missing_from_the_answer_is_resolved(start: Start) -> None:
    books = start(replace(CLASS_B, batch_size=10))
    register = books.register
    documents = seal(register, *(entry(register, f"J{number}") for number in range(60)))
    books.order("accept_then_500", call="create", reference=documents[7].reference)

    books.push()

    books.assert_everything_is_there_exactly_once()
    assert books.books()["requests"] < 40


def test_a_document_goes_only_after_what_it_depends_on(start: Start) -> None:
    books = start()
    register = books.register
    seal(register, entry(register, "J1", depends_on=["C1", "C2"]), customer(register, "C1"), customer(register, "C2"))
    books.order("slow", call="create", seconds=0.2, times=2)

    books.push()

    order = [document["kind"] for document in books.books()["documents"]]
    assert order == ["customer", "customer", "journal_entry"]
    used = books.books()["documents"][-1]["body"]["depends_on"]
    assert used.keys() == {f"{SYSTEM}/{ENTITY}/customer/C1", f"{SYSTEM}/{ENTITY}/customer/C2"}
    assert set(used.values()) == {"customer-1", "customer-2"}


def test_a_later_revision_finds_the_remote_id_of_the_one_before(start: Start) -> None:
    books = start()
    register = books.register
    seal(register, customer(register, "C1"))
    seal(register, customer(register, "C1", revision=2))

    books.push()

    documents = books.books()["documents"]
    assert [document["calls"] for document in documents] == [["create"], ["update"]]
    assert documents[1]["body"]["depends_on"] == {f"{SYSTEM}/{ENTITY}/customer/C1": "customer-1"}


def test_a_refused_document_holds_only_what_depends_on_it(start: Start) -> None:
    books = start()
    register = books.register
    refused, *_ = seal(
        register,
        customer(register, "C1"),
        customer(register, "C2"),
        entry(register, "J1", depends_on=["C1"]),
        entry(register, "J2", depends_on=["C2"]),
        entry(register, "J3", poison="unrenderable"),
    )
    books.order("reject", reference=refused.reference, times=9)

    report = books.push()

    assert books.states() == {"C1": State.REJECTED, "C2": State.VERIFIED, "J1": State.PENDING, "J2": State.VERIFIED, "J3": State.REJECTED}
    assert (report.rejected, report.pending, report.verified) == (2, 1, 2)
    assert open_exceptions(books) == {"C1": "document_rejected", "J1": "dependency_not_posted", "J3": "document_rejected"}
    reasons = {record.subject: record.reason for record in register.exceptions()}
    assert "422" in reasons[refused.business_key]
    assert f"{refused.business_key} is rejected" in reasons[f"{SYSTEM}/{ENTITY}/journal_entry/J1"]
    assert "the account of line 1 is unknown" in reasons[f"{SYSTEM}/{ENTITY}/journal_entry/J3"]

    books.push()
    assert len(register.exceptions()) == 3, "a second push must not repeat them"


def test_what_was_refused_goes_on_when_a_person_requeues_it(start: Start) -> None:
    books = start()
    register = books.register
    refused, _ = seal(register, customer(register, "C1"), entry(register, "J1", depends_on=["C1"]))
    books.order("reject", reference=refused.reference)
    books.push()

    register.requeue(refused, "a person", "the name was allowed meanwhile")
    books.push()

    books.assert_everything_is_there_exactly_once()
    assert register.exceptions() == []


@pytest.mark.parametrize("manifest", [CLASS_A, HASTY_B, CLASS_U], ids="ABU")
@pytest.mark.parametrize("fault", ["accept_then_500", "accept_then_drop", "fail"])
@pytest.mark.parametrize("call", ["create", "complete"])
def test_a_lost_answer_neither_doubles_nor_loses_a_document(start: Start, manifest: Manifest, fault: str, call: str) -> None:
    books = start(manifest)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(6)))
    books.order(fault, call=call, times=2)

    books.deliver()

    assert set(books.states().values()) == {State.VERIFIED if manifest.look_up_lag is not None else State.POSTED}
    assert set(books.counts().values()) == {1}
    assert all(document["calls"] == ["create", "complete"] for document in books.books()["documents"])


def test_a_stored_error_is_not_asked_for_again_but_looked_up(start: Start) -> None:
    books = start(replace(CLASS_A, replays_errors=True))
    register = books.register
    seal(register, entry(register, "J1"), entry(register, "J2"))
    books.order("accept_then_500", call="create")

    books.push()

    books.assert_everything_is_there_exactly_once()
    assert books.books()["requests"] < 12


def test_a_request_that_is_executed_after_its_deadline_is_not_sent_twice(start: Start) -> None:
    books = start(HASTY_B)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(3)))
    books.order("slow", call="create", seconds=0.5)

    books.deliver()

    books.assert_everything_is_there_exactly_once()


def test_without_key_and_look_up_a_lost_answer_stops_for_a_person(start: Start) -> None:
    books = start(CLASS_C)
    register = books.register
    parked, _ = seal(register, entry(register, "J1"), entry(register, "J2"))
    books.order("accept_then_drop", call="create", reference=parked.reference)

    report = books.push()
    books.push()

    assert books.states() == {"J1": State.PARKED, "J2": State.POSTED}
    assert report.parked == 1
    assert books.counts()[parked.reference] == 1
    assert open_exceptions(books) == {"J1": "document_parked"}


def test_a_document_found_twice_stops_for_a_person(start: Start) -> None:
    books = start(HASTY_B)
    register = books.register
    [document] = seal(register, entry(register, "J1"))
    request = {"call": "create", "reference": document.reference, "kind": "journal_entry", "body": {"total": 1000}}
    for key in ("a", "b"):
        HTTP.post(f"{books.url}/calls", json={"items": [{**request, "key": key}]})
    books.order("fail", call="create")

    books.deliver()

    assert books.states() == {"J1": State.PARKED}
    assert "duplicate" in register.exceptions()[0].reason


def test_what_differs_at_the_destination_stays_posted_until_it_does_not(start: Start) -> None:
    books = start(CLASS_B)
    register = books.register
    seal(register, entry(register, "J1"), entry(register, "J2"))
    strict = books.system
    strict.differences = lambda document, number, remote: ("total: changed by somebody",) if document.natural_id == "J1" else ()  # type: ignore[method-assign]

    books.push(system=strict)

    assert books.states() == {"J1": State.POSTED, "J2": State.VERIFIED}
    assert open_exceptions(books) == {"J1": "verification_difference"}
    books.push()
    assert books.states() == {"J1": State.VERIFIED, "J2": State.VERIFIED}
    assert open_exceptions(books) == {}


def test_a_rate_limit_pauses_the_whole_destination_for_as_long_as_it_asks(start: Start) -> None:
    books = start(CLASS_B)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(20)))
    books.order("busy", retry_after=0.5)
    began = time.monotonic()

    books.push()

    assert time.monotonic() - began >= 0.5
    books.assert_everything_is_there_exactly_once()
    # 40 calls, the refused one, those that were under way with it, and one verification.
    assert books.books()["requests"] <= 41 + CLASS_B.concurrency


def test_a_poison_document_delays_nobody(start: Start) -> None:
    books = start(CLASS_B)
    register = books.register
    poison, *others = seal(register, *(entry(register, f"J{number}") for number in range(40)))
    books.order("slow", reference=poison.reference, seconds=60)
    pushing = threading.Thread(target=books.push, daemon=True)
    pushing.start()

    reach(lambda: sum(document["calls"] == ["create", "complete"] for document in books.books()["documents"]) == len(others))

    assert books.counts() == {document.reference: 1 for document in others}
    books.end_faults()
    pushing.join()
    books.assert_everything_is_there_exactly_once()


def test_a_destination_that_is_down_leaves_everything_pending_and_the_next_push_delivers(start: Start) -> None:
    books = start(CLASS_B)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(10)))
    real = books.url
    began = time.monotonic()

    # Taken, so that nobody else listens there.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        books.url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        report = books.push(patience=600)

    assert time.monotonic() - began < 60
    assert (report.pending, report.posted) == (10, 0)
    assert [record.kind for record in register.exceptions()] == ["destination_unavailable"]
    books.url = real
    books.push()
    books.assert_everything_is_there_exactly_once()
    assert register.exceptions() == []


def test_a_destination_that_dies_in_the_middle_leaves_what_is_unknown_for_the_next_push(start: Start) -> None:
    books = start(CLASS_A, alone=True)
    register = books.register
    unanswered, *_ = seal(register, *(entry(register, f"J{number}") for number in range(200)))
    # Until it is answered, the push cannot end.
    books.order("slow", reference=unanswered.reference, seconds=30)
    killer = threading.Timer(0.5, stop, (books.process,))
    killer.start()

    report = books.push(patience=0.0)

    killer.join()
    assert report.pending + report.ambiguous > 0
    assert not set(books.states().values()) & {State.REJECTED, State.PARKED}
    assert not [delivery for _, delivery in register.deliveries() if delivery.written_ahead_at is not None]


def test_a_second_poster_is_refused_at_once_and_told_who_is_at_work(start: Start) -> None:
    books = start()
    register = books.register
    seal(register, entry(register, "J1"))
    began = time.monotonic()

    with file_lock(books.folder / "locks" / f"lane-{SYSTEM}-{ENTITY}.lock", "ada", 0), pytest.raises(LaneBusyError, match="ada"):
        books.push(patience=600)

    assert time.monotonic() - began < 60
    assert books.counts() == {}


def test_a_soft_closed_period_takes_what_was_sealed_for_it(start: Start) -> None:
    books = start()
    register = books.register
    seal(register, entry(register, "J1"), entry(register, "J2", period="2026-02"))
    register.close_period(ENTITY, "2026-01", None, "specification", SOFT_CLOSED)

    report = books.push(period="2026-01")

    assert (report.verified, books.states()) == (1, {"J1": State.VERIFIED, "J2": State.PENDING})


def test_a_period_is_pushed_with_what_it_depends_on_from_earlier_ones(start: Start) -> None:
    books = start()
    register = books.register
    seal(register, customer(register, "C1"), entry(register, "J1"), entry(register, "J2", depends_on=["C1"], period="2026-02"))

    books.push(period="2026-02")

    assert books.states() == {"C1": State.VERIFIED, "J1": State.PENDING, "J2": State.VERIFIED}


def test_a_register_from_a_backup_looks_before_it_sends(start: Start) -> None:
    books = start(replace(CLASS_A, send_deadline=HASTY_B.send_deadline))
    register = books.register
    sent, _ = seal(register, entry(register, "J1"), entry(register, "J2"))
    body = {"call": "create", "reference": sent.reference, "kind": "journal_entry", "body": {"total": 1000}, "key": "lost with the register"}
    HTTP.post(f"{books.url}/calls", json={"items": [body]})
    register.renew_incarnation("specification", "restored from a backup")

    books.deliver()

    books.assert_everything_is_there_exactly_once()


def test_a_plan_says_what_a_push_would_do(start: Start) -> None:
    books = start(CLASS_C)
    register = books.register
    parked, *_ = seal(
        register,
        customer(register, "C1"),
        entry(register, "J1", depends_on=["C1"]),
        customer(register, "C2"),
        entry(register, "J2", depends_on=["C2"]),
    )
    books.order("accept_then_drop", reference=parked.reference)

    lane = LaneSituation(CLASS_C, ENTITY)
    before = {document.business_key.rpartition("/")[2]: document.action for document in plan_lane(register, lane).documents}
    books.push()
    after = plan_lane(register, lane)

    assert before == {"C1": "create", "J1": "create", "C2": "create", "J2": "create"}
    held = {document.business_key.rpartition("/")[2]: (document.code, document.reason or "") for document in after.held}
    assert {name: code for name, (code, _) in held.items()} == {"C1": "parked", "J1": "dependency"}
    assert "is parked" in held["J1"][1]
    assert [asdict(total) for total in after.totals] == [
        {"action": "held", "currency": "USD", "documents": 2, "total_minor": 1000},
        {"action": "unchanged", "currency": "USD", "documents": 2, "total_minor": 1000},
    ]


def test_what_is_not_visible_yet_is_looked_for_again_before_anybody_is_alarmed(start: Start) -> None:
    books = start(replace(CLASS_B, look_up_lag=timedelta(seconds=0.5)))
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(5)))

    books.push()

    books.assert_everything_is_there_exactly_once()
    assert register.exceptions(None) == []
