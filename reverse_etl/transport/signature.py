"""The signature of a token-based request: OAuth 1.0a with HMAC-SHA256 (RFC 5849), as NetSuite asks for it. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import SecretStr

SIGNATURE_METHOD = "HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class TokenBasedCredentials:
    consumer_key: str
    consumer_secret: SecretStr
    token_id: str
    token_secret: SecretStr
    realm: str | None = None


def authorization_header(credentials: TokenBasedCredentials, method: str, url: str, *, timestamp: int, nonce: str) -> str:
    """The value of ``Authorization`` for one request; a body that is no form takes no part in it."""
    parameters = {
        "oauth_consumer_key": credentials.consumer_key,
        "oauth_token": credentials.token_id,
        "oauth_signature_method": SIGNATURE_METHOD,
        "oauth_timestamp": str(timestamp),
        "oauth_nonce": nonce,
        "oauth_version": "1.0",
    }
    parameters["oauth_signature"] = _signature(credentials, method, url, parameters)
    parts = [f'realm="{_encoded(credentials.realm)}"'] if credentials.realm else []
    return "OAuth " + ", ".join([*parts, *(f'{name}="{_encoded(value)}"' for name, value in parameters.items())])


def signature_base(method: str, url: str, parameters: Mapping[str, str]) -> str:
    """What is signed (RFC 5849, section 3.4.1): method, URL without its query, and all parameters sorted by their encoded form."""
    target = urlsplit(url)
    default = {"http": 80, "https": 443}.get(target.scheme)
    port = "" if target.port in (None, default) else f":{target.port}"
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in [*parse_qsl(target.query, keep_blank_values=True), *parameters.items()])
    normalised = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join(
        (method.upper(), _encoded(f"{target.scheme}://{(target.hostname or '').lower()}{port}{target.path or '/'}"), _encoded(normalised))
    )


def _signature(credentials: TokenBasedCredentials, method: str, url: str, parameters: Mapping[str, str]) -> str:
    key = f"{_encoded(credentials.consumer_secret.get_secret_value())}&{_encoded(credentials.token_secret.get_secret_value())}"
    digest = hmac.digest(key.encode(), signature_base(method, url, parameters).encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-._~")
