"""The HTTP surface: credentials, the limit of concurrent requests, faults, headers, and the control endpoints."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from reverse_etl.sandbox.faults import Faults, delayed
from reverse_etl.sandbox.netsuite import jobs, openapi, suiteql
from reverse_etl.sandbox.netsuite.authorization import Credentials, Gate
from reverse_etl.sandbox.netsuite.errors import NetSuiteError, concurrency_exceeded, invalid_content, unexpected
from reverse_etl.sandbox.netsuite.faults import Fault
from reverse_etl.sandbox.netsuite.records import RECORD_PATH, TABLES, Answer, RecordRequest, perform
from reverse_etl.sandbox.netsuite.store import Store
from reverse_etl.sandbox.serving import BrokenResponse, KeepTransport, document_route, sent_json
from reverse_etl.transport.content import read_json, write_json

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
SUITEQL_PATH = "/services/rest/query/v1/suiteql"
JOB_SECONDS = 0.05
LARGEST_OFFSET = 10**9
_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_JOB = re.compile(rf"^{jobs.JOB_PATH}/(\w+)((?:/task(?:/1(?:/result)?)?)?)/?$")


class NetSuiteServer:
    """``url``: where it answers; ``concurrency``: how many requests of the account are served at once."""

    def __init__(self, store: Store, path: Path, url: str, credentials: Credentials | None, concurrency: int, closed_period: str) -> None:
        self._store = store
        self._path = path
        self._url = url
        self._gate = Gate(credentials, store.now)
        self._concurrency = concurrency
        self._closed_period = closed_period
        self._faults = Faults(Fault)
        self._in_flight = 0
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def application(self) -> ASGIApp:
        routes = [
            Route("/openapi.json", self.description, methods=["GET"]),
            Route(TOKEN_PATH, self.token, methods=["POST"]),
            Route("/_state", self.state, methods=["GET"]),
            Route("/_clock", self.clock, methods=["POST"]),
            Route("/_periods", self.periods, methods=["POST"]),
            Route("/_faults", self._faults.endpoint, methods=["GET", "POST", "DELETE"]),
            document_route(self._document),
            Route("/{path:path}", self.api, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
        return KeepTransport(Starlette(routes=routes))

    async def api(self, request: Request) -> Response:
        body = await request.body()
        # Nothing comes between the hit of a fault and the place that its request takes: who counts hits knows how many are at work.
        fault = self._faults.strike(request.method, request.url.path)
        kind = fault.kind if fault is not None else None
        if kind == "drop":
            return BrokenResponse("", 0, {})
        self._in_flight += 1
        try:
            url = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
            self._gate.check(request.headers.get("authorization"), request.method, url, request.query_params.multi_items())
            retry_after = {} if fault is None or fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            if kind == "unavailable":
                raise NetSuiteError(503, "SERVICE_UNAVAILABLE", "The service is temporarily unavailable.", headers=retry_after)
            if kind == "concurrency" or self._in_flight > self._concurrency:
                error = concurrency_exceeded()
                error.headers |= retry_after
                raise error
            await delayed(fault)
            if kind == "fail_with_500":
                raise unexpected()
            return _shown(await self._answer(request, body), kind)
        except NetSuiteError as error:
            return JSONResponse(error.body, error.status, headers=error.headers, media_type="application/vnd.oracle.resource+json; type=error")
        finally:
            self._in_flight -= 1

    async def _answer(self, request: Request, body: bytes) -> Answer:
        path, method = request.url.path, request.method
        if path == SUITEQL_PATH and method == "POST":
            return await self._query(request, body)
        job = _JOB.match(path)
        if job and method == "GET":
            self._resume()
            shown = jobs.shown(self._store, job[1], job[2], self._url)
            if shown is None:
                raise NetSuiteError(404, "NONEXISTENT_ID", f"There is no {path}.")
            return Answer(200, shown)
        if not path.startswith(f"{RECORD_PATH}/"):
            raise NetSuiteError(404, "INVALID_URL", f"There is no {path}.")
        kind, _, identifier = path[len(RECORD_PATH) + 1 :].partition("/")
        if kind not in TABLES:
            raise NetSuiteError(404, "NONEXISTENT_RECORD_TYPE", f"There is no record type {kind}.")
        return self._record(request, body, kind, identifier or None)

    def _record(self, request: Request, body: bytes, kind: str, identifier: str | None) -> Answer:
        method, headers = request.method, request.headers
        wanted = RecordRequest(
            method,
            kind,
            identifier,
            None,
            replace_lines="line" in request.query_params.get("replace", "").split(","),
            expand=request.query_params.get("expandSubResources") == "true",
            strict=headers.get("x-netsuite-propertynamevalidation", "").lower() == "error",
        )
        batch = identifier is None and "type=collection" in headers.get("content-type", "").replace(" ", "")
        if (method == "POST") != (identifier is None) and not (batch and method == "PUT"):
            raise NetSuiteError(405, "INVALID_METHOD", f"{method} is not allowed for {request.url.path}.")
        if method in ("POST", "PUT", "PATCH"):
            wanted = replace(wanted, record=read_json(body))
        if headers.get("prefer", "").lower() != "respond-async":
            if batch:
                raise invalid_content("A batch request is executed asynchronously only: send Prefer: respond-async.")
            return perform(self._store, wanted, self._url, self._closed_period)
        return self._submit(_items(wanted) if batch else [wanted], batch, headers.get("x-netsuite-idempotency-key"))

    def _submit(self, requests: list[RecordRequest], batch: bool, key: str | None) -> Answer:
        identifier = jobs.submit(self._store, requests, batch, key)
        self._resume()
        return Answer(202, location=f"{jobs.JOB_PATH}/{identifier}")

    def _resume(self) -> None:
        """Let every job run that does not yet: those too that a restart left behind."""
        for identifier in jobs.pending(self._store):
            if identifier not in self._tasks:
                self._tasks[identifier] = asyncio.get_running_loop().create_task(self._run(identifier))

    async def _run(self, identifier: int) -> None:
        await asyncio.sleep(JOB_SECONDS)
        jobs.run(self._store, identifier, self._url, self._closed_period)

    def _document(self, place: Sequence[str]) -> Any:
        kind, identifier = (place[0], place[1]) if len(place) == 2 else ("", "")
        if kind not in TABLES:
            return None
        try:
            return perform(self._store, RecordRequest("GET", kind, identifier, None, expand=True), self._url, self._closed_period).content
        except NetSuiteError:
            return None

    async def _query(self, request: Request, body: bytes) -> Answer:
        if request.headers.get("prefer", "").lower() != "transient":
            raise NetSuiteError(400, "INVALID_HEADER", "The required request header Prefer must be transient.")
        content = read_json(body)
        query = content.get("q") if isinstance(content, Mapping) else None
        if not isinstance(query, str) or not query.strip():
            raise invalid_content("The request body holds no query q.", "q")
        limit = _count(request, "limit", suiteql.DEFAULT_LIMIT, 1, suiteql.LARGEST_LIMIT)
        offset = _count(request, "offset", 0, 0, LARGEST_OFFSET)
        if offset % limit:
            raise NetSuiteError(400, "INVALID_PARAMETER", "The offset must be divisible by the limit.")
        rows, total = await asyncio.to_thread(suiteql.run, self._path, query, limit, offset)
        return Answer(
            200, {"links": [], "count": len(rows), "hasMore": offset + len(rows) < total, "items": rows, "offset": offset, "totalResults": total}
        )

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        granted = self._gate.grant(form, self._url + TOKEN_PATH)
        return JSONResponse({"error": "invalid_client"}, 400) if granted is None else JSONResponse(granted)

    async def description(self, request: Request) -> Response:
        return JSONResponse(openapi.description())

    async def state(self, request: Request) -> Response:
        return JSONResponse(self._store.summary() | {"now": self._store.now()})

    async def clock(self, request: Request) -> Response:
        content = await sent_json(request)
        offset = content.get("offset_seconds") if isinstance(content, dict) else None
        if not isinstance(offset, int | float):
            return JSONResponse({"error": 'expected {"offset_seconds": number}'}, 400)
        self._store.set_offset(float(offset))
        return JSONResponse({"now": self._store.now()})

    async def periods(self, request: Request) -> Response:
        content = await sent_json(request)
        period = content.get("period") if isinstance(content, dict) else None
        if not isinstance(period, str) or not _PERIOD.fullmatch(period) or not self._store.close_period(period, content.get("closed") is True):
            return JSONResponse({"error": 'expected {"period": "YYYY-MM" of the years provided, "closed": true or false}'}, 400)
        return JSONResponse({"period": period, "closed": content.get("closed") is True})


def _items(request: RecordRequest) -> list[RecordRequest]:
    items = request.record.get("items") if isinstance(request.record, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise invalid_content("The request body is no collection of items.", "items")
    return [replace(request, record=item, identifier=f"eid:{item.get('externalId')}" if request.method == "PUT" else None) for item in items]


def _count(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 10 or not least <= int(text) <= most:
        raise NetSuiteError(400, "INVALID_PARAMETER", f"The parameter {name} must be a number from {least} to {most}.")
    return int(text)


def _shown(answer: Answer, kind: str | None) -> Response:
    body = "" if answer.content is None else write_json(answer.content).decode()
    headers: dict[str, Any] = {} if answer.location is None else {"Location": answer.location}
    if answer.status == 202:
        headers["Preference-Applied"] = "respond-async"
    if kind == "accept_then_500":
        raise unexpected()
    if kind == "accept_then_drop":
        return BrokenResponse(body, 0, headers)
    if kind == "accept_then_truncate":
        return BrokenResponse(body or "{}", 1, headers | {"Content-Length": "100"})
    if kind == "accept_then_bad_gateway":
        return Response("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, media_type="text/html")
    media_type = "application/vnd.oracle.resource+json" if answer.content is not None else None
    return Response(body, answer.status, headers=headers, media_type=media_type)
