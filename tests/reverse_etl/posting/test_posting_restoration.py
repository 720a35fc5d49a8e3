"""A register put back from an old backup is found out, and what was sent since is looked for before anything is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from posting_books import Destination
from posting_system import CLASS_A, CLASS_C, CLASS_U, HASTY_B, customer, entry, seal
from register_stores import Backup, read

from reverse_etl.documents import State
from reverse_etl.register import Register
from reverse_etl.register.anchors import AnchorFile
from reverse_etl.systems.contract import Manifest

Start = Callable[..., Destination]
LOOKED_UP_A = replace(CLASS_A, look_up_lag=timedelta(0), send_deadline=timedelta(seconds=0.4))
A_WITHOUT_LOOK_UP = replace(CLASS_A, look_up_lag=None)


def forget(books: Destination, *names: str) -> None:
    """Remove what stands beside the register, as if it was in the same backup."""
    for name in names:
        (books.folder / "locks" / "audit" / name).unlink(missing_ok=True)


def put_back(books: Destination, backup: Backup, url: str) -> Register:
    books.register.close()
    backup.put_back(url)
    books.register = Register.open(url)
    return books.register


@pytest.mark.parametrize("manifest", [HASTY_B, LOOKED_UP_A, CLASS_U], ids=["B", "A", "U"])
def test_what_was_sent_after_the_backup_is_adopted_and_nothing_is_sent_twice(start: Start, register_url: str, manifest: Manifest) -> None:
    books = start(manifest)
    seal(books.register, customer(books.register, "C1"), *(entry(books.register, f"J{number}", depends_on=["C1"]) for number in range(3)))
    backup = Backup.of(register_url)
    books.push()
    made = books.books()["documents"]

    register = put_back(books, backup, register_url)
    seal(register, entry(register, "J9"))
    books.push()

    assert register.was_restored
    assert books.books()["documents"][: len(made)] == made
    assert set(books.counts().values()) == {1}
    assert set(books.states().values()) <= {State.VERIFIED, State.POSTED}
    assert register.verify_chain().intact


@pytest.mark.parametrize("manifest", [CLASS_C, A_WITHOUT_LOOK_UP], ids=["C", "A"])
def test_where_nothing_can_be_looked_up_everything_of_the_backup_waits_for_a_person(start: Start, register_url: str, manifest: Manifest) -> None:
    books = start(manifest)
    seal(books.register, entry(books.register, "J1"))
    backup = Backup.of(register_url)
    books.push()

    register = put_back(books, backup, register_url)
    books.push()

    assert books.states() == {"J1": State.PARKED}
    assert set(books.counts().values()) == {1}
    assert ["restored from a backup" in record.reason for record in register.exceptions()] == [True]


def test_what_was_sealed_after_the_backup_is_adopted_when_it_is_proposed_again(start: Start, register_url: str) -> None:
    books = start(HASTY_B)
    backup = Backup.of(register_url)
    seal(books.register, entry(books.register, "J1"))
    books.push()

    register = put_back(books, backup, register_url)
    seal(register, entry(register, "J1"), entry(register, "J2"))
    books.push()

    books.assert_everything_is_there_exactly_once()


def test_other_content_under_a_lost_key_stops_for_a_person(start: Start, register_url: str) -> None:
    books = start(HASTY_B)
    backup = Backup.of(register_url)
    seal(books.register, entry(books.register, "J1"))
    books.push()

    register = put_back(books, backup, register_url)
    changed = entry(register, "J1")
    lines = [line | {"amount_minor": 900, "functional_minor": 900} for line in changed.payload["lines"]]
    seal(register, replace(changed, total_minor=900, payload={**changed.payload, "lines": lines}))
    books.push()

    assert books.states() == {"J1": State.PARKED}
    assert set(books.counts().values()) == {1}


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (("register.json",), "the mark of the last push knows"),
        (("anchors.jsonl",), "the anchor of .* knows"),
        ((), "books holds .*J1.* which this register has never sent"),
    ],
    ids=["mark", "anchor", "destination"],
)
def test_each_witness_alone_finds_an_old_backup_out(start: Start, register_url: str, kept: tuple[str, ...], told: str) -> None:
    books = start(HASTY_B)
    seal(books.register, entry(books.register, "J1"))
    backup = Backup.of(register_url)
    books.push()
    AnchorFile(books.folder / "locks" / "audit" / "anchors.jsonl").append(books.register.measured())
    forget(books, *({"register.json", "anchors.jsonl"} - {*kept}))

    register = put_back(books, backup, register_url)
    books.push()

    reason = read(register_url, "select reason from incarnations order by position desc limit 1")[0].reason
    assert re.search(told, reason), reason
    incarnation = register.incarnation
    books.push()
    assert register.incarnation == incarnation, "it is found out once"
    books.assert_everything_is_there_exactly_once()


def test_a_backup_that_has_grown_since_it_was_put_back_is_found_out_all_the_same(start: Start, register_url: str) -> None:
    books = start(HASTY_B)
    seal(books.register, entry(books.register, "J1"))
    backup = Backup.of(register_url)
    books.push()
    mark = books.folder / "locks" / "audit" / "register.json"
    assert [epoch for _, _, epoch in json.loads(mark.read_text())["lanes"]] == [1]
    forget(books, "anchors.jsonl")

    register = put_back(books, backup, register_url)
    seal(register, *(entry(register, f"K{number}") for number in range(30)))
    books.push()

    assert register.was_restored
    books.assert_everything_is_there_exactly_once()


def test_a_register_that_was_never_put_back_keeps_its_incarnation(start: Start) -> None:
    books = start(HASTY_B)
    incarnation = books.register.incarnation
    for number in range(3):
        seal(books.register, entry(books.register, f"J{number}"))
        books.push()

    assert books.register.incarnation == incarnation
    books.assert_everything_is_there_exactly_once()


def test_a_party_that_was_there_before_us_says_nothing_of_the_register(start: Start) -> None:
    books = start(HASTY_B)
    [sealed] = seal(books.register, customer(books.register, "C1"))
    body = {"call": "create", "reference": sealed.reference, "kind": "customer", "body": {"total": 0, "depends_on": {}}, "key": "by somebody else"}
    assert httpx.post(f"{books.url}/calls", json={"items": [body]}, trust_env=False, timeout=120).status_code == 200
    before = books.register.incarnation

    books.push()

    assert (books.register.incarnation, books.register.was_restored) == (before, False)
