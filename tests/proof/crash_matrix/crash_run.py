"""One run of the crash matrix: seal, push and be killed; then the faults end, posters run until nothing changes, and the destination is counted."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from crash_cases import RESTORED_BACKUP, Case
from crash_count import Counts, Standing, count
from crash_stores import Store
from posting_books import HTTP
from posting_system import ENTITY, SYSTEM, Books, customer, entry

from reverse_etl.crash_points import CRASH_VARIABLE, CrashPoint
from reverse_etl.documents import external_reference
from reverse_etl.errors import LaneBusyError
from reverse_etl.posting import notices, push
from reverse_etl.posting.protocol import OPEN_STATES
from reverse_etl.register import Delivery, Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.systems.contract import Manifest

PATIENCE_SECONDS = 3.0
"""What is due later than this is not waited for: the clock is set ahead."""
LONGEST_SECONDS = 300.0
BETWEEN_PROBES_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class World:
    """A running destination, a store of registers, and a folder: what a worker has for one run after the other."""

    url: str
    store: Store
    folder: Path


class Clock:
    """The time, which can be set ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


class ProtocolPusher:
    """What is proven: the poster on its register."""

    def begin(self, world: World) -> None:
        """Forget what there was before a run."""
        shutil.rmtree(world.folder / "locks", ignore_errors=True)

    def push(self, register: Register, world: World, manifest: Manifest) -> None:
        _push(register, world, manifest, utc_now)

    def settle(self, register_url: str, world: World, manifest: Manifest) -> None:
        """Push again and again until nothing changes any more; what is due in hours is due after the clock was set ahead."""
        clock = Clock()
        register = Register.open(register_url, clock)
        try:
            until = time.monotonic() + LONGEST_SECONDS
            while time.monotonic() < until:
                before = _deliveries(register)
                _push(register, world, manifest, clock)
                after = _deliveries(register)
                due = [delivery.next_attempt_at for delivery in after if delivery.state in OPEN_STATES and delivery.next_attempt_at is not None]
                if due and min(due) > clock() + timedelta(seconds=PATIENCE_SECONDS):
                    # Whatever is under way arrives within its bound by the true clock.
                    time.sleep((manifest.send_deadline + manifest.in_flight_bound).total_seconds())
                    clock.ahead += min(due) - clock()
                elif any(record.kind == notices.UNAVAILABLE for record in register.exceptions()):
                    time.sleep(BETWEEN_PROBES_SECONDS)
                elif after == before and not due:
                    return
        finally:
            register.close()

    def standings(self, register: Register, world: World) -> list[Standing]:
        explained = {record.subject: record.reason for record in register.exceptions()}
        return [
            Standing(document.natural_id, document.document_type, document.reference, delivery.state, explained.get(document.business_key))
            for document, delivery in register.deliveries()
        ]


def seal(register: Register) -> None:
    """A customer and three journal entries of two calls each, one of which waits for the customer."""
    if not register.documents():
        rows = (customer(register, "C1"), entry(register, "J1", depends_on=["C1"]), entry(register, "J2"), entry(register, "J3"))
        register.seal(rows, "crash matrix", "sealing")


def correct(register_url: str, world: World, manifest: Manifest) -> None:
    """Post an entry undisturbed, and seal its reversal, its repost and two more entries."""
    register = Register.open(register_url)
    try:
        register.seal((customer(register, "C1"), entry(register, "J1", depends_on=["C1"])), "crash matrix", "sealing")
        _push(register, world, manifest, utc_now)
        request = register.ask_to_repost(f"{SYSTEM}/{ENTITY}/journal_entry/J1", "the wrong journal", "ada")
        register.approve(request.request_id, request.content_hash, "grace")
        register.seal((entry(register, "J2"), entry(register, "J3")), "crash matrix", "sealing")
    finally:
        register.close()


def run(case: Case, world: World, pusher: ProtocolPusher) -> Counts:
    began = time.monotonic()
    manifest = case.manifest
    _begin_anew(world, manifest)
    pusher.begin(world)
    register_url = world.store.fresh(sealed=not case.seals and not case.corrects)
    if case.corrects:
        correct(register_url, world, manifest)
    for order in case.plan.orders:
        reference = None if order.document is None else _reference(case, order.document)
        _post(world, "orders", {"fault": order.fault, "call": order.call, "reference": reference, "times": order.times, **order.more})
    restored = case.point == RESTORED_BACKUP
    crash = f"{CrashPoint.AFTER_POSTED}:1" if restored else case.crash

    def work() -> None:
        register = Register.open(register_url)
        seal(register)
        pusher.push(register, world, manifest)

    if restored:
        world.store.back_up()
    problems = [] if killed_at(crash, work) == -signal.SIGKILL else [f"{crash} was not passed"]
    if case.plan.second_kill is not None:
        killed_at(case.plan.second_kill, work)
    _post(world, "orders", {"end": True})
    if restored:
        world.store.restore()
    register = Register.open(register_url)
    try:
        if restored:
            register.renew_incarnation("crash matrix", "restored from a backup")
        seal(register)
        pusher.settle(register_url, world, manifest)
        held = HTTP.get(f"{world.url}/books").json()["documents"]
        duplicates, lost, found = count(case, pusher.standings(register, world), held)
        chain = register.verify_chain()
        if not chain.intact:
            found.append(f"the audit chain is broken: {chain.reason}")
    finally:
        register.close()
    return Counts(case.name, duplicates, lost, (*problems, *found), time.monotonic() - began)


def _reference(case: Case, name: str) -> str:
    """Whose calls a fault hits: where an entry is corrected, what hits J3 hits its repost instead."""
    name, revision = ("J1", 2) if case.corrects and name == "J3" else (name, 1)
    return external_reference(f"{SYSTEM}/{ENTITY}/journal_entry/{name}", revision)


def killed_at(crash: str, work: Callable[[], None]) -> int:
    """Do the work in a process of its own that dies at the crash point; its exit code, negative if a signal ended it."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            os.environ[CRASH_VARIABLE] = crash
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def _push(register: Register, world: World, manifest: Manifest, clock: Callable[[], datetime]) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while True:
        try:
            push(
                register,
                Books(world.url, manifest),
                ENTITY,
                settings_or_lock_folder=world.folder / "locks",
                actor="crash matrix",
                patience=PATIENCE_SECONDS,
                clock=clock,
            )
            return
        except LaneBusyError:
            # The lock of a killed poster goes with it, but the kernel or the server may take a moment.
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _deliveries(register: Register) -> list[Delivery]:
    return [delivery for _, delivery in register.deliveries()]


def _begin_anew(world: World, manifest: Manifest) -> None:
    """An empty destination that keeps exactly what the manifest declares."""
    promised = {
        "key_retention": min(manifest.key_retention.total_seconds(), 1e9),
        "look_up_lag": (manifest.look_up_lag or timedelta(0)).total_seconds(),
        "replays_errors": manifest.replays_errors,
        "in_flight_bound": (manifest.send_deadline + manifest.in_flight_bound).total_seconds(),
    }
    _post(world, "reset", promised)


def _post(world: World, path: str, content: object) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while True:
        try:
            assert HTTP.post(f"{world.url}/{path}", json=content).status_code == 200
            return
        except OSError:
            raise
        except Exception:
            # The destination may be down for a moment, by order.
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
