"""OAuth 2.0 access tokens (RFC 6749): asked for when needed, kept in memory, renewed before they expire.

A refresh token that the server replaced is stored durably before the access token that came with it is used, so that a crash never leaves us with
the old one alone. Processes take turns, and each begins with the refresh token that the last one stored.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.systems.contract import NotExecuted
from reverse_etl.transport.assertions import ASSERTION_TYPE, ClientKey
from reverse_etl.transport.content import Answer, retry_after
from reverse_etl.transport.exchange import Request, Transport
from reverse_etl.whole_files import write_whole

RENEWED_BEFORE_EXPIRY_SECONDS = 60.0
UNSTATED_LIFETIME_SECONDS = 300.0
LOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Client:
    """The client as the token endpoint knows it. ``in_body``: its secret travels in the form, not in a header. ``key`` stands in for the secret."""

    token_url: str
    client_id: str
    client_secret: SecretStr | None
    in_body: bool = False
    scope: str | None = None
    audience: str | None = None
    key: ClientKey | None = None


class RefreshTokenFile:
    """The refresh token in use: the configured one, or the latest that the server replaced it with, kept in ``path`` (mode 0600).

    Whoever configures another one starts anew: what was stored counts only for the configured one that it descends from.
    """

    def __init__(self, path: Path, configured: SecretStr) -> None:
        self.path = path
        self._configured = configured

    def load(self) -> SecretStr:
        try:
            content = json.loads(self.path.read_text())
            if content["descends_from"] == self._fingerprint():
                return SecretStr(str(content["refresh_token"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return self._configured

    def store(self, token: SecretStr) -> None:
        """Durable when it returns. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = {"descends_from": self._fingerprint(), "refresh_token": token.get_secret_value()}
        write_whole(self.path, json.dumps(content), mode=0o600, durable=True)

    def _fingerprint(self) -> str:
        return hashlib.sha256(self._configured.get_secret_value().encode()).hexdigest()[:32]


class AccessTokens:
    """The access tokens of one client; safe for threads. Without a ``refresh`` file they are asked for with the client's own credentials."""

    def __init__(
        self,
        transport: Transport,
        client: Client,
        refresh: RefreshTokenFile | None = None,
        lock_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._client = client
        self._refresh = refresh
        self._lock_file = lock_file
        self._clock = clock
        self._lock = threading.Lock()
        self._token: SecretStr | None = None
        self._good_until = 0.0

    def token(self, deadline: float) -> SecretStr | NotExecuted:
        """An access token, or why there is none; asking for one posts nothing. ``deadline`` is a time of ``time.monotonic``."""
        with self._lock:
            if self._token is not None and self._clock() < self._good_until:
                return self._token
            return self._renewed(deadline)

    def discard(self, refused: SecretStr) -> None:
        """The server does not take this token any more."""
        with self._lock:
            if self._token is not None and self._token.get_secret_value() == refused.get_secret_value():
                self._token = None

    def _renewed(self, deadline: float) -> SecretStr | NotExecuted:
        self._token = None
        try:
            with self._turn():
                refresh_token = None if self._refresh is None else self._refresh.load()
                answer = self._transport.exchange(self._request(refresh_token), deadline)
                if not isinstance(answer, Answer):
                    return NotExecuted(f"no access token: {answer.reason}")
                return self._taken(answer, refresh_token)
        except LockTimeoutError as error:
            return NotExecuted(f"no access token: {error.holder} has been renewing it for {LOCK_SECONDS:.0f} s")
        except OSError as error:
            return NotExecuted(
                f"no access token: the new refresh token could not be stored ({error}); make room, then authorize again if it is refused"
            )

    def _turn(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._lock_file is None else file_lock(self._lock_file, "renewing an access token", LOCK_SECONDS)

    def _request(self, refresh_token: SecretStr | None) -> Request:
        client = self._client
        form = {"grant_type": "client_credentials"} if refresh_token is None else {"grant_type": "refresh_token"}
        if refresh_token is not None:
            form["refresh_token"] = refresh_token.get_secret_value()
        form |= {name: value for name, value in (("scope", client.scope), ("audience", client.audience)) if value}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        authorization = {}
        secret = "" if client.client_secret is None else client.client_secret.get_secret_value()
        if client.key is not None:
            assertion = client.key.assertion(client.token_url, client.scope, time.time())
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion.get_secret_value()}
        elif client.in_body:
            form |= {"client_id": client.client_id, "client_secret": secret}
        else:
            pair = f"{quote(client.client_id, safe='')}:{quote(secret, safe='')}"
            authorization["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return Request("POST", client.token_url, headers, urlencode(form).encode(), authorization)

    def _taken(self, answer: Answer, refresh_token: SecretStr | None) -> SecretStr | NotExecuted:
        content = answer.content()
        if answer.status != 200 or not isinstance(content, dict):
            return NotExecuted(_refusal(answer, content), retry_after(answer.headers))
        token, lifetime, rotated = content.get("access_token"), content.get("expires_in"), content.get("refresh_token")
        if not isinstance(token, str) or not token:
            return NotExecuted("no access token: the token endpoint's answer holds none")
        if self._refresh is not None and isinstance(rotated, str) and refresh_token is not None and rotated != refresh_token.get_secret_value():
            self._refresh.store(SecretStr(rotated))
        self._token = SecretStr(token)
        self._good_until = self._clock() + _good_for(lifetime)
        return self._token


def _good_for(lifetime: Any) -> float:
    """Some servers state the lifetime as text."""
    try:
        seconds = float(lifetime)
    except (TypeError, ValueError):
        seconds = UNSTATED_LIFETIME_SECONDS
    if not 0 < seconds < 1e9:
        seconds = UNSTATED_LIFETIME_SECONDS
    return max(seconds - RENEWED_BEFORE_EXPIRY_SECONDS, seconds / 2)


def _refusal(answer: Answer, content: Any) -> str:
    # Not the body: some servers repeat what they were sent.
    error = content.get("error") if isinstance(content, dict) else None
    known = f" ({error})" if isinstance(error, str) and error.replace("_", "").isalpha() and len(error) < 60 else ""
    remedy = "authorize again and set the new refresh token" if error == "invalid_grant" else "check the client's id and secret"
    return f"no access token: the token endpoint answered HTTP {answer.status}{known}; {remedy}"
