"""The system against a real stand-in."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from stripe_documents import Driver

from reverse_etl.sandbox.processes import launch, stop, wait_until_ready
from reverse_etl.settings import Settings
from reverse_etl.systems.stripe import StripeSystem, open_stripe

KEY = "sk_test_specification"


@dataclass
class Destination:
    """A stand-in, the system that speaks to it, and what a person at Stripe's dashboard could do."""

    url: str
    system: StripeSystem
    dashboard: httpx.Client

    @property
    def driver(self) -> Driver:
        return Driver(self.system)

    def order(self, **fault: Any) -> None:
        assert self.dashboard.post("/_faults", json=fault).status_code == 200

    def do(self, path: str, **form: Any) -> dict[str, Any]:
        answer = self.dashboard.post(f"/v1/{path}", data=form)
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert isinstance(content, dict)
        return content

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        content = self.dashboard.get(f"/v1/{path}", params=query).json()
        assert isinstance(content, dict)
        return content


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("stripe")
    ready, log = folder / "ready.json", folder / "log"
    command = [sys.executable, "-m", "reverse_etl.sandbox.stripe", "--state", str(folder / "state.sqlite"), "--ready-file", str(ready)]
    process = launch(command, log)
    wait_until_ready(process, ready.is_file, 120.0, log, "the stand-in")
    yield json.loads(ready.read_text())["url"]
    stop(process)


@pytest.fixture
def destination(server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Destination]:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    system = open_stripe(Settings(home=tmp_path), server_url)
    with httpx.Client(base_url=server_url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, timeout=120) as dashboard:
        yield Destination(server_url, system, dashboard)
        dashboard.delete("/_faults")
    system.close()
