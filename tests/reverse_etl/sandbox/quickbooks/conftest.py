"""A real stand-in per module, driven over HTTP as a bookkeeper and an app would."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reverse_etl.sandbox.processes import ServerProcess, launch, stop, wait_until_ready
from reverse_etl.sandbox.quickbooks import realm_of
from reverse_etl.sandbox.tryton.specification import Account, Company, LedgerSpecification

US = "northlight_us"
REALM = realm_of(US)
SPECIFICATION = LedgerSpecification(
    companies=(Company(US, "Northlight Inc.", "USD"),),
    accounts=(
        Account(US, "1100", "Accounts receivable", "asset", True),
        Account(US, "2200", "Tax payable", "liability", False),
        Account(US, "4000", "Usage revenue", "revenue", False),
    ),
    currencies={"USD": 2},
    first_year=2026,
    last_year=2026,
)


class StandIn:
    """One running stand-in and the client that speaks to it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.process: ServerProcess | None = None
        (folder / "specification.json").write_text(SPECIFICATION.to_json())

    def start(self) -> StandIn:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "reverse_etl.sandbox.quickbooks", "--state", str(self.folder / "state.sqlite"), "--ready-file", str(ready)]
        self.process = launch([*command, "--specification", str(self.folder / "specification.json"), *self.options], self.folder / "log")
        wait_until_ready(self.process, ready.is_file, 120.0, self.folder / "log", "the stand-in")
        self.url = str(json.loads(ready.read_text())["url"])
        self.http = httpx.Client(base_url=self.url, headers={"Authorization": "Bearer any"}, trust_env=False, timeout=120)
        self.accounts = {account["AcctNum"]: account["Id"] for account in self.query("select * from Account")["Account"]}
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.http.close()
            stop(self.process)
            self.process = None

    def post(self, place: str, content: Any, **query: Any) -> httpx.Response:
        return self.http.post(f"/v3/company/{REALM}/{place}", json=content, params=query)

    def get(self, place: str, **query: Any) -> httpx.Response:
        return self.http.get(f"/v3/company/{REALM}/{place}", params=query)

    def query(self, text: str) -> dict[str, Any]:
        answer = self.get("query", query=text)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()["QueryResponse"]
        return content

    def order(self, **fault: Any) -> None:
        assert self.http.post("/_faults", json=fault).status_code == 200

    def books(self, **changes: Any) -> None:
        assert self.http.post("/_books", json={"realm": REALM, **changes}).status_code == 200

    def customer(self, name: str) -> str:
        return str(self.post("customer", {"DisplayName": name}).json()["Customer"]["Id"])

    def entry(self, number: str, amount: str = "119.00", **changes: Any) -> dict[str, Any]:
        """A balanced entry on two accounts that demand nobody."""
        lines = [self.line("2200", "Debit", amount), self.line("4000", "Credit", amount)]
        return {"DocNumber": number, "TxnDate": "2026-01-31", "Line": lines} | changes

    def line(self, account: str, side: str, amount: str, **detail: Any) -> dict[str, Any]:
        return {
            "Amount": float(amount),
            "DetailType": "JournalEntryLineDetail",
            "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": self.accounts[account]}} | detail,
        }


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    running = StandIn(tmp_path_factory.mktemp("quickbooks"), "--unlimited").start()
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
