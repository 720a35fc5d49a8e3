"""A running destination and the register whose documents go there, as one thing to specify about."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from posting_system import ENTITY, Books

from reverse_etl.documents import State
from reverse_etl.posting import PushReport, push
from reverse_etl.register import Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.sandbox.processes import ServerProcess, launch, wait_until_ready
from reverse_etl.systems.contract import Manifest

# Making a client costs more than a request.
HTTP = httpx.Client(trust_env=False, verify=False, timeout=120)
SERVER = Path(__file__).with_name("posting_destination.py")
LONGEST_SECONDS = 120


@dataclass
class Destination:
    """A running destination, and a register whose documents go there."""

    url: str
    process: ServerProcess
    manifest: Manifest
    register: Register
    folder: Path

    @property
    def system(self) -> Books:
        return Books(self.url, self.manifest)

    def order(self, fault: str, times: int = 1, **more: Any) -> None:
        HTTP.post(f"{self.url}/orders", json={"fault": fault, "times": times, **more})

    def end_faults(self) -> None:
        HTTP.post(f"{self.url}/orders", json={"end": True})

    def push(self, *, system: Books | None = None, period: str | None = None, patience: float = 20.0, later: timedelta = timedelta(0)) -> PushReport:
        """Push; ``later``: as if so much time had gone by."""
        return push(
            self.register,
            system or self.system,
            ENTITY,
            period,
            settings_or_lock_folder=self.folder / "locks",
            actor="specification",
            patience=patience,
            clock=lambda: utc_now() + later,
        )

    def deliver(self) -> None:
        """Push now, and once more some minutes later: what was written ahead twice and is proven absent both times waits so long.

        For manifests under which a machine that stands still for a moment loses answers of its own.
        """
        self.push()
        self.push(later=timedelta(minutes=6))

    def meddle(self, reference: str, total: int | None = None) -> None:
        """Somebody at the destination removes a document, or changes its total."""
        assert HTTP.post(f"{self.url}/meddle", json={"reference": reference, "total": total}).json()["meddled"] == 1

    def books(self) -> dict[str, Any]:
        content: dict[str, Any] = HTTP.get(f"{self.url}/books").json()
        return content

    def counts(self) -> Counter[str]:
        """Reference -> documents that the destination holds."""
        return Counter(document["reference"] for document in self.books()["documents"])

    def states(self) -> dict[str, State]:
        return {document.natural_id: delivery.state for document, delivery in self.register.deliveries()}

    def assert_everything_is_there_exactly_once(self) -> None:
        assert set(self.states().values()) == {State.VERIFIED}, (self.states(), [record.reason for record in self.register.exceptions()])
        assert self.counts() == {document.reference: 1 for document in self.register.documents()}
        for document in self.books()["documents"]:
            assert document["calls"] == (["create", "complete"] if document["kind"] == "journal_entry" else [document["calls"][0]])
        report = self.register.verify_chain()
        assert report.intact, report.reason


def reach(done: Callable[[], bool]) -> None:
    """Wait until it is so, on whatever machine."""
    until = time.monotonic() + LONGEST_SECONDS
    while not done():
        assert time.monotonic() < until, f"not so within {LONGEST_SECONDS} s"
        time.sleep(0.02)


def launch_destination(folder: Path) -> tuple[str, ServerProcess]:
    process = launch([sys.executable, str(SERVER), str(folder / "ready")], folder / "log")
    wait_until_ready(process, (folder / "ready").is_file, 120.0, folder / "log", "the destination")
    return (folder / "ready").read_text(), process
