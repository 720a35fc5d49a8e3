"""Pushing journals to a real Tryton whose answers get lost and whose server is killed again and again, and counting what its ledger holds."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from tryton_documents import US, entry
from tryton_ledger import Ledger

from reverse_etl.documents import OutboxRow, State
from reverse_etl.posting import push
from reverse_etl.posting.protocol import OPEN_STATES
from reverse_etl.register import Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.sandbox.tryton.server import TrytonServer, start_server
from reverse_etl.systems.contract import Manifest
from reverse_etl.systems.tryton.system import MANIFEST

WRITES = (b'"model.account.move.create"', b'"model.account.move.post"')
LONGEST_DEADLINE_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
# In the middle of its transaction, or a little after: both happen.
KILLED_AFTER_SECONDS = (0.05, 0.3)


@dataclass(frozen=True)
class Fire:
    """Which writing requests (by their count) lose their answers, and at which the server is killed.

    The deadline is what a lost answer costs; the bound is how long this server may still be at work after it.
    """

    lost: frozenset[int]
    killed: frozenset[int]
    batch_size: int
    send_deadline: timedelta
    in_flight_bound: timedelta
    look_up_lag: timedelta = timedelta(seconds=1)

    @property
    def manifest(self) -> Manifest:
        return replace(MANIFEST, batch_size=self.batch_size, in_flight_bound=self.in_flight_bound, look_up_lag=self.look_up_lag)


@dataclass
class Burned:
    """``moves`` and ``posted``: in Tryton's ledger; ``twice``: references with more than one move."""

    states: Counter[State]
    moves: int
    posted: int
    twice: int
    lost_answers: int
    kills: int
    pushes: int
    seconds: float
    reasons: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        return (
            f"{self.lost_answers} answers lost, {self.kills} kills of the server, {self.pushes} pushes, {self.seconds:.0f} s\n"
            f"register: {states}\n"
            f"Tryton: {self.moves} moves, {self.posted} posted, {self.moves - self.posted} drafts, {self.twice} references twice"
        )


class FieryRelay:
    """Stands between the system and its server: passes requests on, loses some answers, kills the server at others and starts it again."""

    def __init__(self, ledger: Ledger, fire: Fire, listener: socket.socket) -> None:
        self._ledger = ledger
        self._fire = fire
        self._listener = listener
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.writes = self.lost_answers = self.kills = 0

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def extinguish(self) -> None:
        """Wait for a server that is being started."""
        with self._starting:
            return

    def _relay(self, client: socket.socket) -> None:
        server_url = urlsplit(self._ledger.server.url)
        silent = threading.Event()
        with client, suppress(OSError), socket.create_connection((server_url.hostname, server_url.port)) as server:
            passing = threading.Thread(target=self._pass_on, args=(client, server, silent), daemon=True)
            passing.start()
            with suppress(OSError):
                while answer := server.recv(65536):
                    if not silent.is_set():
                        client.sendall(answer)
            if silent.is_set():
                # The client waits for the lost answer until its own deadline.
                passing.join(LONGEST_DEADLINE_SECONDS)
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, client: socket.socket, server: socket.socket, silent: threading.Event) -> None:
        seen = b""
        with suppress(OSError):
            while part := client.recv(65536):
                # The name of the method may lie across two parts.
                seen = seen[-64:] + part
                if any(write in seen for write in WRITES):
                    seen = b""
                    self._write(server, part, silent)
                else:
                    server.sendall(part)

    def _write(self, server: socket.socket, part: bytes, silent: threading.Event) -> None:
        with self._lock:
            self.writes += 1
            number = self.writes
            if number in self._fire.lost:
                self.lost_answers += 1
                silent.set()
        server.sendall(part)
        if number in self._fire.killed:
            threading.Thread(target=self._kill, args=(KILLED_AFTER_SECONDS[number % 2],), daemon=True).start()

    def _kill(self, after_seconds: float) -> None:
        with self._starting:
            time.sleep(after_seconds)
            killed: TrytonServer = self._ledger.server
            os.kill(killed.process.pid, signal.SIGKILL)
            self.kills += 1
            self._ledger.server = start_server(self._ledger.folder)


