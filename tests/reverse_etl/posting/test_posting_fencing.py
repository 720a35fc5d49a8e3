"""A poster that lost its lane can do no harm, and a success counts whoever brings it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from posting_books import Destination
from posting_system import CLASS_A, CLASS_B, ENTITY, SYSTEM, entry, seal

from reverse_etl.documents import SealedDocument, State, idempotency_key
from reverse_etl.errors import LaneBusyError
from reverse_etl.posting import protocol
from reverse_etl.posting.book import DeliveryBook
from reverse_etl.posting.protocol.admission import CHANGED, KEY_EXPIRED
from reverse_etl.posting.protocol.facts import Change, Intent, Result, WrittenAhead
from reverse_etl.posting.protocol.outcomes import LABELS
from reverse_etl.register import Delivery, Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Outcome, Succeeded

Start = Callable[..., Destination]
CALLS = ("create", "complete")


def open_book(register: Register, holder: str) -> DeliveryBook:
    return DeliveryBook(register, register.claim_lane(SYSTEM, ENTITY, holder), "specification")


def delivery_of(register: Register, document: SealedDocument) -> Delivery:
    [(_, delivery)] = register.deliveries(business_key=document.business_key)
    return delivery


def intent(document: SealedDocument, delivery: Delivery, call: str = "create") -> Intent:
    return Intent(document, delivery, call, 0, idempotency_key(document, call, 0), b"{}", None)


def outcome(written: WrittenAhead, came: Outcome) -> Change:
    call = written.intent.call
    after = protocol.advance(CLASS_B, written.delivery, CALLS, came, utc_now())
    reply = came.reply if isinstance(came, Succeeded) else None
    return Change(written.intent.document, written.delivery, after, (Result(call, 0, LABELS[type(came)], written.call_position, reply=reply),))


def test_a_superseded_poster_cannot_write_ahead(start: Start) -> None:
    register = start().register
    [document] = seal(register, entry(register, "J1"))
    old = open_book(register, "old")
    open_book(register, "new")

    with pytest.raises(LaneBusyError, match="superseded"):
        old.write_ahead([intent(document, delivery_of(register, document))])

    assert register.attempts(document) == []


def test_a_superseded_poster_records_success_and_nothing_else(start: Start) -> None:
    register = start().register
    first, second = seal(register, entry(register, "J1"), entry(register, "J2"))
    old = open_book(register, "old")
    done, _ = old.write_ahead([intent(first, delivery_of(register, first)), intent(second, delivery_of(register, second))])
    old.record([outcome(done[0], Succeeded("R1", {"id": "R1"}))])
    last, _ = old.write_ahead([intent(first, delivery_of(register, first), "complete")])
    open_book(register, "new")

    standing = old.record([outcome(last[0], Succeeded("R1")), outcome(done[1], NotExecuted("refused"))])

    assert [change.document.natural_id for change in standing] == ["J1"]
    assert (delivery_of(register, first).state, delivery_of(register, second).state) == (State.POSTED, State.IN_FLIGHT)
    assert [attempt.outcome for attempt in register.attempts(second)] == ["not_executed"], "the answer itself is a fact and kept"
    assert register.verify_chain().intact


def test_posted_absorbs_whatever_comes_later(start: Start) -> None:
    register = start().register
    [document] = seal(register, entry(register, "J1"))
    book = open_book(register, "poster")
    created, _ = book.write_ahead([intent(document, delivery_of(register, document))])
    book.record([outcome(created[0], Succeeded("R1", {"id": "R1"}))])
    last, _ = book.write_ahead([intent(document, delivery_of(register, document), "complete")])
    book.record([outcome(last[0], Succeeded("R1"))])

    assert book.record([outcome(last[0], Ambiguous("late"))]) == []

    assert delivery_of(register, document).state is State.POSTED


def test_what_a_person_changed_meanwhile_is_not_sent(start: Start) -> None:
    register = start().register
    [document] = seal(register, entry(register, "J1"))
    seen = delivery_of(register, document)
    register.cancel(document, "a person", "not wanted")

    accepted, refused = open_book(register, "poster").write_ahead([intent(document, seen)])

    assert accepted == []
    assert [refusal.code for refusal in refused] == [CHANGED]


def test_the_retention_of_a_key_is_checked_inside_the_transaction(start: Start) -> None:
    register = start(CLASS_A).register
    [document] = seal(register, entry(register, "J1"))
    late = replace(intent(document, delivery_of(register, document)), not_after=utc_now() - timedelta(seconds=1))

    accepted, refused = open_book(register, "poster").write_ahead([late])

    assert accepted == []
    assert [refusal.code for refusal in refused] == [KEY_EXPIRED]
