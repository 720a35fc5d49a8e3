"""Lanes of one destination share its limits; modes, windows and outages of one destination are nobody else's; over real servers."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from posting_books import LONGEST_SECONDS, Destination, reach
from posting_system import CLASS_A, CLASS_B, ENTITY, SYSTEM, Books, entry, seal

from dagster_project.close.deliveries import Deliveries
from dagster_project.close.installation import Installation
from dagster_project.close.partitions import CloseKey
from reverse_etl.documents import OutboxRow, State
from reverse_etl.maintenance import MaintenanceWindow
from reverse_etl.posting import PushReport, availability, push
from reverse_etl.posting.pacing import Modes
from reverse_etl.register import Register
from reverse_etl.settings import Settings
from reverse_etl.systems import http_system

Start = Callable[..., Destination]
OTHER = "northlight_eu"


@pytest.fixture(autouse=True)
def installed_register(register_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installations of these specifications keep the register that their documents are sealed in."""
    monkeypatch.setenv("TIEOUT_REGISTER_URL", register_url)


def of_lane(row: OutboxRow, system: str = SYSTEM, entity: str = ENTITY) -> OutboxRow:
    key = f"{system}/{entity}/{row.document_type}/{row.natural_id}"
    return replace(row, system=system, entity=entity, business_key=key, subtracted_key=key)


@dataclass(frozen=True)
class DeadServer:
    """Accepts connections and never answers."""

    listener: socket.socket

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def wait_until_asked(self) -> None:
        asked, _, _ = select.select([self.listener], [], [], LONGEST_SECONDS)
        assert asked


@contextmanager
def dead_server() -> Iterator[DeadServer]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield DeadServer(listener)


@dataclass(frozen=True)
class Installed(Installation):
    """An installation whose destinations are the ones that a test has started."""

    systems: tuple[Books, ...] = ()

    def open_system(self, name: str) -> Books:
        [found] = [system for system in self.systems if system.manifest.system == name]
        return found


def installed(folder: Path, *systems: Books, **destination: object) -> Installed:
    settings = Settings.model_validate({"home": folder, "destinations": {system.manifest.system: destination for system in systems}})
    return Installed(settings, "specification", systems)


def push_to(installation: Installed, register: Register, entity: str = ENTITY, patience: float = 0.0) -> PushReport:
    [system] = installation.systems
    return push(register, system, entity, settings_or_lock_folder=installation.settings, actor="specification", patience=patience)


def test_a_small_lane_is_done_long_before_a_huge_one_of_the_same_destination(start: Start, tmp_path: Path) -> None:
    books = start(replace(CLASS_A, requests_per_second=100.0, concurrency=4))
    register = books.register
    seal(register, *(of_lane(entry(register, f"H{number}")) for number in range(120)))
    seal(register, *(of_lane(entry(register, f"S{number}"), entity=OTHER) for number in range(10)))
    keys = (CloseKey(ENTITY, "2026-01"), CloseKey(OTHER, "2026-01"))

    with Deliveries(installed(tmp_path, books.system), [(SYSTEM, key) for key in keys], "") as running:
        for key in keys:
            running.wait_for(SYSTEM, key)

    books.assert_everything_is_there_exactly_once()
    # Twenty of two hundred and sixty requests, and half of the rate: with a fair share twenty of the huge lane go beside them, and not all before.
    entities = {document.reference: document.entity for document in register.documents()}
    calls = [entities[call["reference"]] for call in books.books()["calls"]]
    assert calls[: len(calls) - calls[::-1].index(OTHER)].count(ENTITY) < 0.6 * 240


def test_a_destination_that_accepts_and_never_answers_delays_no_other(start: Start, tmp_path: Path) -> None:
    books = start(CLASS_A)
    register = books.register
    dead_manifest = replace(CLASS_A, system="dead", send_deadline=timedelta(seconds=2), look_up_lag=None)
    with dead_server() as server:
        seal(register, *(of_lane(entry(register, f"D{number}"), system="dead") for number in range(50)))
        seal(register, *(entry(register, f"J{number}") for number in range(20)))
        installation = installed(tmp_path, Books(server.url, dead_manifest), books.system)
        key = CloseKey(ENTITY, "2026-01")

        with Deliveries(installation, [("dead", key), (SYSTEM, key)], "") as running:
            delivered = running.wait_for("dead", key)
            given_up_at = time.time()
            running.wait_for(SYSTEM, key)

    dead = delivered.report
    assert delivered.seconds > 4
    assert min(document["at"] for document in books.books()["documents"]) < given_up_at
    assert {name: state for name, state in books.states().items() if name[0] == "J"} == {f"J{number}": State.VERIFIED for number in range(20)}
    # Two rounds of four requests were enough to ask whether it is there at all.
    assert dead.ambiguous <= 8
    assert dead.pending >= 42
    assert [record.kind for record in register.exceptions()] == ["destination_unavailable"]