@contextmanager
def fiery_relay(ledger: Ledger, fire: Fire) -> Iterator[FieryRelay]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = FieryRelay(ledger, fire, listener)
        thread = threading.Thread(target=relay.serve, daemon=True)
        thread.start()
        yield relay
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        relay.extinguish()


def push_through_fire(ledger: Ledger, folder: Path, journals: int, fire: Fire, longest_seconds: float) -> Burned:
    """Seal journals, push through the fire until nothing is open, and count in the ledger itself.

    What is due later than a push is patient for is due once the clock was set ahead, and whatever was under way by then has arrived.
    """
    ahead = timedelta(0)

    def clock() -> datetime:
        return utc_now() + ahead

    register = Register.open(f"sqlite:///{folder / 'register.sqlite'}", clock)
    began = time.monotonic()
    pushes = 0
    try:
        report = register.seal([_row(register) for _ in range(journals)], "fire", "sealing")
        assert len(report.sealed) == journals, report.refused[:1]
        with fiery_relay(ledger, fire) as relay:
            while time.monotonic() < began + longest_seconds and any(delivery.state in OPEN_STATES for _, delivery in register.deliveries()):
                system = ledger.open(fire.send_deadline.total_seconds(), relay.url, fire.manifest)
                push(register, system, US, settings_or_lock_folder=folder / "locks", actor="fire", patience=PATIENCE_SECONDS, clock=clock)
                pushes += 1
                time.sleep(0.2)
                waiting = [delivery.next_attempt_at or clock() for _, delivery in register.deliveries() if delivery.state in OPEN_STATES]
                if waiting and min(waiting) > clock() + timedelta(seconds=PATIENCE_SECONDS):
                    time.sleep((fire.send_deadline + fire.in_flight_bound).total_seconds())
                    ahead += min(waiting) - clock()
        push(register, ledger.open(), US, settings_or_lock_folder=folder / "locks", actor="fire", clock=clock)
        return _counted(ledger, register, relay, pushes + 1, time.monotonic() - began)
    finally:
        register.close()


def _counted(ledger: Ledger, register: Register, relay: FieryRelay, pushes: int, seconds: float) -> Burned:
    deliveries = register.deliveries()
    moves = ledger.do("account.move.search_read", [["company.party.code", "=", US]], 0, None, None, ["description", "state"], {})
    references = Counter(document.reference for document, _ in deliveries for move in moves if document.reference in (move["description"] or ""))
    return Burned(
        states=Counter(delivery.state for _, delivery in deliveries),
        moves=len(moves),
        posted=sum(move["state"] == "posted" for move in moves),
        twice=sum(count > 1 for count in references.values()),
        lost_answers=relay.lost_answers,
        kills=relay.kills,
        pushes=pushes,
        seconds=seconds,
        reasons=sorted({delivery.reason for _, delivery in deliveries if delivery.reason}),
    )


def _row(register: Register) -> OutboxRow:
    """A journal of 119.00 that names no customer, so that it waits for none."""
    document = entry(customer_id=None)
    payload = dict(document.payload)
    payload["lines"] = [{**line, "account": "4000" if line["account"] == "1100" else line["account"]} for line in payload["lines"]]
    return OutboxRow(
        contract_version=1,
        system="tryton",
        entity=US,
        document_type="journal_entry",
        natural_id=document.natural_id,
        business_key=document.business_key,
        revision=1,
        operation="create",
        series=None,
        document_date=date(2026, 1, 31),
        posting_date=date(2026, 1, 31),
        period="2026-01",
        currency="USD",
        total_minor=11900,
        depends_on=(),
        sensitivity="confidential-financial",
        cause="rating",
        subtracted_key=document.business_key,
        register_head=0,
        register_incarnation=register.incarnation,
        payload=payload,
    )
