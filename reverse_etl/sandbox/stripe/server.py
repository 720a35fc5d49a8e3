"""The HTTP surface: credentials, rate limits, faults, headers, and the control endpoints."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reverse_etl.sandbox.faults import Faults
from reverse_etl.sandbox.serving import BrokenResponse, KeepTransport, TokenBucket, document_route, sent_json
from reverse_etl.sandbox.stripe.description import description
from reverse_etl.sandbox.stripe.engine import Answer, Engine
from reverse_etl.sandbox.stripe.errors import StripeError, unrecognized
from reverse_etl.sandbox.stripe.faults import Fault

_IDENTIFIER = re.compile(r"[a-z]+_[0-9a-f]{24}")
_PAGES = {"in": "invoice", "cn": "credit_note", "cus": "customer"}
METER_EVENTS = "/v1/billing/meter_events"
METER_EVENTS_PER_SECOND = 1000.0


class StripeServer:
    """``api_key``: the one key that is accepted; None accepts any that begins with ``sk_``.

    ``requests_per_second`` limits all requests but meter events, ``endpoint_requests_per_second`` those of one method and kind of object.
    """

    def __init__(
        self, engine: Engine, api_key: str | None, requests_per_second: float | None, endpoint_requests_per_second: float | None = None
    ) -> None:
        self._engine = engine
        self._api_key = api_key
        self._bucket = TokenBucket(requests_per_second) if requests_per_second else None
        # https://docs.stripe.com/billing/subscriptions/usage-based/meters/configure: meter events have a limit of their own.
        self._events = TokenBucket(METER_EVENTS_PER_SECOND) if requests_per_second or endpoint_requests_per_second else None
        self._endpoint_rate = endpoint_requests_per_second
        self._endpoints: dict[tuple[str, str], TokenBucket] = {}
        self._faults = Faults(Fault)

    def application(self) -> ASGIApp:
        routes = [
            Route("/openapi.json", self.describe, methods=["GET"]),
            Route("/_state", self.state, methods=["GET"]),
            Route("/_clock", self.clock, methods=["POST"]),
            Route("/_bill", self.bill, methods=["POST"]),
            Route("/_forget", self.forget, methods=["POST"]),
            Route("/_faults", self._faults.endpoint, methods=["GET", "POST", "DELETE"]),
            document_route(self._document),
            Route("/{path:path}", self.api, methods=["GET", "POST", "DELETE"]),
        ]
        # A path that no route matches, with a line break in it for one, and a method that Stripe has not.
        return KeepTransport(Starlette(routes=routes, exception_handlers=dict.fromkeys((404, 405), _unrecognized)))

    async def api(self, request: Request) -> Response:
        path, key = request.url.path, request.headers.get("idempotency-key")
        headers = {"Request-Id": f"req_{secrets.token_hex(7)}", "Stripe-Version": request.headers.get("stripe-version", "")}
        if key is not None:
            headers["Idempotency-Key"] = key
        form = await request.body() if request.method == "POST" else request.url.query.encode()
        fault = self._faults.strike(request.method, path)
        if fault is not None and fault.kind == "drop":
            return BrokenResponse("", 0, headers)
        try:
            self._check_key(request)
            self._check_rate(fault, request.method, path)
            answer = await self._engine.answer(request.method, path, form, key, fault)
        except StripeError as error:
            return JSONResponse(error.body, error.status, headers=headers | error.headers)
        return _shown(answer, headers, fault)

    async def describe(self, request: Request) -> Response:
        return JSONResponse(description())

    async def state(self, request: Request) -> Response:
        return JSONResponse(self._engine.store.summary() | {"now": self._engine.store.now()})

    async def bill(self, request: Request) -> Response:
        wanted = await sent_json(request)
        finalize = wanted.get("finalize", True) if isinstance(wanted, dict) else True
        return JSONResponse({"invoices": self._engine.bill(bool(finalize))})

    async def forget(self, request: Request) -> Response:
        wanted = await sent_json(request)
        identifier = wanted.get("id") if isinstance(wanted, dict) else None
        if not isinstance(identifier, str):
            return JSONResponse({"error": 'expected {"id": "..."}'}, 400)
        self._engine.store.delete(identifier)
        return JSONResponse({"id": identifier})

    async def clock(self, request: Request) -> Response:
        content = await sent_json(request)
        offset = content.get("offset_seconds") if isinstance(content, dict) else None
        if not isinstance(offset, int | float):
            return JSONResponse({"error": 'expected {"offset_seconds": number}'}, 400)
        self._engine.store.set_offset(float(offset))
        return JSONResponse({"now": self._engine.store.now()})

    def _document(self, place: Sequence[str]) -> Any:
        identifier = place[0]
        kind = _PAGES.get(identifier.partition("_")[0])
        found = self._engine.store.find(kind, identifier) if kind is not None else None
        return None if found is None else found | {"lines": self._engine.store.lines(identifier)}

    def _check_key(self, request: Request) -> None:
        given = _credentials(request.headers.get("authorization", ""))
        if given is None:
            raise StripeError(401, "You did not provide an API key.", stored=False)
        accepted = secrets.compare_digest(given.encode(), self._api_key.encode()) if self._api_key else given.startswith("sk_")
        if not accepted:
            raise StripeError(401, f"Invalid API Key provided: {given[:3]}****", stored=False)

    def _check_rate(self, fault: Fault | None, method: str, path: str) -> None:
        kind = fault.kind if fault is not None else None
        if kind == "unavailable":
            raise StripeError(503, "The service is temporarily unavailable.", kind="api_error", stored=False)
        if kind == "lock_timeout":
            raise StripeError(429, "This object cannot be accessed right now; try again.", code="lock_timeout", stored=False)
        reason = "global-rate" if kind == "rate_limited" else self._exceeded(method, path)
        if reason is not None:
            headers = {"Stripe-Rate-Limited-Reason": reason}
            if fault is not None and fault.retry_after is not None:
                headers["Retry-After"] = str(fault.retry_after)
            raise StripeError(429, "Request rate limit exceeded.", code="rate_limit", stored=False, headers=headers)

    def _exceeded(self, method: str, path: str) -> str | None:
        """The limit that this request exceeds, in the words of the header, if any."""
        if path == METER_EVENTS:
            return None if self._events is None or self._events.take() else "endpoint-rate"
        if self._bucket is not None and not self._bucket.take():
            return "global-rate"
        if self._endpoint_rate is not None:
            endpoint = (method, _IDENTIFIER.sub("{id}", path))
            if not self._endpoints.setdefault(endpoint, TokenBucket(self._endpoint_rate)).take():
                return "endpoint-rate"
        return None


async def _unrecognized(request: Request, _: Exception) -> Response:
    error = unrecognized(request.method, request.url.path)
    return JSONResponse(error.body, error.status)


def _shown(answer: Answer, headers: Mapping[str, str], fault: Fault | None) -> Response:
    kind = fault.kind if fault is not None else None
    if kind == "accept_then_drop":
        return BrokenResponse(answer.body, 0, headers)
    if kind == "accept_then_truncate":
        return BrokenResponse(answer.body, max(1, len(answer.body) // 2), headers)
    if kind == "accept_then_bad_gateway":
        return Response("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, media_type="text/html")
    shown = dict(headers)
    if answer.replayed:
        shown["Idempotent-Replayed"] = "true"
    return Response(answer.body, answer.status, headers=shown, media_type="application/json")


def _credentials(header: str) -> str | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic" and re.fullmatch(r"[A-Za-z0-9+/=]+", value.strip()):
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0] or None
        except ValueError:
            return None
    return None
