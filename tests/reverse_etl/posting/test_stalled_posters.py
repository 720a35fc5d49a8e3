"""A poster that stands still (SIGSTOP) keeps its lane; one that was superseded meanwhile sends nothing late and records nothing wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from posting_books import Destination
from posting_processes import Process, pushing
from posting_system import CLASS_A, CLASS_B, CLASS_U, customer, entry, seal
from register_stores import PostgreSQL, run

from reverse_etl.documents import State
from reverse_etl.errors import LaneBusyError
from reverse_etl.register import Register
from reverse_etl.systems.contract import Manifest

Start = Callable[..., Destination]
ON_SQLITE = pytest.mark.parametrize("register_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("register_url", ["postgresql"], indirect=True)
# Longer than any deadline of class B here.
STALLED_SECONDS = 0.6
LOSE_ALL_LOCKS = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tieout books/%'"


def sealed(books: Destination) -> Register:
    register = books.register
    seal(register, customer(register, "C1"), entry(register, "J1", depends_on=["C1"]), entry(register, "J2"))
    return register


def ended_superseded(stalled: Process) -> bool:
    ended = stalled.end()
    return ended == "" or "LaneBusyError" in ended


def outcomes(register: Register) -> list[str | None]:
    return [attempt.outcome for document in register.documents() for attempt in register.attempts(document)]


@pytest.mark.parametrize("point", ["all_sent"])
def test_a_stalled_poster_keeps_its_lane_and_is_named(start: Start, point: str) -> None:
    books = start(CLASS_B)
    sealed(books)
    stalled = pushing(books, f"{point}:1:stop")
    stalled.wait_until_stopped()

    with pytest.raises(LaneBusyError, match="poster of locks") as told:
        books.push()

    assert str(stalled.pid) in str(told.value)
    stalled.resume()
    assert stalled.end() == ""
    books.push()
    books.assert_everything_is_there_exactly_once()


@ON_SQLITE
@pytest.mark.parametrize("point", ["after_write_ahead", "before_send", "before_connect", "half_body_sent"])
def test_a_poster_that_wakes_after_its_deadline_sends_nothing_more(start: Start, point: str) -> None:
    # Nothing is looked up, so that the first exchange is the call.
    books = start(replace(CLASS_U, send_deadline=timedelta(seconds=0.4), concurrency=1))
    register = books.register
    seal(register, entry(register, "J1"))
    stalled = pushing(books, f"{point}:1:stop")
    stalled.wait_until_stopped()
    time.sleep(STALLED_SECONDS)
    assert books.counts() == {}

    stalled.resume()

    assert stalled.end() == ""
    assert outcomes(register)[0] in ("not_sent", "not_executed", "ambiguous")
    books.push()
    assert books.counts() == {document.reference: 1 for document in register.documents()}
    assert books.states() == {"J1": State.POSTED}


@ON_POSTGRESQL
@pytest.mark.parametrize(
    ("manifest", "point"),
    [(CLASS_B, "before_send"), (CLASS_A, "all_sent"), (CLASS_U, "after_send")],
)
def test_a_poster_that_another_machine_superseded_does_no_harm(start: Start, postgresql: PostgreSQL, manifest: Manifest, point: str) -> None:
    """Its connection to the register's server is lost, as when the network parts them, so that the lane is free."""
    books = start(replace(manifest, send_deadline=timedelta(seconds=0.4)))
    register = sealed(books)
    stalled = pushing(books, f"{point}:1:stop", locks="locks of one machine")
    stalled.wait_until_stopped()
    run(postgresql.url, LOSE_ALL_LOCKS)

    other = pushing(books, locks="locks of another machine")
    assert other.end() == ""
    before = books.counts()
    time.sleep(STALLED_SECONDS)
    stalled.resume()

    # Where it has nothing left to write ahead, it ends without noticing.
    assert ended_superseded(stalled)
    assert books.counts() == before
    assert set(books.states().values()) <= {State.POSTED, State.VERIFIED}
    assert before == {document.reference: 1 for document in register.documents()}
    assert register.verify_chain().intact


@ON_SQLITE
@pytest.mark.parametrize("manifest", [CLASS_A, CLASS_B], ids="AB")
def test_a_poster_that_wakes_in_time_and_the_one_that_superseded_it_make_one_document(start: Start, manifest: Manifest) -> None:
    books = start(replace(manifest, send_deadline=timedelta(seconds=3)))
    sealed(books)
    stalled = pushing(books, "before_send:1:stop", locks="locks of one machine")
    stalled.wait_until_stopped()

    other = pushing(books, locks="locks of another machine")
    time.sleep(0.3)
    stalled.resume()

    assert ended_superseded(stalled)
    assert other.end() == ""
    books.push()
    books.assert_everything_is_there_exactly_once()
