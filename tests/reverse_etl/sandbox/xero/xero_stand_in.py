"""The stand-in of Xero as the specifications ask it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from ledger_stand_in import US, LedgerStandIn

API = "/api.xro/2.0"


class Xero(LedgerStandIn):
    """The stand-in, asked for what Xero's API offers of the American organisation."""

    def __init__(self, folder: Path, *options: str, credentials: dict[str, str] | None = None) -> None:
        super().__init__("xero", folder, *options, headers={"Authorization": "Bearer anybody", "Accept": "application/json"}, credentials=credentials)

    def start(self) -> Xero:
        super().start()
        tenant = next(found["tenant"] for found in self.state()["organisations"] if found["entity"] == US)
        self.http.headers["Xero-Tenant-Id"] = tenant
        return self

    def put(self, *journals: dict[str, Any], key: str | None = None, **query: str) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.http.put(f"{API}/ManualJournals", json={"ManualJournals": list(journals)}, params=query, headers=headers)

    def listed(self, **query: str) -> list[dict[str, Any]]:
        answer = self.http.get(f"{API}/ManualJournals", params={"page": "1"} | query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["ManualJournals"]
        return found


def journal(narration: str, amount: object = 119, **changes: Any) -> dict[str, Any]:
    """A posted journal of clearing against revenue."""
    lines = [{"LineAmount": amount, "AccountCode": "1200", "Description": "in"}, {"LineAmount": -float(str(amount)), "AccountCode": "4000"}]
    return {"Narration": narration, "Date": "2026-01-31", "Status": "POSTED", "JournalLines": lines} | changes


def messages(content: dict[str, Any]) -> list[str]:
    """The words of every validation error of an answer."""
    elements = content.get("Elements") or content.get("ManualJournals") or content.get("Contacts") or []
    return [error["Message"] for element in elements for error in element.get("ValidationErrors", [])]
