"""Whatever moment a poster is killed at, the next one finishes its work: every document once, none lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from posting_books import Destination
from posting_system import CLASS_A, ENTITY, HASTY_B, Books, customer, entry, seal

from reverse_etl.crash_points import CRASH_VARIABLE
from reverse_etl.documents import State
from reverse_etl.posting import push
from reverse_etl.register import Register
from reverse_etl.systems.contract import Manifest

Start = Callable[..., Destination]
FORK = multiprocessing.get_context("fork")

CRASH_POINTS = [
    "before_write_ahead",
    "inside_write_ahead",
    "after_write_ahead",
    "before_send",
    "after_send",
    "inside_result",
    "after_result",
    "after_look_up",
    "after_posted",
]
# The first passage of a point, and a later one in the middle of the calls of several documents.
LATER = {"after_look_up": 2, "after_posted": 2, "before_send": 9, "after_send": 9}
CASES = [(point, passage) for point in CRASH_POINTS for passage in (1, LATER.get(point, 3))]


def push_in_a_process(destination: Destination, crash_point: str | None) -> int:
    """Push in a process of its own; its exit code, negative if a signal ended it."""

    def work(url: str, manifest: Manifest, register_url: str, locks: Path) -> None:
        os.environ.pop(CRASH_VARIABLE, None)
        if crash_point is not None:
            os.environ[CRASH_VARIABLE] = crash_point
        push(Register.open(register_url), Books(url, manifest), ENTITY, settings_or_lock_folder=locks, actor="poster")

    arguments = (destination.url, destination.manifest, destination.register.url, destination.folder / "locks")
    process = FORK.Process(target=work, args=arguments)
    process.start()
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


@pytest.mark.parametrize("manifest", [CLASS_A, HASTY_B], ids="AB")
@pytest.mark.parametrize(("point", "passage"), CASES)
def test_a_killed_poster_leaves_nothing_twice_and_nothing_out(start: Start, manifest: Manifest, point: str, passage: int) -> None:
    books = start(manifest)
    register = books.register
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}", depends_on=["C1"]) for number in range(5)))
    register.close()

    assert push_in_a_process(books, f"{point}:{passage}") == -signal.SIGKILL
    assert max(books.counts().values(), default=0) <= 1
    books.deliver()

    books.assert_everything_is_there_exactly_once()


@pytest.mark.parametrize("manifest", [CLASS_A, HASTY_B], ids="AB")
@pytest.mark.parametrize("point", ["before_send", "after_send"])
def test_posters_killed_one_after_the_other_leave_all_to_those_that_come_now_and_later(start: Start, manifest: Manifest, point: str) -> None:
    books = start(manifest)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(4)))
    register.close()
    books.order("accept_then_drop", times=2)

    for killed_at in (point, "after_write_ahead"):
        assert push_in_a_process(books, killed_at) == -signal.SIGKILL
    books.deliver()

    books.assert_everything_is_there_exactly_once()


def test_a_poster_killed_between_the_calls_leaves_a_draft_that_the_next_one_finishes(start: Start) -> None:
    books = start(HASTY_B)
    register = books.register
    seal(register, entry(register, "J1"))
    register.close()

    assert push_in_a_process(books, "after_send:1") == -signal.SIGKILL

    assert [document["calls"] for document in books.books()["documents"]] == [["create"]]
    assert books.states() == {"J1": State.IN_FLIGHT}
    books.push()
    books.assert_everything_is_there_exactly_once()
    assert [call["call"] for call in books.books()["calls"]] == ["create", "complete"]
