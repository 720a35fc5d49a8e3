"""The HTTP surface: tokens, organisations, limits, faults, headers, and the control endpoints."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reverse_etl.sandbox.faults import Faults
from reverse_etl.sandbox.serving import BrokenResponse, KeepTransport, document_route, sent_json
from reverse_etl.sandbox.xero import openapi
from reverse_etl.sandbox.xero.authorization import Credentials, TokenStore
from reverse_etl.sandbox.xero.elements import LOCK_DATE
from reverse_etl.sandbox.xero.engine import API_PATH, Answer, Asked, Engine
from reverse_etl.sandbox.xero.errors import XeroError, limited, missing, problem
from reverse_etl.sandbox.xero.faults import Fault

MINUTE, DAY = 60.0, 86_400.0
CONCURRENT = 5
APP_CALLS_PER_MINUTE = 10_000


@dataclass(slots=True)
class Usage:
    """What one organisation was asked lately. ``day`` began with its first call."""

    in_flight: int = 0
    minute: deque[float] = field(default_factory=deque)
    day_began: float = 0.0
    day_count: int = 0


class Limits:
    """Calls per organisation: a sliding minute, a fixed day, so many at once."""

    def __init__(self, per_minute: int, per_day: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._per_day = per_day
        self._clock = clock
        self._usage: defaultdict[str, Usage] = defaultdict(Usage)

    def enter(self, tenant: str) -> None:
        """Raises XeroError: a limit is exceeded; the call does not count then. ``leave`` ends a call that was let in."""
        usage, now = self._usage[tenant], self._clock()
        while usage.minute and usage.minute[0] <= now - MINUTE:
            usage.minute.popleft()
        if not usage.day_count or now >= usage.day_began + DAY:
            usage.day_began, usage.day_count = now, 0
        if usage.in_flight >= CONCURRENT:
            raise limited("concurrent", None)
        if len(usage.minute) >= self._per_minute:
            raise limited("minute", max(1, int(usage.minute[0] + MINUTE - now) + 1))
        if usage.day_count >= self._per_day:
            raise limited("day", max(1, int(usage.day_began + DAY - now) + 1))
        usage.minute.append(now)
        usage.day_count += 1
        usage.in_flight += 1

    def leave(self, tenant: str) -> None:
        self._usage[tenant].in_flight -= 1

    def headers(self, tenant: str) -> dict[str, str]:
        usage = self._usage[tenant]
        return {
            "X-MinLimit-Remaining": str(max(0, self._per_minute - len(usage.minute))),
            "X-DayLimit-Remaining": str(max(0, self._per_day - usage.day_count)),
            "X-AppMinLimit-Remaining": str(APP_CALLS_PER_MINUTE - len(usage.minute)),
        }


class XeroServer:
    def __init__(self, engine: Engine, credentials: Credentials | None, per_minute: int, per_day: int) -> None:
        self._engine = engine
        self._store = engine.store
        self._tokens = TokenStore(engine.store, credentials)
        self._limits = Limits(per_minute, per_day, engine.store.now)
        self._faults = Faults(Fault)

    def application(self) -> ASGIApp:
        routes = [
            Route("/openapi.json", self.description, methods=["GET"]),
            Route("/connect/token", self.token, methods=["POST"]),
            Route("/connections", self.connections, methods=["GET"]),
            Route("/_state", self.state, methods=["GET"]),
            Route("/_clock", self.clock, methods=["POST"]),
            Route("/_lock", self.lock, methods=["POST"]),
            Route("/_faults", self._faults.endpoint, methods=["GET", "POST", "DELETE"]),
            document_route(self._document),
            Route("/{path:path}", self.api, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
        return KeepTransport(Starlette(routes=routes))

    async def api(self, request: Request) -> Response:
        body = await request.body()
        # Nothing comes between the hit of a fault and the place that its request takes: who counts hits knows how many are at work.
        fault = self._faults.strike(request.method, request.url.path)
        if fault is not None and fault.kind == "drop":
            return BrokenResponse("", 0, {})
        tenant = request.headers.get("xero-tenant-id", "")
        try:
            self._check(request, tenant, fault)
            self._limits.enter(tenant)
            try:
                asked = Asked(
                    request.method,
                    request.url.path,
                    dict(request.query_params),
                    body,
                    tenant,
                    request.headers.get("idempotency-key"),
                    request.headers.get("if-modified-since"),
                )
                return _shown(await self._engine.answer(asked, fault), self._limits.headers(tenant), fault)
            finally:
                self._limits.leave(tenant)
        except XeroError as error:
            return JSONResponse(error.body, error.status, headers=self._limits.headers(tenant) | error.headers)

    def _document(self, place: Sequence[str]) -> Any:
        tenant, kind, identifier = place if len(place) == 3 else ("", "", "")
        return self._store.find(kind, tenant, "id", identifier)

    def _check(self, request: Request, tenant: str, fault: Fault | None) -> None:
        self._tokens.check(request.headers.get("authorization"))
        if not request.url.path.startswith(f"{API_PATH}/"):
            raise missing(request.url.path)
        if self._store.organisation(tenant) is None:
            raise problem(403, "Forbidden", "AuthenticationUnsuccessful")
        if "json" not in request.headers.get("accept", ""):
            raise problem(406, "Not Acceptable", "This stand-in answers in JSON only: send Accept: application/json")
        if fault is not None and fault.kind in ("minute", "day", "concurrent"):
            raise limited(fault.kind, fault.retry_after)
        if fault is not None and fault.kind == "unavailable":
            error = problem(503, "Service Unavailable", "The Organisation is offline")
            error.headers |= {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            raise error

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        try:
            return JSONResponse(self._tokens.grant(request.headers.get("authorization"), form))
        except XeroError as error:
            return JSONResponse(error.body, error.status)

    async def connections(self, request: Request) -> Response:
        try:
            self._tokens.check(request.headers.get("authorization"))
        except XeroError as error:
            return JSONResponse(error.body, error.status)
        shown = [
            {"id": found["tenant"], "tenantId": found["tenant"], "tenantType": "ORGANISATION", "tenantName": found["name"]}
            for found in self._store.organisations()
        ]
        return JSONResponse(shown)

    async def description(self, request: Request) -> Response:
        return JSONResponse(openapi.description())

    async def state(self, request: Request) -> Response:
        return JSONResponse(self._store.summary() | {"now": self._store.now()})

    async def clock(self, request: Request) -> Response:
        content = await sent_json(request)
        offset = content.get("offset_seconds") if isinstance(content, dict) else None
        if not isinstance(offset, int | float):
            return JSONResponse({"error": 'expected {"offset_seconds": number}'}, 400)
        self._store.set("offset_seconds", repr(float(offset)))
        return JSONResponse({"now": self._store.now()})

    async def lock(self, request: Request) -> Response:
        content = await sent_json(request)
        day = content.get("date") if isinstance(content, dict) else ""
        try:
            self._store.set(LOCK_DATE, None if day is None else date.fromisoformat(str(day)).isoformat())
        except ValueError:
            return JSONResponse({"error": 'expected {"date": "YYYY-MM-DD" or null}'}, 400)
        return JSONResponse({"date": day})


def _shown(answer: Answer, headers: dict[str, str], fault: Fault | None) -> Response:
    kind = fault.kind if fault is not None else None
    if kind == "accept_then_drop":
        return BrokenResponse(answer.body, 0, headers)
    if kind == "accept_then_truncate":
        return BrokenResponse(answer.body, max(1, len(answer.body) // 2), headers)
    if kind == "accept_then_bad_gateway":
        return Response("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, media_type="text/html")
    return Response(answer.body, answer.status, headers=headers, media_type="application/json")
