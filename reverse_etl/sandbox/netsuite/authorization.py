"""Who asks: token-based authentication (OAuth 1.0a, HMAC-SHA256) and OAuth 2.0 bearer tokens, given for a signed assertion.

"POST Request to the Token Endpoint", "The Request Token Structure": PS256 or ES256 and longer, assertions of less than an hour, tokens of one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from reverse_etl.sandbox.netsuite.errors import unauthorized
from reverse_etl.transport.assertions import ASSERTION_TYPE

LONGEST_DRIFT_SECONDS = 300.0
SHORTEST_NONCE = 6
GRANT_SECONDS = 3600
SCOPE = "rest_webservices"
ALGORITHMS = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_PARAMETER = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*(?:,|$)')
_REQUIRED = ("realm", "oauth_consumer_key", "oauth_token", "oauth_signature_method", "oauth_timestamp", "oauth_nonce", "oauth_signature")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account, its one integration with its token, an OAuth 2.0 access token where one was granted, and the certificate (PEM of the public key)
    of a client of OAuth 2.0, which may be the integration's."""

    account: str
    consumer_key: str
    consumer_secret: str = field(repr=False)
    token_id: str
    token_secret: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    certificate_id: str | None = None
    public_key: str | None = None


class Gate:
    """Lets in who is authorized; ``credentials`` None lets in everybody who names himself."""

    def __init__(self, credentials: Credentials | None, clock: Callable[[], float]) -> None:
        self._credentials = credentials
        self._clock = clock
        self._nonces: dict[str, float] = {}
        self._granted: dict[str, float] = {}

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
            if value.strip() != self._credentials.access_token and self._granted.get(value.strip(), 0.0) <= self._clock():
                raise unauthorized()
            return
        self._check_signature(self._credentials, value, method, url, query)

    def grant(self, form: Mapping[str, str], url: str) -> Mapping[str, str] | None:
        """An access token for a client's assertion, None if it is refused; ``url`` is the token endpoint's own."""
        import jwt

        credentials = self._credentials
        if credentials is None or credentials.public_key is None or form.get("client_assertion_type") != ASSERTION_TYPE:
            return None
        assertion = form.get("client_assertion", "")
        try:
            claims = jwt.decode(
                assertion, credentials.public_key, ALGORITHMS, audience=url, issuer=credentials.consumer_key, options={"require": ["exp", "iat"]}
            )
            known = jwt.get_unverified_header(assertion).get("kid") == credentials.certificate_id
        except jwt.PyJWTError:
            return None
        if (
            not known
            or claims["exp"] - claims["iat"] > GRANT_SECONDS
            or claims.get("scope") != SCOPE
            or form.get("grant_type") != "client_credentials"
        ):
            return None
        token = secrets.token_urlsafe(24)
        self._granted[token] = self._clock() + GRANT_SECONDS
        return {"access_token": token, "expires_in": str(GRANT_SECONDS), "token_type": "bearer"}

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
