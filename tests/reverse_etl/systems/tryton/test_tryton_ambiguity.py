"""After a lost answer the look-up tells what happened: no document twice, none lost."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lossy_relay import LossyRelay, lossy_relay
from tryton_documents import US, Driver, customer, entry
from tryton_ledger import Ledger

from reverse_etl.documents import SealedDocument
from reverse_etl.sandbox.processes import stop
from reverse_etl.sandbox.tryton.server import start_server
from reverse_etl.systems.contract import Ambiguous, NotExecuted, RemoteDocument
from reverse_etl.systems.tryton import Tryton
from reverse_etl.systems.tryton.connection import Connection


def _settled(system: Tryton, documents: list[SealedDocument]) -> dict[str, RemoteDocument]:
    """What the look-up finds once it finds something, or after two minutes."""
    deadline = time.monotonic() + 120
    while True:
        found = dict(system.look_up(documents, {}))
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _kill_in_the_middle(relay: LossyRelay, pid: int) -> None:
    assert relay.lost_request_passed_on.wait(120)
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)


def test_after_a_time_out_the_look_up_finds_every_document_exactly_once(ledger: Ledger, system: Tryton) -> None:
    documents = [entry() for _ in range(60)]
    with lossy_relay(ledger.server.url, "account.move.create") as relay:
        outcomes = Driver(ledger.open(url=relay.url)).send(documents, "create")

    assert {type(outcome) for outcome in outcomes} == {Ambiguous}
    found = _settled(system, documents)
    assert found.keys() == {document.reference for document in documents}
    assert all(remote.duplicates == () and remote.status == "draft" for remote in found.values())
    Driver(system).send(documents, "post", {reference: remote.completed["create"] for reference, remote in found.items()})
    assert {remote.status for remote in system.look_up(documents, {}).values()} == {"posted"}


def test_a_server_killed_in_the_middle_of_a_request_leaves_all_or_nothing(start_ledger: Callable[[Path], Ledger], tmp_path: Path) -> None:
    ledger = start_ledger(tmp_path / "killed")
    try:
        documents = [entry() for _ in range(60)]
        with lossy_relay(ledger.server.url, "account.move.create") as relay:
            system = ledger.open(url=relay.url)
            Driver(system).create(customer("C0001"))
            killer = threading.Thread(target=_kill_in_the_middle, args=(relay, ledger.server.process.pid))
            killer.start()

            outcomes = Driver(system).send(documents, "create")

            killer.join()
        assert {type(outcome) for outcome in outcomes} == {Ambiguous}
        ledger.server = start_server(ledger.folder)
        system = ledger.open()
        found = system.look_up(documents, {})
        assert len(found) in (0, len(documents))
        Driver(system).create(*(document for document in documents if document.reference not in found))
        assert len(ledger.ids("account.move", [["company.party.code", "=", US]])) == len(documents)
    finally:
        stop(ledger.server.process)


def test_a_server_that_is_down_is_proven_not_to_have_executed_anything(ledger: Ledger, system: Tryton) -> None:
    documents = [entry(), entry()]
    calls = Driver(system).calls(documents, "create")
    # Taken, so that nobody else listens there.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        absent = Connection(f"http://127.0.0.1:{deaf.getsockname()[1]}", "erp", "admin", "irrelevant")
        outcomes = Tryton(system.manifest, absent, [US]).send(calls)

    assert {type(outcome) for outcome in outcomes.values()} == {NotExecuted}


def test_an_answer_that_trickles_in_ends_at_the_deadline() -> None:
    with _trickling_server() as url:
        connection = Connection(url, "erp", "admin", "irrelevant")
        began = time.monotonic()

        verdict = connection._exchange("model.account.move.create", [], None, began + 0.5)

        assert isinstance(verdict, Ambiguous)
        assert time.monotonic() - began < 30


@contextmanager
def _trickling_server() -> Iterator[str]:
    stopped = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
            while not stopped.wait(0.1):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stopped.set()
        thread.join(5)
