"""Stands in for an OAuth 2.0 token endpoint and an API behind it (RFC 6749): a real server that checks the client and knows its access tokens.

A refresh token that was replaced is refused, as it is by servers that detect reuse.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from loopback import QuietHandler, listening

CLIENT_ID, CLIENT_SECRET = "client", "s3cret/+ü"


@dataclass
class TokenEndpoint:
    url: str = ""
    lifetime: Any = 3600
    rotates: bool = False
    in_body: bool = False
    refresh_token: str = "refresh-0"
    valid: set[str] = field(default_factory=set)
    issued: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    failing: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.asked.append(form)
            if self.failing is not None:
                return self.failing, {"error": "temporarily_unavailable"}
            if self.in_body:
                known = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
            else:
                # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
                known = authorization == "Basic " + base64.b64encode(b"client:s3cret%2F%2B%C3%BC").decode()
            if not known:
                return 401, {"error": "invalid_client", "error_description": f"no such client {form} {authorization}"}
            if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh_token:
                return 400, {"error": "invalid_grant"}
            self.issued += 1
            token = f"access-{self.issued}"
            self.valid.add(token)
            answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
            if form["grant_type"] == "refresh_token" and self.rotates:
                self.refresh_token = f"refresh-{self.issued}"
                answer["refresh_token"] = self.refresh_token
            return 200, answer

    def call(self, path: str, authorization: str) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.calls.append((path, authorization))
            return (200, {"id": "1"}) if authorization.removeprefix("Bearer ") in self.valid else (401, {"error": "invalid_token"})


@contextmanager
def token_endpoint(**options: Any) -> Iterator[TokenEndpoint]:
    endpoint = TokenEndpoint(**options)

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            authorization = self.headers.get("Authorization", "")
            if self.path == "/token":
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                status, content = endpoint.token(form, authorization)
            else:
                status, content = endpoint.call(self.path, authorization)
            answer = json.dumps(content).encode()
            self.answer(status, answer)

        do_GET = do_POST

    with listening(Handler) as endpoint.url:
        yield endpoint
