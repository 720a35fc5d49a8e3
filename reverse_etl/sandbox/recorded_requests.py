"""What a stand-in was asked last, at ``/_requests``: method, path and the trace that each request said it belongs to. DELETE forgets it."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

REQUESTS_PATH = "/_requests"
KEPT = 20_000


class RequestLog:
    """The last requests, none of the stand-in's own control endpoints. Safe for threads."""

    def __init__(self) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def record(self, method: str, path: str, traceparent: str | None) -> None:
        if not path.startswith("/_"):
            self._kept.append({"method": method, "path": path, "traceparent": traceparent})

    def answer(self, method: str) -> bytes:
        """As JSON; DELETE begins anew."""
        shown = json.dumps(list(self._kept)).encode()
        if method == "DELETE":
            self._kept.clear()
        return shown


class RecordRequests:
    """An ASGI application with its requests recorded."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self._log = RequestLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == REQUESTS_PATH:
            body = self._log.answer(scope["method"])
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
            await send({"type": "http.response.body", "body": body})
            return
        if scope["type"] == "http":
            sent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
            self._log.record(scope["method"], scope["path"], sent)
        await self._application(scope, receive, send)
