"""How a request says who asks: a key, a user, an OAuth 2.0 token or a signature. Secrets appear in headers only."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from reverse_etl.errors import ConfigurationError
from reverse_etl.systems.contract import NotExecuted
from reverse_etl.transport.addresses import checked_url
from reverse_etl.transport.assertions import client_key
from reverse_etl.transport.exchange import Transport, policy_of
from reverse_etl.transport.signature import TokenBasedCredentials, authorization_header
from reverse_etl.transport.tokens import AccessTokens, Client, RefreshTokenFile

if TYPE_CHECKING:
    from reverse_etl.settings import Authorization as AuthorizationSettings
    from reverse_etl.settings import Settings


class Authorization(Protocol):
    def headers(self, method: str, url: str, deadline: float) -> Mapping[str, str] | NotExecuted:
        """What authorizes one request, or why nothing can; ``deadline`` is a time of ``time.monotonic``."""
        ...

    def renew(self, refused: Mapping[str, str]) -> bool:
        """After a 401 to these headers: whether asking once more with new ones may help."""
        ...


class FixedHeaders:
    """The same headers for every request: a key, or a user with a password."""

    def __init__(self, headers: Mapping[str, SecretStr]) -> None:
        self._headers = dict(headers)

    def headers(self, method: str, url: str, deadline: float) -> Mapping[str, str]:
        return {name: value.get_secret_value() for name, value in self._headers.items()}

    def renew(self, refused: Mapping[str, str]) -> bool:
        return False


class BearerTokens:
    """OAuth 2.0: the current access token."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def headers(self, method: str, url: str, deadline: float) -> Mapping[str, str] | NotExecuted:
        token = self._tokens.token(deadline)
        return token if isinstance(token, NotExecuted) else {"Authorization": f"Bearer {token.get_secret_value()}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        self._tokens.discard(SecretStr(refused["Authorization"].removeprefix("Bearer ")))
        return True


class SignedRequests:
    """Token-based authentication: every request is signed anew."""

    def __init__(self, credentials: TokenBasedCredentials) -> None:
        self._credentials = credentials

    def headers(self, method: str, url: str, deadline: float) -> Mapping[str, str]:
        header = authorization_header(self._credentials, method, url, timestamp=int(time.time()), nonce=secrets.token_hex(16))
        return {"Authorization": header}

    def renew(self, refused: Mapping[str, str]) -> bool:
        # A nonce or timestamp that was refused is another one the next time.
        return True


def open_authorization(settings: Settings, name: str, transport: Transport, usual: AuthorizationSettings | None = None) -> Authorization:
    """The authorization of a destination: what its settings say, and what is usual for its kind where they are silent.

    Raises:
        ConfigurationError: a secret or something else that the method needs is missing.
    """
    own = settings.destination(name).authorization
    chosen = usual if own is None else own if usual is None else usual.model_copy(update=own.model_dump(exclude_unset=True))
    if chosen is None or chosen.method == "none":
        return FixedHeaders({})
    if chosen.method is None:
        raise ConfigurationError(f"destination {name}: set destinations.{name}.authorization.method")
    if chosen.method == "token_based":
        return SignedRequests(
            TokenBasedCredentials(
                _needed(chosen, name, "consumer_key"),
                SecretStr(settings.secret(name, "consumer_secret")),
                _needed(chosen, name, "token_id"),
                SecretStr(settings.secret(name, "token_secret")),
                chosen.realm,
            )
        )
    if chosen.method in ("client_credentials", "client_assertion", "refresh_token"):
        return BearerTokens(_access_tokens(settings, name, transport, chosen))
    secret = settings.secret(name)
    if chosen.method == "header":
        return FixedHeaders({_needed(chosen, name, "header"): SecretStr(chosen.prefix + secret)})
    if chosen.method == "basic":
        pair = f"{chosen.username or settings.destination(name).username or _needed(chosen, name, 'username')}:{secret}"
        return FixedHeaders({"Authorization": SecretStr("Basic " + base64.b64encode(pair.encode()).decode())})
    return FixedHeaders({"Authorization": SecretStr(f"Bearer {secret}")})


def _access_tokens(settings: Settings, name: str, transport: Transport, chosen: AuthorizationSettings) -> AccessTokens:
    client_id = _needed(chosen, name, "client_id")
    key = None
    if chosen.method == "client_assertion":
        private_key = SecretStr(settings.secret(name, "private_key"))
        key = client_key(client_id, _needed(chosen, name, "certificate_id"), private_key, f"destination {name}")
    client = Client(
        token_url=checked_url(_needed(chosen, name, "token_url"), policy_of(settings, name), f"destination {name}: authorization.token_url"),
        client_id=client_id,
        client_secret=None if key is not None else SecretStr(settings.secret(name, "client_secret")),
        in_body=chosen.token_authentication == "body",
        scope=chosen.scope,
        audience=chosen.audience,
        key=key,
    )
    if chosen.method != "refresh_token":
        return AccessTokens(transport, client)
    configured = SecretStr(settings.secret(name, "refresh_token"))
    refresh = RefreshTokenFile(settings.home / "secrets" / f"{name}_refresh_token.rotated", configured)
    return AccessTokens(transport, client, refresh, settings.lock_folder / f"token-{name}.lock")


def _needed(chosen: AuthorizationSettings, name: str, what: str) -> str:
    value = getattr(chosen, what)
    if not value:
        raise ConfigurationError(f"destination {name}: authorization by {chosen.method} needs {what}: set destinations.{name}.authorization.{what}")
    return str(value)