def test_a_push_against_an_open_circuit_ends_at_once_and_says_since_when(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # However long the probe takes, nobody else makes one.
    monkeypatch.setattr(http_system, "PING_SECONDS", float(LONGEST_SECONDS))
    monkeypatch.setattr(availability, "FIRST_PROBE_AFTER_SECONDS", 3_600.0)
    monkeypatch.setattr(availability, "LONGEST_PROBE_AFTER_SECONDS", 3_600.0)
    books = start(CLASS_A)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(10)))
    books.order("busy", times=1000)
    installation = installed(tmp_path, books.system)
    first = push_to(installation, register)
    requests = books.books()["requests"]
    with dead_server() as server:
        # One push probes it, and waits; another is told at once.
        dead = Books(server.url, replace(books.manifest, send_deadline=timedelta(seconds=LONGEST_SECONDS)))
        probing = threading.Thread(target=push_to, args=(replace(installation, systems=(dead,)), register))
        seal(register, of_lane(entry(register, "K1"), entity=OTHER))
        probing.start()
        server.wait_until_asked()

        second = push_to(installation, register, OTHER)

        assert probing.is_alive()
    probing.join()
    assert (first.pending, first.posted, second.pending, second.requests) == (10, 0, 1, 0)
    assert "unavailable since" in str(first.withheld)
    assert "unavailable since" in str(second.withheld)
    assert all("unavailable since" in record.reason for record in register.exceptions())
    assert books.books()["requests"] == requests


def test_a_circuit_closes_again_with_one_probe(start: Start, tmp_path: Path) -> None:
    books = start(CLASS_A)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(10)))
    books.order("busy", times=8)
    installation = installed(tmp_path, books.system)
    reports = [push_to(installation, register, patience=20.0)]
    # It is probed after 1, 2 and 4 seconds.
    until = time.monotonic() + LONGEST_SECONDS
    while reports[-1].pending and time.monotonic() < until:
        time.sleep(0.2)
        reports.append(push_to(installation, register, patience=20.0))

    books.assert_everything_is_there_exactly_once()
    assert reports[-1].withheld is None
    assert register.exceptions() == []


def test_in_a_maintenance_window_nothing_is_sent_and_the_push_says_until_when(start: Start, tmp_path: Path) -> None:
    books = start(CLASS_B)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(3)))
    until = datetime.now(UTC) + timedelta(hours=1)
    window = MaintenanceWindow(since=until - timedelta(hours=2), until=until)

    report = push_to(installed(tmp_path, books.system, maintenance=(window,)), register)

    assert (report.pending, report.requests, report.withheld_until) == (3, 0, until)
    assert "maintenance" in str(report)
    assert books.books()["requests"] == 0
    assert register.exceptions() == []


@pytest.mark.parametrize(("mode", "requests"), [("hold", 0), ("verify_only", 1)])
def test_a_mode_says_what_a_push_may_do(start: Start, tmp_path: Path, mode: str, requests: int) -> None:
    books = start(CLASS_B)
    register = books.register
    installation = installed(tmp_path, books.system)
    strict = books.system
    strict.look_up = lambda documents, remote_ids: {}  # type: ignore[method-assign]
    seal(register, entry(register, "J1"))
    push_to(replace(installation, systems=(strict,)), register)
    seal(register, entry(register, "J2"))
    asked = books.books()["requests"]
    Modes(installation.settings.pacing_folder / "modes.jsonl").set(SYSTEM, mode, actor="ada", reason="audit")

    report = push_to(installation, register)

    assert report.pending == 1
    assert "ada" in str(report.withheld)
    assert books.states() == {"J1": State.VERIFIED if mode == "verify_only" else State.POSTED, "J2": State.PENDING}
    assert books.books()["requests"] == asked + requests


def test_a_hold_that_is_set_while_a_push_runs_stops_it(start: Start, tmp_path: Path) -> None:
    books = start(replace(CLASS_A, requests_per_second=20.0))
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(200)))
    installation = installed(tmp_path, books.system)
    modes = Modes(installation.settings.pacing_folder / "modes.jsonl")
    reports: list[PushReport] = []
    pushing = threading.Thread(target=lambda: reports.append(push_to(installation, register)), daemon=True)
    pushing.start()
    reach(lambda: len(books.books()["documents"]) >= 3)

    modes.set(SYSTEM, "hold", actor="ada", reason="stop")

    pushing.join()
    [report] = reports
    assert "hold" in str(report.withheld)
    assert report.pending > 100
    modes.set(SYSTEM, "normal", actor="ada", reason="go on")
    assert set(books.states().values()) <= {State.PENDING, State.IN_FLIGHT, State.POSTED, State.VERIFIED}


def test_a_daily_quota_ends_a_push_that_says_when_it_goes_on(start: Start, tmp_path: Path) -> None:
    books = start(replace(CLASS_A, requests_per_day=8))
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(10)))

    report = push_to(installed(tmp_path, books.system), register)

    assert books.books()["requests"] == 8
    assert report.pending > 0
    assert report.withheld_until is not None
    assert "8 requests" in str(report.withheld)
    assert register.exceptions() == []
