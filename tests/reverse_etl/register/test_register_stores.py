"""What holds on SQLite holds on PostgreSQL, and what a server can do that a file cannot is an error that says what to do."""

from __future__ import annotations

import multiprocessing
import os
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event, Thread
from typing import Any

import pytest
from register_rows import ENTITY, credit_memo, customer, invoice, journal
from register_stores import PostgreSQL, read, run

from reverse_etl.errors import RegisterError
from reverse_etl.register import NewException, Register
from reverse_etl.register import register as register_module
from reverse_etl.register.store import postgresql as postgresql_module

ON_POSTGRESQL = pytest.mark.parametrize("register_url", ["postgresql"], indirect=True)
LANE = ("stripe", ENTITY)


def ticking() -> Any:
    seconds = count()
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(seconds))


def some_facts(url: str) -> list[tuple[int, str, str]]:
    """The log of a register in which something of everything happened."""
    register = Register.open(url, ticking())
    sealed = register.seal([customer(register), invoice(register), journal(register)], "ada", "run").sealed
    register.seal([credit_memo(register, head=sealed[1].position)], "ada", "run")
    with register.delivering(register.claim_lane(*LANE, "poster")) as transaction:
        position = transaction.append_call(sealed[1], "create", 0, "key", bytes(range(256)))
        transaction.append_result(sealed[1].position, "create", 0, "succeeded", call_position=position, reply={"id": "1", "naïve": "\u2603 \x00"})
    register.record_exception(NewException("landing", "usage.jsonl:3", "half a \ud83d character\x00", "deliver the file again"))
    register.close_period(ENTITY, "2026-01", 7, "ada")
    assert register.verify_chain().intact
    register.close()
    return [tuple(row) for row in read(url, "select position, kind, hash from log order by position")]


def test_the_same_facts_have_the_same_chain_on_both(tmp_path: Any, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_module.uuid, "uuid4", lambda: uuid.UUID(int=1))

    in_a_file, on_a_server = (some_facts(url) for url in (f"sqlite:///{tmp_path}/register.sqlite", postgresql.schema()))

    assert in_a_file == on_a_server
    assert len(in_a_file) > 10


