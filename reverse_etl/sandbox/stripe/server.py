"""The HTTP surface: credentials, rate limits, faults, headers, and the control endpoints."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from reverse_etl.sandbox.stripe.engine import Answer, Engine
from reverse_etl.sandbox.stripe.errors import StripeError
from reverse_etl.sandbox.stripe.faults import Fault, Faults

_TRANSPORT = "reverse_etl.transport"
_FAULTS: TypeAdapter[Fault | list[Fault]] = TypeAdapter(Fault | list[Fault])


class TokenBucket:
    """At most ``rate`` requests per second on average, a second's worth at once."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._capacity = max(rate, 1.0)
        self._clock = clock
        self._tokens = self._capacity
        self._at = clock()

    def take(self) -> bool:
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class KeepTransport:
    """Remembers uvicorn's transport, so that a fault can break the connection as a real network does."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._application(scope, receive, send)


class BrokenResponse(Response):
    """Closes the connection after ``kept`` bytes of the body; without any, not even the status is sent."""

    def __init__(self, content: str, kept: int, headers: Mapping[str, str]) -> None:
        super().__init__(content, headers=dict(headers), media_type="application/json")
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._kept:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self.body[: self._kept], "more_body": True})
        if scope[_TRANSPORT] is not None:
            scope[_TRANSPORT].close()


class StripeServer:
    """``api_key``: the one key that is accepted; None accepts any that begins with ``sk_``."""

    def __init__(self, engine: Engine, api_key: str | None, requests_per_second: float | None) -> None:
        self._engine = engine
        self._api_key = api_key
        self._bucket = TokenBucket(requests_per_second) if requests_per_second else None
        self._faults = Faults()

    def application(self) -> ASGIApp:
        routes = [
            Route("/_state", self.state, methods=["GET"]),
            Route("/_clock", self.clock, methods=["POST"]),
            Route("/_bill", self.bill, methods=["POST"]),
            Route("/_forget", self.forget, methods=["POST"]),
            Route("/_faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/{path:path}", self.api, methods=["GET", "POST", "DELETE"]),
        ]
        return KeepTransport(Starlette(routes=routes))

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
            self._check_rate(fault)
            answer = await self._engine.answer(request.method, path, form, key, fault)
        except StripeError as error:
            return JSONResponse(error.body, error.status, headers=headers | error.headers)
        return _shown(answer, headers, fault)

    async def state(self, request: Request) -> Response:
        return JSONResponse(self._engine.store.summary() | {"now": self._engine.store.now()})

    async def bill(self, request: Request) -> Response:
        wanted = await _json(request)
        finalize = wanted.get("finalize", True) if isinstance(wanted, dict) else True
        return JSONResponse({"invoices": self._engine.bill(bool(finalize))})

    async def forget(self, request: Request) -> Response:
        wanted = await _json(request)
        identifier = wanted.get("id") if isinstance(wanted, dict) else None
        if not isinstance(identifier, str):
            return JSONResponse({"error": 'expected {"id": "..."}'}, 400)
        self._engine.store.delete(identifier)
        return JSONResponse({"id": identifier})

    async def clock(self, request: Request) -> Response:
        content = await _json(request)
        offset = content.get("offset_seconds") if isinstance(content, dict) else None
        if not isinstance(offset, int | float):
            return JSONResponse({"error": 'expected {"offset_seconds": number}'}, 400)
        self._engine.store.set_offset(float(offset))
        return JSONResponse({"now": self._engine.store.now()})

    async def faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._faults.ordered.clear()
        elif request.method == "POST":
            try:
                ordered = _FAULTS.validate_python(await _json(request))
            except ValidationError as error:
                return JSONResponse({"error": str(error)}, 400)
            self._faults.ordered.extend(ordered if isinstance(ordered, list) else [ordered])
        return JSONResponse([fault.model_dump() for fault in self._faults.ordered])

    def _check_key(self, request: Request) -> None:
        given = _credentials(request.headers.get("authorization", ""))
        if given is None:
            raise StripeError(401, "You did not provide an API key.", stored=False)
        accepted = secrets.compare_digest(given.encode(), self._api_key.encode()) if self._api_key else given.startswith("sk_")
        if not accepted:
            raise StripeError(401, f"Invalid API Key provided: {given[:3]}****", stored=False)

    def _check_rate(self, fault: Fault | None) -> None:
        kind = fault.kind if fault is not None else None
        if kind == "unavailable":
            raise StripeError(503, "The service is temporarily unavailable.", kind="api_error", stored=False)
        if kind == "lock_timeout":
            raise StripeError(429, "This object cannot be accessed right now; try again.", code="lock_timeout", stored=False)
        if kind == "rate_limited" or (self._bucket is not None and not self._bucket.take()):
            headers = {"Stripe-Rate-Limited-Reason": "global-rate"}
            if fault is not None and fault.retry_after is not None:
                headers["Retry-After"] = str(fault.retry_after)
            raise StripeError(429, "Request rate limit exceeded.", code="rate_limit", stored=False, headers=headers)


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


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        return None
