"""The books of NetSuite as an accountant sees them, and an installation that posts there."""

from __future__ import annotations

from typing import Any

from ledger_installation import Installation
from ledger_stand_in import EU, US, LedgerStandIn

CREDENTIALS = {
    "account": "TSTDRV1",
    "consumer_key": "consumer",
    "consumer_secret": "consumer secret",
    "token_id": "token",
    "token_secret": "token secret",
    "access_token": "accountant",
}
RECORDS = "/services/rest/record/v1"
# The ids of the stand-in's currencies.
CURRENCY = {EU: "1", US: "3"}


class Books:
    """The stand-in as an accountant sees it, and an installation that posts there."""

    def __init__(self, stand_in: LedgerStandIn, installation: Installation) -> None:
        self.stand_in = stand_in
        self.installation = installation

    def entry(self, reference: str) -> dict[str, Any] | None:
        answer = self.stand_in.http.get(f"{RECORDS}/journalEntry/eid:{reference}", params={"expandSubResources": "true"})
        return answer.json() if answer.status_code == 200 else None

    def change(self, reference: str, **record: Any) -> None:
        answer = self.stand_in.http.patch(f"{RECORDS}/journalEntry/eid:{reference}", json=record)
        assert answer.status_code == 204, answer.text

    def close_period(self, period: str, closed: bool = True) -> None:
        assert self.stand_in.http.post("/_periods", json={"period": period, "closed": closed}).status_code == 200

    def order(self, kind: str, path: str = "journalEntry", **more: Any) -> None:
        self.stand_in.order(kind=kind, path=path, **more)
