"""A real stand-in per module, driven over HTTP with plain form fields."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reverse_etl.sandbox.processes import ServerProcess, launch, stop, wait_until_ready

KEY = "sk_test_specification"


class StandIn:
    """One running stand-in and the client that speaks to it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.process: ServerProcess | None = None

    def start(self) -> StandIn:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "reverse_etl.sandbox.stripe", "--state", str(self.folder / "state.sqlite"), "--ready-file", str(ready)]
        self.process = launch([*command, *self.options], self.folder / "log")
        wait_until_ready(self.process, ready.is_file, 120.0, self.folder / "log", "the stand-in")
        self.http = httpx.Client(
            base_url=json.loads(ready.read_text())["url"], headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, timeout=120
        )
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.http.close()
            stop(self.process)
            self.process = None

    def post(self, path: str, form: dict[str, Any] | None = None, key: str | None = None) -> httpx.Response:
        return self.http.post(f"/v1/{path}", data=form or {}, headers={"Idempotency-Key": key} if key else {})

    def created(self, path: str, form: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.post(path, form)
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert isinstance(content, dict)
        return content

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        content = self.http.get(f"/v1/{path}", params=query).json()
        assert isinstance(content, dict)
        return content

    def order(self, **fault: Any) -> None:
        assert self.http.post("/_faults", json=fault).status_code == 200

    def wait_for_hits(self, hits: int) -> None:
        """Until the faults ordered have struck so often."""
        while sum(fault["hits"] for fault in self.http.get("/_faults").json()) < hits:
            time.sleep(0.01)

    def forget_faults(self) -> None:
        self.http.delete("/_faults")

    def set_clock(self, offset_seconds: float) -> None:
        assert self.http.post("/_clock", json={"offset_seconds": offset_seconds}).status_code == 200

    def draft(self, customer: str, **fields: Any) -> dict[str, Any]:
        terms = {"customer": customer, "currency": "eur", "collection_method": "send_invoice", "days_until_due": 30}
        return self.created("invoices", terms | fields)

    def invoice(self, customer: str, *amounts: int, **fields: Any) -> dict[str, Any]:
        """A finalized invoice with a line per amount."""
        identifier = self.draft(customer, **fields)["id"]
        self.created(f"invoices/{identifier}/add_lines", {f"lines[{index}][amount]": amount for index, amount in enumerate(amounts)})
        return self.created(f"invoices/{identifier}/finalize")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    running = StandIn(tmp_path_factory.mktemp("stripe")).start()
    yield running
    running.stop()


@pytest.fixture
def start_stand_in(tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    started: list[StandIn] = []

    def start(*options: str) -> StandIn:
        started.append(StandIn(tmp_path, *options))
        return started[-1].start()

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def customer(stand_in: StandIn) -> str:
    return str(stand_in.created("customers", {"name": "Ada", "email": "ada@example.test"})["id"])
