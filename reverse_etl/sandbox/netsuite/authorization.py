"""Who asks: token-based authentication (OAuth 1.0a, HMAC-SHA256) and OAuth 2.0 bearer tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from reverse_etl.sandbox.netsuite.errors import unauthorized

LONGEST_DRIFT_SECONDS = 300.0
SHORTEST_NONCE = 6
_PARAMETER = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*(?:,|$)')
_REQUIRED = ("realm", "oauth_consumer_key", "oauth_token", "oauth_signature_method", "oauth_timestamp", "oauth_nonce", "oauth_signature")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account, its one integration with its token, and an OAuth 2.0 access token where one was granted."""

    account: str
    consumer_key: str
    consumer_secret: str = field(repr=False)
    token_id: str
    token_secret: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)


class Gate:
    """Lets in who is authorized; ``credentials`` None lets in everybody who names himself."""

    def __init__(self, credentials: Credentials | None, clock: Callable[[], float]) -> None:
        self._credentials = credentials
        self._clock = clock
        self._nonces: dict[str, float] = {}

    def check(self, header: str | None, method: str, url: str, query: Sequence[tuple[str, str]]) -> None:
        """``url`` is the request's own, without its query.

        Raises:
            NetSuiteError: the request is not authorized.
        """
        scheme, _, value = (header or "").partition(" ")
        if not value.strip() or scheme.lower() not in ("oauth", "bearer"):
            raise unauthorized()
        if self._credentials is None:
            return
        if scheme.lower() == "bearer":
            expected = self._credentials.access_token
            if expected is None or not hmac.compare_digest(value.strip().encode(), expected.encode()):
                raise unauthorized()
            return
        self._check_signature(self._credentials, value, method, url, query)

    def _check_signature(self, credentials: Credentials, value: str, method: str, url: str, query: Sequence[tuple[str, str]]) -> None:
        given = {name: unquote(text) for name, text in _PARAMETER.findall(value)}
        if any(name not in given for name in _REQUIRED):
            raise unauthorized()
        known = (
            given["realm"].upper().replace("-", "_") == credentials.account.upper().replace("-", "_")
            and given["oauth_consumer_key"] == credentials.consumer_key
            and given["oauth_token"] == credentials.token_id
            and given["oauth_signature_method"] == "HMAC-SHA256"
            and given.get("oauth_version", "1.0") == "1.0"
        )
        signed = [(name, text) for name, text in given.items() if name.startswith("oauth_") and name != "oauth_signature"]
        expected = signature(credentials, method, url, [*query, *signed])
        if not known or not hmac.compare_digest(given["oauth_signature"].encode(), expected.encode()):
            raise unauthorized()
        self._check_freshness(given["oauth_timestamp"], given["oauth_nonce"])

    def _check_freshness(self, timestamp: str, nonce: str) -> None:
        now = self._clock()
        fresh = timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 and abs(now - int(timestamp)) <= LONGEST_DRIFT_SECONDS
        if not fresh or len(nonce) < SHORTEST_NONCE or nonce in self._nonces:
            raise unauthorized()
        self._nonces = {known: at for known, at in self._nonces.items() if now - at <= 2 * LONGEST_DRIFT_SECONDS} | {nonce: now}


def signature(credentials: Credentials, method: str, url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """RFC 5849, with HMAC-SHA256."""
    normalized = "&".join(f"{name}={text}" for name, text in sorted((_encoded(name), _encoded(text)) for name, text in parameters))
    base = "&".join((method.upper(), _encoded(url), _encoded(normalized)))
    key = f"{_encoded(credentials.consumer_secret)}&{_encoded(credentials.token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-._~")
