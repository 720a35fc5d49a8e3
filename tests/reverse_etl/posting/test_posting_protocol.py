"""The protocol alone, decision by decision; tests/proof/model_check explores its paths."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reverse_etl.documents import State
from reverse_etl.posting.protocol import (
    LookedUp,
    LookUp,
    Park,
    Recovered,
    Restored,
    Send,
    Unreadable,
    Wait,
    advance,
    next_step,
    taken_over,
    written_ahead,
)
from reverse_etl.register import Delivery, Restoration
from reverse_etl.systems.contract import Ambiguous, Manifest, NotExecuted, Rejected, RemoteDocument, Succeeded

START = datetime(2026, 1, 31, tzinfo=UTC)
CALLS = ("create", "complete")
B = Manifest(
    system="model",
    key_retention=timedelta(0),
    look_up_lag=timedelta(seconds=2),
    send_deadline=timedelta(seconds=3),
    in_flight_bound=timedelta(seconds=4),
    replays_errors=False,
    requests_per_second=1.0,
    concurrency=1,
    batch_size=1,
    document_types=("journal_entry",),
)
A = replace(B, key_retention=timedelta(seconds=30))
A_REPLAYING = replace(A, replays_errors=True)
A_BLIND = replace(A, look_up_lag=None)
C = replace(B, look_up_lag=None)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def looked_up(remote: RemoteDocument | None, asked: float, differences: tuple[str, ...] = ()) -> LookedUp:
    return LookedUp(remote, START + seconds(asked), START, differences)


def sent(delivery: Delivery, at: float = 0.0) -> Delivery:
    return written_ahead(delivery, START + seconds(at), 1)


def test_a_document_is_posted_when_its_last_call_succeeded() -> None:
    delivery = advance(B, sent(Delivery(1)), CALLS, Succeeded("R1"), START)
    assert (delivery.state, delivery.completed, delivery.remote_id) == (State.IN_FLIGHT, ("create",), "R1")
    assert next_step(B, delivery, CALLS, START) == Send("complete", 0, None)

    delivery = advance(B, sent(delivery), CALLS, Succeeded("R1"), START)
    assert (delivery.state, delivery.posted_at) == (State.POSTED, START)


def test_a_remembered_key_is_used_again_and_only_as_long_as_it_is_remembered_when_it_arrives() -> None:
    doubtful = advance(A, sent(Delivery(1)), CALLS, Ambiguous("lost"), START)
    limit = START + seconds(30 - 2 * 3 - 4 - 3)

    assert next_step(A, doubtful, CALLS, limit) == Send("create", 0, limit)
    assert next_step(A, doubtful, CALLS, limit + seconds(1)) == LookUp()


def test_a_key_that_was_first_used_in_the_future_is_not_taken_for_fresh() -> None:
    lost = advance(A, sent(Delivery(1), at=100), CALLS, Recovered(), START + seconds(10))

    assert isinstance(next_step(A, lost, CALLS, lost.next_attempt_at or START + seconds(10)), LookUp)
    assert isinstance(
        next_step(A_BLIND, advance(A_BLIND, sent(Delivery(1), at=100), CALLS, Recovered(), START + seconds(10)), CALLS, START + seconds(10)), Park
    )


def test_a_resend_that_is_answered_with_an_error_again_is_looked_up_where_errors_are_replayed() -> None:
    doubtful = advance(A_REPLAYING, sent(Delivery(1)), CALLS, Ambiguous("500"), START)
    again = advance(A_REPLAYING, sent(doubtful, 1), CALLS, Ambiguous("500"), START + seconds(1))

    assert again.resend_exhausted
    assert next_step(A_REPLAYING, again, CALLS, START + seconds(5)) == LookUp()


def test_presence_is_believed_at_once_and_absence_only_after_the_wait() -> None:
    doubtful = advance(B, sent(Delivery(1)), CALLS, Ambiguous("lost"), START)
    assert next_step(B, doubtful, CALLS, START) == Wait(START + seconds(2))
    there = RemoteDocument("R", "R1", None, "draft", None, None, None, None, (), {"create": {"id": "R1"}})

    found = advance(B, doubtful, CALLS, looked_up(there, 2), START + seconds(2))
    absent = advance(B, doubtful, CALLS, looked_up(None, 2), START + seconds(2))
    later = advance(B, absent, CALLS, looked_up(None, 9), START + seconds(9))

    assert (found.completed, found.doubt) == (("create",), False)
    assert next_step(B, absent, CALLS, START + seconds(2)) == Wait(START + seconds(9))
    assert next_step(B, later, CALLS, START + seconds(9)) == Send("create", 1, None)


def test_a_look_up_proves_absence_as_of_when_it_was_asked() -> None:
    doubtful = advance(B, sent(Delivery(1)), CALLS, Ambiguous("lost"), START)

    early = advance(B, doubtful, CALLS, looked_up(None, 8), START + seconds(60))

    assert next_step(B, early, CALLS, START + seconds(8)) == Wait(START + seconds(9))


def test_what_another_process_wrote_ahead_is_waited_for_anew_unless_that_is_long_ago() -> None:
    recent = advance(B, sent(Delivery(1)), CALLS, Recovered(), START + seconds(60))
    old = advance(B, sent(Delivery(1)), CALLS, Recovered(), START + seconds(320))

    assert recent.believable_at == START + seconds(60 + 3 + 9)
    assert old.believable_at == START + seconds(320)


def test_what_another_process_found_believable_is_trusted_once_its_clock_cannot_matter() -> None:
    doubtful = advance(B, sent(Delivery(1)), CALLS, Ambiguous("lost"), START)
    later = START + seconds(10)

    at_once = advance(B, doubtful, CALLS, LookedUp(None, later, later), later)
    after_its_own_wait = advance(B, doubtful, CALLS, LookedUp(None, later + seconds(9), later), later + seconds(9))

    assert (at_once.state, at_once.next_attempt_at) == (State.AMBIGUOUS, later + seconds(9))
    assert (after_its_own_wait.state, after_its_own_wait.generation) == (State.PENDING, 1)


def test_after_a_restoration_everything_older_is_looked_up() -> None:
    restoration = Restoration(START + seconds(100), first_epoch=10)
    old, new = sent(Delivery(1)), replace(sent(Delivery(1)), epoch=10)

    assert taken_over(Delivery(1), restoration) == taken_over(old, restoration) == Restored(START + seconds(100))
    assert (taken_over(new, restoration), taken_over(Delivery(1), None)) == (Recovered(), None)
    unknown = advance(A, replace(Delivery(1), completed=("create",)), CALLS, Restored(START + seconds(100)), START + seconds(101))
    assert next_step(A, unknown, CALLS, START + seconds(101)) == LookUp()
    draft = RemoteDocument("R", "R1", None, "draft", None, None, None, None, (), {"create": {"id": "R1"}})
    half = advance(A, Delivery(1, state=State.AMBIGUOUS, doubt=True, believable_at=START + seconds(109)), CALLS, looked_up(draft, 101), START)
    assert half.state is State.AMBIGUOUS, "the second call may be under way"


def test_inconclusive_look_ups_wait_longer_and_longer_and_then_park() -> None:
    delivery, now = advance(B, sent(Delivery(1)), CALLS, Ambiguous("lost"), START), START
    waits = []
    while delivery.state is State.AMBIGUOUS:
        step = next_step(B, delivery, CALLS, now)
        if isinstance(step, Wait):
            waits.append(step.until - now)
            now = step.until
        delivery = advance(B, delivery, CALLS, Unreadable("down"), now)

    assert waits == [seconds(2), seconds(9), timedelta(minutes=5), timedelta(hours=1), *[timedelta(days=1)] * 5]
    assert delivery.state is State.PARKED


@pytest.mark.parametrize(
    ("remote", "differences", "reason"),
    [
        ({"duplicates": ("R2",)}, (), "duplicate"),
        ({"status": "incomplete"}, (), "incomplete"),
        ({"completed": {"create": {}, "complete": {}}}, ("total: 1 instead of 2",), "total"),
        ({"completed": {"complete": {}}}, (), "incomplete"),
    ],
)
def test_what_nobody_can_finish_is_parked(remote: dict[str, Any], differences: tuple[str, ...], reason: str) -> None:
    doubtful = advance(B, sent(Delivery(1)), CALLS, Ambiguous("lost"), START)
    there = replace(RemoteDocument("R", "R1", None, "open", None, None, None, None, (), {"create": {}}), **remote)

    parked = advance(B, doubtful, CALLS, looked_up(there, 9, differences), START + seconds(9))

    assert parked.state is State.PARKED
    assert reason in (parked.reason or "")


def test_a_document_that_had_begun_and_is_gone_is_parked() -> None:
    begun = advance(B, sent(Delivery(1)), CALLS, Succeeded("R1"), START)
    doubtful = advance(B, sent(begun), CALLS, Ambiguous("lost"), START)

    assert advance(B, doubtful, CALLS, looked_up(None, 9), START + seconds(9)).state is State.PARKED


def test_a_refusal_after_a_lost_answer_proves_nothing_about_the_first_attempt() -> None:
    doubtful = advance(A, sent(Delivery(1)), CALLS, Ambiguous("lost"), START)

    refused = advance(A, sent(doubtful), CALLS, Rejected("the number is taken"), START)

    assert refused.state is State.AMBIGUOUS
    assert next_step(A, refused, CALLS, START + seconds(3)) == LookUp()
    assert advance(A_BLIND, sent(doubtful), CALLS, Rejected("no"), START).state is State.PARKED
    assert advance(A, sent(Delivery(1)), CALLS, Rejected("no"), START).state is State.REJECTED


def test_not_executed_waits_as_long_as_asked_and_keeps_an_earlier_doubt() -> None:
    busy = advance(A, sent(Delivery(1)), CALLS, NotExecuted("429", 7.0), START)
    doubtful = advance(A, sent(Delivery(1)), CALLS, Ambiguous("lost"), START)

    assert busy.state is State.PENDING
    assert next_step(A, busy, CALLS, START) == Wait(START + seconds(7))
    assert advance(A, sent(doubtful), CALLS, NotExecuted("429"), START).state is State.AMBIGUOUS


def test_without_key_and_look_up_the_first_doubt_parks() -> None:
    assert advance(C, sent(Delivery(1)), CALLS, Recovered(), START).state is State.PARKED
    requeued = Delivery(1, state=State.AMBIGUOUS, doubt=True)
    assert isinstance(next_step(C, requeued, CALLS, START), Park)
