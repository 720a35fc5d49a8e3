"""A clock that is set forward or back, at any moment of a push, makes no document twice and loses none."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from posting_books import Destination
from posting_processes import pushing
from posting_system import CLASS_A, CLASS_B, ENTITY, HASTY_B, entry, seal

from reverse_etl.documents import State
from reverse_etl.posting import push
from reverse_etl.register import Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.systems.contract import Manifest

Start = Callable[..., Destination]
ON_SQLITE = pytest.mark.parametrize("register_url", ["sqlite"], indirect=True)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class WrongClock:
    """What the processes of a machine take for the time; set for all of them at once."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 8)

    def __call__(self) -> datetime:
        return utc_now() + timedelta(seconds=struct.unpack("d", self._shared[:8])[0])

    def set(self, off_by: timedelta) -> None:
        self._shared[:8] = struct.pack("d", off_by.total_seconds())


@pytest.fixture
def clock() -> WrongClock:
    return WrongClock()


@ON_SQLITE
@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
@pytest.mark.parametrize(("manifest", "point"), [(CLASS_A, "after_write_ahead"), (CLASS_B, "after_send")])
def test_a_jump_between_write_ahead_and_result(start: Start, clock: WrongClock, manifest: Manifest, jump: timedelta, point: str) -> None:
    books = start(manifest)
    seal(books.register, entry(books.register, "J1"), entry(books.register, "J2"))
    poster = pushing(books, f"{point}:1:stop", clock=clock)
    poster.wait_until_stopped()

    clock.set(jump)
    poster.resume()

    assert poster.end() == ""
    assert pushing(books, clock=clock).end() == ""
    books.assert_everything_is_there_exactly_once()


@ON_SQLITE
@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
def test_a_jump_while_a_request_is_under_way_that_is_executed_after_its_deadline(start: Start, clock: WrongClock, jump: timedelta) -> None:
    books = start(HASTY_B)
    seal(books.register, entry(books.register, "J1"))
    books.order("slow", call="create", seconds=0.5)
    poster = pushing(books, "after_send:1:stop", clock=clock)
    poster.wait_until_stopped()
    assert books.counts() == {}, "it must still be under way"

    clock.set(jump)
    poster.resume()

    assert poster.end() == ""
    assert pushing(books, clock=clock).end() == ""
    books.assert_everything_is_there_exactly_once()


@ON_SQLITE
@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
def test_a_jump_while_nobody_pushes_and_a_request_is_still_under_way(start: Start, clock: WrongClock, jump: timedelta) -> None:
    books = start(HASTY_B)
    seal(books.register, entry(books.register, "J1"))
    books.order("slow", call="create", seconds=0.5)
    assert pushing(books, "all_sent", clock=clock).end() == "killed"

    clock.set(jump)

    assert pushing(books, clock=clock).end() == ""
    clock.set(timedelta(0))
    assert pushing(books, clock=clock).end() == ""
    books.assert_everything_is_there_exactly_once()


@ON_SQLITE
def test_a_key_that_was_first_used_under_a_fast_clock_is_not_taken_for_fresh_when_it_has_expired(start: Start, clock: WrongClock) -> None:
    books = start(replace(CLASS_A, key_retention=timedelta(minutes=30), send_deadline=timedelta(seconds=1)), keys_kept=1.0)
    seal(books.register, entry(books.register, "J1"))
    clock.set(HOUR)
    books.order("accept_then_drop", call="create")
    assert pushing(books, "after_send:1", clock=clock).end() == "killed"

    clock.set(timedelta(0))
    time.sleep(1.1)  # in the destination's time the key is forgotten: its half hour is a second long here

    assert pushing(books, clock=clock).end() == ""
    assert set(books.states().values()) == {State.VERIFIED}
    books.assert_everything_is_there_exactly_once()


@ON_SQLITE
def test_a_key_is_not_used_again_once_it_may_have_expired(start: Start, clock: WrongClock) -> None:
    books = start(replace(CLASS_A, key_retention=timedelta(minutes=30), send_deadline=timedelta(seconds=1)), keys_kept=1.0)
    seal(books.register, entry(books.register, "J1"))
    poster = pushing(books, "after_send:1", clock=clock)
    assert poster.end() == "killed"

    clock.set(HOUR)
    time.sleep(1.1)

    assert pushing(books, clock=clock).end() == ""
    books.assert_everything_is_there_exactly_once()


@ON_SQLITE
def test_a_key_that_only_the_registers_clock_takes_for_forgotten_ends_the_push_and_the_next_one_goes_on(start: Start, register_url: str) -> None:
    books = start(replace(CLASS_A, look_up_lag=timedelta(0)))
    seal(books.register, entry(books.register, "J1"))
    books.order("accept_then_drop", times=2)
    books.push(patience=0.0)
    assert books.states() == {"J1": State.AMBIGUOUS}
    ahead = Register.open(register_url, clock=lambda: utc_now() + DAY)

    report = push(ahead, books.system, ENTITY, settings_or_lock_folder=books.folder / "locks", actor="poster", patience=2.0)

    assert report.ambiguous == 1
    ahead.close()
    books.push()
    books.assert_everything_is_there_exactly_once()
