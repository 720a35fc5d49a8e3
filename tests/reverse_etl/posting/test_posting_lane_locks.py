"""One poster at a time works on a lane, whichever machine it runs on; one that lost its lock sends nothing more."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from posting_books import Destination
from posting_system import ENTITY, SYSTEM, entry, seal
from register_stores import PostgreSQL, run

from reverse_etl.errors import LaneBusyError
from reverse_etl.posting import push
from reverse_etl.posting.book import DeliveryBook, Intent
from reverse_etl.posting.lanes import lane_lock
from reverse_etl.register import Register

Start = Callable[..., Destination]
ON_POSTGRESQL = pytest.mark.parametrize("register_url", ["postgresql"], indirect=True)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The lock folders of two machines."""
    return tmp_path / "one", tmp_path / "other"


def refused(register: Register, folder: Path) -> str:
    with pytest.raises(LaneBusyError) as told, lane_lock(register, folder, SYSTEM, ENTITY, "grace"):
        pass
    return str(told.value)


def test_a_lane_is_held_once_and_others_are_free(register: Register, tmp_path: Path) -> None:
    with lane_lock(register, tmp_path, SYSTEM, ENTITY, "ada"), lane_lock(register, tmp_path, SYSTEM, "northlight_eu", "grace"):
        assert re.search(r"books/northlight_us is being pushed by ada.*push again", refused(register, tmp_path))
    with lane_lock(register, tmp_path, SYSTEM, ENTITY, "grace"):
        pass


@ON_POSTGRESQL
def test_a_lane_is_held_once_among_machines(register: Register, folders: tuple[Path, Path]) -> None:
    with lane_lock(register, folders[0], SYSTEM, ENTITY, "ada"):
        assert re.search(r"books/northlight_us is being pushed by .*ada@.*push again", refused(register, folders[1]))
    with lane_lock(register, folders[1], SYSTEM, ENTITY, "grace"):
        pass


@ON_POSTGRESQL
def test_the_lock_among_machines_dies_with_its_process(register: Register, folders: tuple[Path, Path]) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()

    def hold() -> None:
        with lane_lock(register, folders[0], SYSTEM, ENTITY, "ada"):
            held.set()
            time.sleep(600)

    process = context.Process(target=hold)
    process.start()
    assert held.wait(120)
    assert refused(register, folders[1])

    os.kill(process.pid or 0, signal.SIGKILL)
    process.join(120)

    deadline = time.monotonic() + 120
    while True:
        try:
            with lane_lock(register, folders[1], SYSTEM, ENTITY, "grace"):
                return
        except LaneBusyError:
            # The server notices a moment later that its client is gone.
            assert time.monotonic() < deadline
            time.sleep(0.05)


@ON_POSTGRESQL
def test_a_poster_that_lost_its_lock_notices_before_it_writes_ahead(start: Start, postgresql: PostgreSQL, folders: tuple[Path, Path]) -> None:
    books = start()
    register = books.register
    [document] = seal(register, entry(register, "J1"))
    [(_, delivery)] = register.deliveries()
    with lane_lock(register, folders[0], SYSTEM, ENTITY, "ada"):
        book = DeliveryBook(register, register.claim_lane(SYSTEM, ENTITY, "ada"), "specification")
        run(postgresql.url, "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tieout books/%'")
        push(register, books.system, ENTITY, settings_or_lock_folder=folders[1], actor="grace")
        with pytest.raises(LaneBusyError, match="superseded"):
            book.write_ahead([Intent(document, delivery, "create", 0, "key", b"{}", None)])

    books.assert_everything_is_there_exactly_once()
