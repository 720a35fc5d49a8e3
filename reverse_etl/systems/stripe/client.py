"""HTTP to Stripe over one pooled connection set, safe for threads. Writes are sent once; reads are tried again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.systems.contract import Ambiguous, NotExecuted
from reverse_etl.systems.stripe.classification import Answer, read_json
from reverse_etl.systems.stripe.forms import encode_form

API_VERSION = "2026-10-28.endive"
PAGE_SIZE = 100
CONNECT_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
READ_ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.25
LONGEST_READ_PAUSE_SECONDS = 30.0
# Shorter than the servers' own, so that we rarely write into a connection that is just being closed.
KEEP_ALIVE_SECONDS = 20.0

Object = dict[str, Any]


class StripeClient:
    def __init__(self, url: str, api_key: str, deadline_seconds: float, connections: int) -> None:
        parts = urlsplit(url)
        loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if parts.scheme != "https" and not loopback:
            raise ConfigurationError(f"destination stripe: {url} would send the key in clear; use https")
        self._deadline_seconds = deadline_seconds
        self._url = url.rstrip("/")
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {api_key}", "Stripe-Version": API_VERSION, "User-Agent": "tieout"},
            timeout=httpx.Timeout(deadline_seconds, connect=min(CONNECT_SECONDS, deadline_seconds)),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE_SECONDS),
            follow_redirects=False,
            trust_env=not loopback,
        )

    def close(self) -> None:
        self._http.close()

    def post(self, path: str, form: Mapping[str, Any], idempotency_key: str | None) -> Answer | NotExecuted | Ambiguous:
        """Send once. A connection that never came about is NotExecuted; one that broke is Ambiguous."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({"Idempotency-Key": idempotency_key} if idempotency_key else {})
        try:
            return self._exchange(self._http.build_request("POST", self._url + path, content=encode_form(form), headers=headers))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return NotExecuted(f"no connection to {self._url}: {error}")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return Ambiguous(f"{type(error).__name__}: {error}")

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Object | None:
        """An object or a list page; None for 404.

        Raises:
            DestinationError: it cannot be read, after several attempts where that can help.
        """
        query = encode_form(parameters or {}).decode()
        url = f"{self._url}{path}?{query}" if query else self._url + path
        for attempt in range(READ_ATTEMPTS):
            last = attempt == READ_ATTEMPTS - 1
            pause = FIRST_PAUSE_SECONDS * 4**attempt
            try:
                answer = self._exchange(self._http.build_request("GET", url))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise DestinationError(f"stripe: no connection to {self._url}: {error}; check that it is up and its url") from error
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
                if last:
                    raise DestinationError(f"stripe: GET {path}: {type(error).__name__}: {error}") from error
                time.sleep(pause)
                continue
            content = read_json(answer.body)
            if answer.status == 200 and isinstance(content, dict):
                return content
            if answer.status == 404:
                return None
            if last or (answer.status not in (200, 429) and answer.status < 500):
                raise DestinationError(f"stripe: GET {path}: HTTP {answer.status} {answer.body[:300].decode(errors='replace')}")
            asked = answer.headers.get("retry-after", "")
            time.sleep(min(float(asked), LONGEST_READ_PAUSE_SECONDS) if asked.isdecimal() else pause)
        raise AssertionError("unreachable")

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

    def _exchange(self, request: httpx.Request) -> Answer:
        ends = time.monotonic() + self._deadline_seconds
        response = self._http.send(request, stream=True)
        try:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER_BYTES:
                    raise httpx.ReadError("the answer is too large", request=request)
                if time.monotonic() > ends:
                    raise httpx.ReadTimeout("the answer was not complete within the deadline", request=request)
            return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, bytes(body))
        finally:
            response.close()
