"""Runs the stand-in of a ledger (NetSuite, Xero) for the specifications, with two legal entities and a few accounts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from reverse_etl.sandbox.processes import ServerProcess, launch, stop, wait_until_ready
from reverse_etl.sandbox.tryton.specification import Account, Company, LedgerSpecification

LONGEST_SECONDS = 120
US, EU = "northlight_us", "northlight_eu"
ACCOUNTS = (
    ("1100", "Accounts receivable", "asset", True),
    ("1200", "Clearing", "asset", False),
    ("2200", "Tax payable", "liability", False),
    ("4000", "Usage revenue", "revenue", False),
    ("7900", "Currency rounding", "expense", False),
)
SPECIFICATION = LedgerSpecification(
    companies=(Company(US, "Northlight Inc.", "USD"), Company(EU, "Northlight GmbH", "EUR")),
    accounts=tuple(Account(entity, *account) for entity in (US, EU) for account in ACCOUNTS),
    currencies={"EUR": 2, "JPY": 0, "USD": 2},
    first_year=2026,
    last_year=2026,
)


def reach(done: Callable[[], bool]) -> None:
    """Wait until it is so, on whatever machine."""
    until = time.monotonic() + LONGEST_SECONDS
    while not done():
        assert time.monotonic() < until, f"not so within {LONGEST_SECONDS} s"
        time.sleep(0.02)


class LedgerStandIn:
    """One running stand-in; ``http`` speaks to it with ``headers``."""

    def __init__(self, kind: str, folder: Path, *options: str, headers: Mapping[str, str], credentials: Mapping[str, str] | None = None) -> None:
        self._kind = kind
        self._folder = folder
        self._options = options
        self._headers = headers
        self._process: ServerProcess | None = None
        (folder / "specification.json").write_text(SPECIFICATION.to_json())
        if credentials is not None:
            (folder / "credentials.json").write_text(json.dumps(credentials))
            self._options = (*options, "--credentials", str(folder / "credentials.json"))

    def start(self) -> LedgerStandIn:
        folder, ready = self._folder, self._folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", f"reverse_etl.sandbox.{self._kind}", "--state", str(folder / "state.sqlite"), "--ready-file", str(ready)]
        command += ["--specification", str(folder / "specification.json"), *self._options]
        self._process = launch(command, folder / "log")
        wait_until_ready(self._process, ready.is_file, LONGEST_SECONDS, folder / "log", "the stand-in")
        self.url = str(json.loads(ready.read_text())["url"])
        self.http = httpx.Client(base_url=self.url, headers=dict(self._headers), trust_env=False, timeout=LONGEST_SECONDS)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self.http.close()
            stop(self._process)
            self._process = None

    def order(self, **fault: Any) -> None:
        assert self.http.post("/_faults", json=fault).status_code == 200

    def wait_for_hits(self, hits: int) -> None:
        """Until the faults ordered have struck so often."""
        reach(lambda: sum(fault["hits"] for fault in self.http.get("/_faults").json()) >= hits)

    def forget_faults(self) -> None:
        self.http.delete("/_faults")

    def set_clock(self, offset_seconds: float) -> None:
        assert self.http.post("/_clock", json={"offset_seconds": offset_seconds}).status_code == 200

    def state(self) -> dict[str, Any]:
        content = self.http.get("/_state").json()
        assert isinstance(content, dict)
        return content
