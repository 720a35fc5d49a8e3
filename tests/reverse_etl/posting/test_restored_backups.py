"""A register put back from an older backup: what was sent after the backup is found and taken over, or stops for a person; nothing is sent twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from posting_books import Destination
from posting_processes import pushing
from posting_system import CLASS_A, CLASS_B, CLASS_C, CLASS_U, customer, entry, seal

from reverse_etl.documents import State
from reverse_etl.register import Register
from reverse_etl.systems.contract import Manifest

Start = Callable[..., Destination]
ON_SQLITE = pytest.mark.parametrize("register_url", ["sqlite"], indirect=True)


def copied(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def put_back_after_a_push(books: Destination, crash_point: str | None) -> None:
    """Back up what is sealed, push (and die at the crash point), and put the backup in the place of the register."""
    register = books.register
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}") for number in range(4)))
    file, backup = Path(register.url.removeprefix("sqlite:///")), books.folder / "backup.sqlite"
    copied(file, backup)
    assert pushing(books, crash_point).end() == ("" if crash_point is None else "killed")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    copied(backup, file)
    books.register = Register.open(register.url)


@ON_SQLITE
@pytest.mark.parametrize(
    ("manifest", "crash_point"),
    [(CLASS_U, None), (CLASS_A, "after_send:5"), (CLASS_B, None), (replace(CLASS_B, look_up_lag=timedelta(seconds=0.3)), "after_send:5")],
    ids=["U", "A", "B", "B lagging"],
)
def test_what_was_sent_after_the_backup_is_not_sent_again(start: Start, manifest: Manifest, crash_point: str | None) -> None:
    books = start(replace(manifest, send_deadline=timedelta(seconds=0.4)))
    put_back_after_a_push(books, crash_point)
    books.register.renew_incarnation("an operator", "restored from a backup")

    books.push()

    assert books.counts() == {document.reference: 1 for document in books.register.documents()}
    assert set(books.states().values()) == {State.VERIFIED if manifest.look_up_lag is not None else State.POSTED}
    assert all(document["calls"] in (["create"], ["create", "complete"]) for document in books.books()["documents"])
    assert books.register.verify_chain().intact


@ON_SQLITE
def test_where_nothing_tells_what_was_sent_everything_stops_for_a_person(start: Start) -> None:
    books = start(CLASS_C)
    put_back_after_a_push(books, "after_send:3")
    before = books.counts()
    books.register.renew_incarnation("an operator", "restored from a backup")

    books.push()

    assert books.counts() == before
    assert set(books.states().values()) == {State.PARKED}
    assert {record.kind for record in books.register.exceptions()} == {"document_parked"}
