"""OAuth 2.0: access tokens of 30 minutes, and refresh tokens that are replaced by each use ("Using OAuth 2.0 with Xero")."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reverse_etl.sandbox.xero.errors import XeroError, problem
from reverse_etl.sandbox.xero.store import Store

ACCESS_SECONDS = 1800
GRACE_SECONDS = 1800
REFRESH_SECONDS = 60 * 24 * 3600
_TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app, and the refresh token that it was first granted."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


class TokenStore:
    """``credentials`` None accepts any bearer token."""

    def __init__(self, store: Store, credentials: Credentials | None) -> None:
        self._store = store
        self._credentials = credentials

    def check(self, header: str | None) -> None:
        """Raises XeroError: the access token is missing, unknown or expired."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise problem(401, "Unauthorized", "AuthenticationUnsuccessful")
        if self._credentials is None:
            return
        expires = self._held().get("access", {}).get(token.strip())
        if expires is None:
            raise problem(401, "Unauthorized", "AuthenticationUnsuccessful")
        if expires <= self._store.now():
            raise problem(401, "Unauthorized", "TokenExpired: token expired")

    def grant(self, header: str | None, form: Mapping[str, str]) -> Mapping[str, Any]:
        """New tokens for a refresh token, or for the client of a custom connection.

        Raises:
            XeroError: the client or its grant is refused, as OAuth 2.0 words it.
        """
        credentials = self._credentials
        if credentials is None:
            raise _refused("invalid_client")
        client, secret = _client(header, form)
        if client != credentials.client_id or not hmac.compare_digest(secret.encode(), credentials.client_secret.encode()):
            raise _refused("invalid_client", 401)
        held, now = self._held(), self._store.now()
        grant = form.get("grant_type")
        if grant == "refresh_token":
            self._spend(held, form.get("refresh_token", ""), now)
        elif grant != "client_credentials":
            raise _refused("unsupported_grant_type")
        access = secrets.token_urlsafe(24)
        held["access"] = {token: expires for token, expires in held.get("access", {}).items() if expires > now} | {access: now + ACCESS_SECONDS}
        answer = {"access_token": access, "expires_in": ACCESS_SECONDS, "token_type": "Bearer", "scope": "accounting.transactions"}
        if grant == "refresh_token":
            answer["refresh_token"] = secrets.token_urlsafe(24)
            held["refresh"][answer["refresh_token"]] = now + REFRESH_SECONDS
        self._store.set(_TOKENS, json.dumps(held))
        return answer

    def _spend(self, held: dict[str, Any], token: str, now: float) -> None:
        """A used token works a while longer, for an answer may have been lost."""
        if not isinstance(held["refresh"].get(token), int | float) or held["refresh"][token] <= now:
            raise _refused("invalid_grant")
        held["refresh"][token] = min(held["refresh"][token], now + GRACE_SECONDS)

    def _held(self) -> dict[str, Any]:
        text = self._store.setting(_TOKENS)
        if text is not None:
            found: dict[str, Any] = json.loads(text)
            return found
        first = {} if self._credentials is None else {self._credentials.refresh_token: self._store.now() + REFRESH_SECONDS}
        return {"access": {}, "refresh": first}


def _client(header: str | None, form: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return client, secret


def _refused(error: str, status: int = 400) -> XeroError:
    return XeroError(status, {"error": error}, stored=False)
