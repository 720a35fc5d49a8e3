"""The stand-in of NetSuite as the specifications ask it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from ledger_stand_in import US, LedgerStandIn

HEADERS = {"Authorization": "Bearer anybody"}
RECORDS = "/services/rest/record/v1"


class NetSuite(LedgerStandIn):
    """The stand-in, asked for what NetSuite's API offers."""

    def __init__(self, folder: Path, *options: str, credentials: dict[str, str] | None = None) -> None:
        super().__init__("netsuite", folder, *options, headers=HEADERS, credentials=credentials)

    def put(self, external_id: str, record: dict[str, Any], kind: str = "journalEntry", **query: str) -> httpx.Response:
        return self.http.put(f"{RECORDS}/{kind}/eid:{external_id}", json=record, params=query)

    def entry(self, external_id: str) -> dict[str, Any]:
        answer = self.http.get(f"{RECORDS}/journalEntry/eid:{external_id}", params={"expandSubResources": "true"})
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert isinstance(content, dict)
        return content

    def query(self, text: str, **parameters: int) -> dict[str, Any]:
        answer = self.http.post("/services/rest/query/v1/suiteql", json={"q": text}, params=parameters, headers={"Prefer": "transient"})
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert isinstance(content, dict)
        return content


def journal(amount: object = 119, **changes: Any) -> dict[str, Any]:
    """An entry of one receivable against revenue."""
    items = [
        {"account": {"externalId": "1100"}, "debit": amount, "entity": {"externalId": "C1"}, "memo": "receivable"},
        {"account": {"externalId": "4000"}, "credit": amount, "memo": "revenue"},
    ]
    own = {"subsidiary": {"externalId": US}, "currency": {"id": "3"}, "tranDate": "2026-01-31", "memo": "Invoice", "line": {"items": items}}
    return own | changes


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and words of a refusal."""
    detail = answer.json()["o:errorDetails"][0]
    return answer.status_code, detail["o:errorCode"], detail["detail"]
