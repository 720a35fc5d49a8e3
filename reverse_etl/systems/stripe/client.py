"""HTTP to Stripe, safe for threads. Writes are sent once; reads are tried again."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected
from reverse_etl.systems.stripe.forms import encode_form
from reverse_etl.transport import Answer, NetworkPolicy, Request, Transport
from reverse_etl.transport.addresses import checked_url

API_VERSION = "2026-10-28.endive"
PAGE_SIZE = 100
HEADERS = {"Stripe-Version": API_VERSION}

Object = dict[str, Any]


class StripeClient:
    """Raises ConfigurationError: the key would travel in clear."""

    def __init__(
        self, url: str, api_key: str, deadline_seconds: float, transport: Transport | None = None, policy: NetworkPolicy | None = None
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._url = checked_url(url, policy or NetworkPolicy(), "destination stripe")
        self._transport = transport or Transport(policy)
        self._key = SecretStr(f"Bearer {api_key}")

    def close(self) -> None:
        self._transport.close()

    def post(
        self, path: str, form: Mapping[str, Any], idempotency_key: str | None, leave_before: float = math.inf
    ) -> Answer | NotExecuted | Rejected | Ambiguous:
        """Send once; the deadline counts from ``leave_before`` (a time of ``time.monotonic``) at the latest."""
        headers = {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        request = Request("POST", self._url + path, headers, encode_form(form), self._authorization)
        return self._transport.exchange(request, min(time.monotonic(), leave_before) + self._deadline_seconds)

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Object | None:
        """An object or a list page; None for 404.

        Raises:
            DestinationError: it cannot be read, after several attempts where that can help.
        """
        query = encode_form(parameters or {}).decode()
        url = f"{self._url}{path}?{query}" if query else self._url + path
        answer = self._transport.read(Request("GET", url, HEADERS, authorization=self._authorization), self._deadline_seconds)
        if answer.status == 404:
            return None
        content = answer.content()
        if answer.status != 200 or not isinstance(content, dict):
            raise DestinationError(f"stripe: GET {path}: {answer.shown()}")
        return content

    @property
    def _authorization(self) -> Mapping[str, str]:
        return {"Authorization": self._key.get_secret_value()}

    def pages(self, path: str, parameters: Mapping[str, Any] | None = None) -> Iterator[list[Object]]:
        """Every page of a list.

        Raises:
            DestinationError: a page is missing or is not a page.
        """
        query: dict[str, Any] = {"limit": PAGE_SIZE} | dict(parameters or {})
        while True:
            page = self.get(path, query)
            data = page.get("data") if page else None
            if page is None or not isinstance(data, list) or not isinstance(page.get("has_more"), bool):
                raise DestinationError(f"stripe: GET {path}: not a page of a list")
            yield data
            if not page["has_more"]:
                return
            if not data or data[-1].get("id") == query.get("starting_after"):
                raise DestinationError(f"stripe: GET {path}: the list does not advance")
            query["starting_after"] = data[-1]["id"]

    def all_lines(self, owner: Mapping[str, Any]) -> list[Object]:
        """The lines of an invoice or a credit note: the ones it embeds, or all of them where it embeds only the first."""
        embedded = owner.get("lines") or {"data": [], "has_more": False}
        if not embedded["has_more"]:
            return list(embedded["data"])
        collection = "invoices" if owner["object"] == "invoice" else "credit_notes"
        return [line for page in self.pages(f"/v1/{collection}/{owner['id']}/lines") for line in page]
