"""OAuth 2.0: access tokens of an hour, and refresh tokens that are replaced by use.

Source: https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reverse_etl.sandbox.quickbooks.errors import authentication
from reverse_etl.sandbox.quickbooks.store import Store

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 8_726_400
# Intuit keeps the token before the last one, for an answer may have been lost; it ends when the new one is used.
_TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app, and the refresh token that it was first granted."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


class TokenError(Exception):
    """A refused grant, as OAuth 2.0 words it."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.body = {"error": error}
        self.status = status


class TokenStore:
    """``credentials`` None accepts any bearer token."""

    def __init__(self, store: Store, credentials: Credentials | None) -> None:
        self._store = store
        self._credentials = credentials

    def check(self, header: str | None) -> None:
        """Raises QuickBooksError: the access token is missing, unknown or expired."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise authentication("Header Authorization is missing or is no bearer token")
        if self._credentials is not None and self._held()["access"].get(token.strip(), 0) <= self._store.now():
            raise authentication("Token expired or unknown")

    def grant(self, header: str | None, form: Mapping[str, str]) -> Mapping[str, Any]:
        """New tokens for a refresh token. Raises TokenError."""
        credentials = self._credentials
        client, secret = _client(header)
        if credentials is None or client != credentials.client_id or not hmac.compare_digest(secret.encode(), credentials.client_secret.encode()):
            raise TokenError("invalid_client", 401)
        if form.get("grant_type") != "refresh_token":
            raise TokenError("unsupported_grant_type")
        held, now, used = self._held(), self._store.now(), form.get("refresh_token", "")
        if used not in held["refresh"]:
            raise TokenError("invalid_grant")
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        held["access"] = {token: expires for token, expires in held["access"].items() if expires > now} | {access: now + ACCESS_SECONDS}
        held["refresh"] = [used, refresh]
        self._store.set(_TOKENS, json.dumps(held))
        return {
            "access_token": access,
            "expires_in": ACCESS_SECONDS,
            "refresh_token": refresh,
            "token_type": "bearer",
            "x_refresh_token_expires_in": REFRESH_SECONDS,
        }

    def _held(self) -> dict[str, Any]:
        text = self._store.setting(_TOKENS)
        if text is not None:
            found: dict[str, Any] = json.loads(text)
            return found
        return {"access": {}, "refresh": [] if self._credentials is None else [self._credentials.refresh_token]}


def _client(header: str | None) -> tuple[str, str]:
    scheme, _, value = (header or "").partition(" ")
    try:
        client, _, secret = base64.b64decode(value.strip() if scheme.lower() == "basic" else "", validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return client, secret
