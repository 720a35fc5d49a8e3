"""The books of Xero as an accountant sees them, and an installation that posts there."""

from __future__ import annotations

from typing import Any

from ledger_installation import Installation
from ledger_stand_in import LedgerStandIn

API = "/api.xro/2.0"
# Receivables are Xero's own, so that journals book them elsewhere.
ACCOUNT_CODES = {"1100": "RECEIVABLE"}


class Books:
    """The stand-in as an accountant sees it, and an installation that posts there."""

    def __init__(self, stand_in: LedgerStandIn, installation: Installation, tenants: dict[str, str]) -> None:
        self.stand_in = stand_in
        self.installation = installation
        self.tenants = tenants

    def journals(self, start: str, entity: str = "northlight_us") -> list[dict[str, Any]]:
        """What is there whose narration begins so."""
        where = {"where": f'Narration.StartsWith("{start}")', "page": "1"}
        answer = self.stand_in.http.get(f"{API}/ManualJournals", params=where, headers={"Xero-Tenant-Id": self.tenants[entity]})
        found: list[dict[str, Any]] = answer.json()["ManualJournals"]
        return found

    def change(self, identifier: str, **changes: Any) -> None:
        headers = {"Xero-Tenant-Id": self.tenants["northlight_us"]}
        answer = self.stand_in.http.post(f"{API}/ManualJournals/{identifier}", json=changes, headers=headers)
        assert answer.status_code == 200, answer.text

    def lock(self, day: str | None) -> None:
        assert self.stand_in.http.post("/_lock", json={"date": day}).status_code == 200

    def order(self, kind: str, path: str = "ManualJournals", **more: Any) -> None:
        self.stand_in.order(kind=kind, path=path, **more)
