"""The register's disk is full, the register is read-only, or its server dies in the middle of a push: nothing is sent that is not written ahead,
and once the store works again every document is there exactly once."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from postgresql_server import kill_at_once
from posting_books import Destination
from posting_processes import pushing
from posting_system import CLASS_A, CLASS_B, ENTITY, HASTY_B, customer, entry, seal
from register_stores import PostgreSQL

from reverse_etl.errors import RegisterError
from reverse_etl.posting import push
from reverse_etl.register import Register
from reverse_etl.systems.contract import Manifest

Start = Callable[..., Destination]
ON_SQLITE = pytest.mark.parametrize("register_url", ["sqlite"], indirect=True)


def sealed(books: Destination) -> None:
    register = books.register
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}", depends_on=["C1"]) for number in range(6)))


@ON_SQLITE
@pytest.mark.parametrize(
    ("manifest", "point", "fails_in"),
    [(HASTY_B, "before_write_ahead:1", "write_ahead"), (CLASS_A, "after_write_ahead:1", "record"), (HASTY_B, "after_send:9", "record")],
)
def test_a_full_disk_stops_a_push_and_the_next_one_finishes_it(start: Start, manifest: Manifest, point: str, fails_in: str) -> None:
    books = start(manifest)
    sealed(books)
    poster = pushing(books, f"{point}:stop")
    poster.wait_until_stopped()
    log = Path(f"{books.register.url.removeprefix('sqlite:///')}-wal")

    # From here on none of its files may grow: the register's next commit finds no space.
    resource.prlimit(poster.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))
    poster.resume()

    told = poster.end()
    assert "RegisterError" in told
    assert f"> {fails_in} >" in told
    assert "free space" in told
    assert max(books.counts().values(), default=0) <= 1
    books.push()
    books.assert_everything_is_there_exactly_once()


@ON_SQLITE
def test_a_register_that_cannot_be_written_sends_nothing(start: Start) -> None:
    books = start(CLASS_B)
    sealed(books)
    file = books.register.url.removeprefix("sqlite:///")
    read_only = Register.open(f"sqlite:///file:{file}?mode=ro&uri=true")

    with pytest.raises(RegisterError, match="write access"):
        push(read_only, books.system, ENTITY, settings_or_lock_folder=books.folder / "locks", actor="poster")

    assert books.counts() == {}
    books.push()
    books.assert_everything_is_there_exactly_once()


@pytest.fixture
def dying_server() -> Iterator[PostgreSQL]:
    server = PostgreSQL.start()
    yield server
    server.stop()


@ON_SQLITE
@pytest.mark.parametrize(("manifest", "point"), [(CLASS_A, "after_write_ahead:2"), (HASTY_B, "all_sent:2"), (HASTY_B, "inside_result:2")])
def test_a_register_server_that_is_killed_in_the_middle_of_a_push(start: Start, dying_server: PostgreSQL, manifest: Manifest, point: str) -> None:
    books = start(manifest)
    books.register.close()
    books.register = Register.open(dying_server.schema())
    sealed(books)
    poster = pushing(books, f"{point}:stop")
    poster.wait_until_stopped()

    kill_at_once(dying_server.server)
    dying_server.resume()
    poster.resume()

    told = poster.end()
    # Between two transactions it just connects again; within one, the push ends.
    assert "RegisterError" in told if point.startswith("inside") else told == "" or "RegisterError" in told, told
    books.push()
    books.assert_everything_is_there_exactly_once()
