"""The HTTP surface: tokens, companies, limits, faults, and the control endpoints."""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reverse_etl.sandbox.faults import Faults
from reverse_etl.sandbox.quickbooks.authorization import Credentials, TokenError, TokenStore
from reverse_etl.sandbox.quickbooks.description import description
from reverse_etl.sandbox.quickbooks.engine import Asked, Engine
from reverse_etl.sandbox.quickbooks.errors import AUTHENTICATION, SERVICE, QuickBooksError, authentication, invalid_property, throttled, unsupported
from reverse_etl.sandbox.quickbooks.faults import Fault
from reverse_etl.sandbox.quickbooks.store import Company
from reverse_etl.sandbox.serving import BrokenResponse, KeepTransport, TokenBucket, document_route, sent_json

MINUTE = 60.0
TOKEN_PATH = "/oauth2/v1/tokens/bearer"


@dataclass(frozen=True, slots=True)
class Limits:
    """Per company; None: no limit. Intuit's are 500 requests a minute, 10 a second and 40 batches a minute."""

    requests_per_minute: int | None = 500
    requests_per_second: float | None = 10.0
    batches_per_minute: int | None = 40


class Throttle:
    """What each company asked for within the last minute."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._minutes: defaultdict[tuple[str, bool], deque[float]] = defaultdict(deque)
        self._buckets: dict[str, TokenBucket] = {}

    def enter(self, realm: str, is_batch: bool) -> None:
        """Raises QuickBooksError: a limit is exceeded."""
        if self._limits.requests_per_second is not None:
            bucket = self._buckets.setdefault(realm, TokenBucket(self._limits.requests_per_second))
            if not bucket.take():
                raise throttled()
        most = self._limits.batches_per_minute if is_batch else self._limits.requests_per_minute
        minute, now = self._minutes[realm, is_batch], self._clock()
        while minute and minute[0] <= now - MINUTE:
            minute.popleft()
        if most is not None and len(minute) >= most:
            raise throttled()
        minute.append(now)


class QuickBooksServer:
    def __init__(self, engine: Engine, credentials: Credentials | None, limits: Limits) -> None:
        self._engine = engine
        self._store = engine.store
        self._tokens = TokenStore(engine.store, credentials)
        self._throttle = Throttle(limits, engine.store.now)
        self._faults = Faults(Fault)

    def application(self) -> ASGIApp:
        routes = [
            Route("/openapi.json", self.describe, methods=["GET"]),
            Route(TOKEN_PATH, self.token, methods=["POST"]),
            Route("/_state", self.state, methods=["GET"]),
            Route("/_clock", self.clock, methods=["POST"]),
            Route("/_books", self.books, methods=["POST"]),
            Route("/_faults", self._faults.endpoint, methods=["GET", "POST", "DELETE"]),
            document_route(self._document),
            Route("/v3/company/{realm}/{place:path}", self.api, methods=["GET", "POST"]),
        ]
        return KeepTransport(Starlette(routes=routes, exception_handlers=dict.fromkeys((404, 405), _unrecognized)))

    async def api(self, request: Request) -> Response:
        headers = {"intuit_tid": f"1-{secrets.token_hex(12)}"}
        body = await request.body()
        fault = self._faults.strike(request.method, request.url.path)
        if fault is not None and fault.kind == "drop":
            return BrokenResponse("", 0, headers)
        place = tuple(request.path_params["place"].split("/"))
        asked = Asked(request.method, place, dict(request.query_params), body)
        try:
            company = self._let_in(request, place, fault)
            answer = await self._engine.answer(company, asked, fault)
        except QuickBooksError as error:
            return self._refused(error, headers, fault)
        return _shown(answer, headers, fault)

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("latin-1")))
        try:
            with self._store.transaction():
                return JSONResponse(self._tokens.grant(request.headers.get("authorization"), form))
        except TokenError as error:
            return JSONResponse(error.body, error.status)

    async def describe(self, request: Request) -> Response:
        return JSONResponse(description())

    async def state(self, request: Request) -> Response:
        return JSONResponse(self._store.summary())

    async def clock(self, request: Request) -> Response:
        content = await sent_json(request)
        offset = content.get("offset_seconds") if isinstance(content, dict) else None
        if not isinstance(offset, int | float):
            return JSONResponse({"error": 'expected {"offset_seconds": number}'}, 400)
        self._store.set("offset_seconds", repr(float(offset)))
        return JSONResponse({"now": self._store.now()})

    async def books(self, request: Request) -> Response:
        content = await sent_json(request)
        company = self._store.company(str(content.get("realm"))) if isinstance(content, dict) else None
        try:
            if company is None or not isinstance(content, dict):
                raise ValueError("no such realm")
            closed = content.get("closed_until", company.closed_until)
            changed = replace(
                company,
                closed_until=None if closed is None else date.fromisoformat(closed).isoformat(),
                warns_of_duplicates=bool(content.get("warns_of_duplicates", company.warns_of_duplicates)),
                multicurrency=bool(content.get("multicurrency", company.multicurrency)),
            )
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        with self._store.transaction():
            self._store.put_company(changed)
        return JSONResponse({name: getattr(changed, name) for name in Company.__slots__})

    def _document(self, place: Sequence[str]) -> Any:
        realm, kind, identifier = place if len(place) == 3 else ("", "", "")
        return self._store.find(realm, kind, identifier)

    def _let_in(self, request: Request, place: tuple[str, ...], fault: Fault | None) -> Company:
        kind = fault.kind if fault is not None else None
        if kind == "unauthorized":
            raise authentication("Token expired")
        self._tokens.check(request.headers.get("authorization"))
        company = self._store.company(request.path_params["realm"])
        if company is None:
            detail = "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"
            raise QuickBooksError(403, "3100", detail, "The app has no access to this company", kind=AUTHENTICATION)
        if kind == "unavailable":
            raise QuickBooksError(503, "10001", "Service Unavailable", "Try again later", kind=SERVICE)
        if kind == "rate_limited":
            raise throttled()
        if kind == "refuse":
            raise invalid_property("(ordered)")
        self._throttle.enter(company.realm, place == ("batch",))
        return company

    def _refused(self, error: QuickBooksError, headers: dict[str, str], fault: Fault | None) -> Response:
        if fault is not None and fault.retry_after is not None and error.status in (429, 503):
            headers["Retry-After"] = str(fault.retry_after)
        return _fault(error, headers, self._store.timestamp())


async def _unrecognized(request: Request, _: Exception) -> Response:
    return _fault(unsupported(f"{request.method} {request.url.path}", 404), {}, "")


def _fault(error: QuickBooksError, headers: dict[str, str], time: str) -> Response:
    if error.status == 401:
        # The gateway words it in lower case.
        errors = [{name.lower(): value for name, value in item.items()} for item in error.fault["Error"]]
        return JSONResponse({"fault": {"error": errors, "type": error.fault["type"]}, "time": time}, 401, headers)
    return JSONResponse({"Fault": error.fault, "time": time}, error.status, headers)


def _shown(answer: str, headers: dict[str, str], fault: Fault | None) -> Response:
    kind = fault.kind if fault is not None else None
    if kind == "accept_then_drop":
        return BrokenResponse(answer, 0, headers)
    if kind == "accept_then_truncate":
        return BrokenResponse(answer, max(1, len(answer) // 2), headers)
    if kind in ("accept_then_bad_gateway", "accept_then_gateway_timeout"):
        status = 502 if kind == "accept_then_bad_gateway" else 504
        return Response(f"<html><body><h1>{status}</h1></body></html>", status, media_type="text/html")
    if kind in ("omit_last", "reverse_order"):
        answer = _rearranged(answer, kind)
    return Response(answer, headers=headers, media_type="application/json")


def _rearranged(answer: str, kind: str) -> str:
    from reverse_etl.sandbox.quickbooks.values import parsed, to_json

    content = parsed(answer.encode())
    items = content.get("BatchItemResponse")
    if isinstance(items, list):
        content["BatchItemResponse"] = items[:-1] if kind == "omit_last" else items[::-1]
    return to_json(content)