def test_bytes_truth_and_large_integers_come_back_as_they_went(register: Register) -> None:
    amount = 9_000_000_000_000_000
    [document] = register.seal([invoice(register, amount=amount // 6 * 5)], "ada", "run").sealed
    with register.delivering(register.claim_lane(*LANE, "poster")) as transaction:
        transaction.append_call(document, "create", 0, "key", bytes(range(256)))

    [(found, delivery)] = register.deliveries()

    assert (found.total_minor, delivery.doubt, delivery.resend_exhausted) == (amount, False, False)
    assert register.requests([document.position]) == {(document.position, "create", 0): bytes(range(256))}


@pytest.mark.parametrize("changes", [{"revision": 2**31}, {"natural_id": "C\x001"}, {"cause": "x" * 1001}, {"total_minor": 2**63}])
def test_what_no_database_could_hold_is_refused_row_by_row(register: Register, changes: dict[str, Any]) -> None:
    report = register.seal([replace(invoice(register), **changes), invoice(register, "C2")], "ada", "run")

    assert [refusal.code for refusal in report.refused] == ["contract"]
    assert [document.natural_id for document in report.sealed] == ["C2:2026-01:1"]


def test_a_reader_waits_for_no_writer_and_sees_one_moment(register: Register) -> None:
    with register._writing("ada", "") as writer:
        writer.append("exception", kind="landing", subject="a", reason="b", action="c")
        writer.flush()
        assert register.exceptions() == []
    with register._reading() as connection:
        before = connection.exec_driver_sql("select count(*) from exceptions").scalar()
        register.record_exception(NewException("landing", "d", "e", "f"))
        assert connection.exec_driver_sql("select count(*) from exceptions").scalar() == before == 1
    assert len(register.exceptions()) == 2


def test_a_forked_process_makes_connections_of_its_own(register: Register) -> None:
    register.record_exception(NewException("landing", "parent", "e", "f"))

    def work() -> None:
        register.record_exception(NewException("landing", f"child {os.getpid()}", "e", "f"))

    children = [multiprocessing.get_context("fork").Process(target=work) for _ in range(2)]
    for child in children:
        child.start()
    register.record_exception(NewException("landing", "parent again", "e", "f"))
    for child in children:
        child.join(120)

    assert [child.exitcode for child in children] == [0, 0]
    assert len(register.exceptions()) == 4
    assert register.verify_chain().intact


@ON_POSTGRESQL
def test_a_lost_connection_is_a_register_error_and_the_next_call_connects_anew(register: Register, postgresql: PostgreSQL) -> None:
    with pytest.raises(RegisterError, match=r"run again: what was recorded before the connection broke is recognised"), register._writing("a", ""):
        end_sessions(postgresql)
    register.record_exception(NewException("landing", "a", "b", "c"))

    end_sessions(postgresql)

    assert len(register.exceptions()) == 1
    assert register.verify_chain().intact


def end_sessions(server: PostgreSQL) -> None:
    run(server.url, "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tieout%'")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_module, "LOCK_TIMEOUT", "200ms")
    monkeypatch.setattr(postgresql_module, "WRITE_TIMEOUT", "2s")


@ON_POSTGRESQL
@pytest.mark.usefixtures("impatient")
def test_a_writer_does_not_wait_for_ever(register: Register) -> None:
    held, release = Event(), Event()

    def hold() -> None:
        with register._writing("another", ""):
            held.set()
            release.wait(60)

    holding = Thread(target=hold)
    holding.start()
    assert held.wait(60)
    try:
        with pytest.raises(RegisterError, match=r"another process has held it for 30s; wait or stop that process"):
            register.record_exception(NewException("landing", "a", "b", "c"))
    finally:
        release.set()
        holding.join()
    with pytest.raises(RegisterError, match="the server took too long"), register._writing("a", "") as writer:
        writer.connection.exec_driver_sql("select pg_sleep(20)")


@ON_POSTGRESQL
def test_a_commit_is_on_disk_whatever_the_server_is_set_to(register_url: str) -> None:
    careless = Register.open(f"{register_url}%20-c%20synchronous_commit%3Doff")

    with careless._writing("a", "") as writer:
        assert writer.connection.exec_driver_sql("show synchronous_commit").scalar() == "on"


@ON_POSTGRESQL
def test_a_server_that_a_power_cut_could_destroy_is_told(register: Register) -> None:
    assert [weakness.split(" ", maxsplit=1)[0] for weakness in register.weaknesses()] == ["fsync", "full_page_writes"]


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://ada:{SECRET}@127.0.0.1:1/books",
        f"postgresql+psycopg://ada@127.0.0.1:1/books?password={SECRET}",
        f"postgresql+unknown://ada:{SECRET}@127.0.0.1:1/books",
        f"postgresql://ada:{SECRET}@127.0.0.1:many/books",
        f"{SECRET} is not a url",
    ],
)
def test_a_password_is_told_to_nobody(url: str) -> None:
    with pytest.raises(RegisterError) as told:
        Register.open(url)

    assert SECRET not in "".join(traceback.format_exception(told.value))


@pytest.fixture
def server_of_its_own() -> Iterator[PostgreSQL]:
    server = PostgreSQL.start()
    yield server
    server.stop()


def test_a_restarted_server_is_found_again(server_of_its_own: PostgreSQL) -> None:
    register = Register.open(server_of_its_own.url)
    register.record_exception(NewException("landing", "a", "b", "c"))

    server_of_its_own.halt()
    with pytest.raises(RegisterError, match="make sure that the server runs and can be reached"):
        register.exceptions()
    server_of_its_own.resume()

    assert len(register.exceptions()) == 1
    assert register.verify_chain().intact
