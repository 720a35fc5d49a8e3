"""What every stand-in's server has in common: a free loopback port, a ready file, connections that break, limits."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from reverse_etl.sandbox.recorded_requests import RecordRequests
from reverse_etl.settings import SANDBOX_PAGES
from reverse_etl.whole_files import write_whole

HOST = "127.0.0.1"
_TRANSPORT = "reverse_etl.transport"


class ReadyServer(uvicorn.Server):
    """Writes the ready file once it answers requests."""

    def __init__(self, config: uvicorn.Config, ready_file: Path, url: str) -> None:
        super().__init__(config)
        self._ready_file = ready_file
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        write_whole(self._ready_file, json.dumps({"url": self._url, "pid": os.getpid()}))


def serve(application: Callable[[str], ASGIApp], port: int, ready_file: Path) -> None:
    """Answer requests on loopback until the process is terminated.

    ``application`` is made from the URL at which it answers; ``port`` 0 takes a free one; ``ready_file`` gets ``{"url", "pid"}``.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        RecordRequests(application(url)),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    ReadyServer(config, ready_file, url).run(sockets=[listener])


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


def document_route(find: Callable[[Sequence[str]], Any]) -> Route:
    """The page of one document: what is stored under the parts of a path (None: nothing), for a person to read, without credentials."""

    async def show(request: Request) -> Response:
        found = find(request.path_params["place"].split("/"))
        if found is None:
            return JSONResponse({"error": "there is no such document"}, 404)
        return Response(json.dumps(found, indent=2, ensure_ascii=False, default=str), media_type="application/json")

    return Route(SANDBOX_PAGES + "/{place:path}", show, methods=["GET"])


async def sent_json(request: Request) -> Any:
    """What the body of a request says; None if it is no JSON."""
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        return None
