"""How a destination is told who asks, and that no secret shows anywhere else."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from token_endpoint import CLIENT_SECRET, TokenEndpoint, token_endpoint

from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Authorization as AuthorizationSettings
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import NotExecuted
from reverse_etl.transport import Authorization, Request, Transport, open_authorization
from reverse_etl.transport.signature import TokenBasedCredentials, authorization_header, signature_base

SECRETS = {
    "secret": "k3y",
    "client_secret": CLIENT_SECRET,
    "refresh_token": "refresh-0",
    "consumer_secret": "consumer-s3cret",
    "token_secret": "token-s3cret",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    for name, value in SECRETS.items():
        (tmp_path / "secrets" / f"books_{name}").write_text(value + "\n")
    return tmp_path


def opened(home: Path, usual: AuthorizationSettings | None = None, **authorization: Any) -> Authorization:
    settings = Settings.model_validate(
        {"home": home, "destinations": {"books": {"url": "https://books.example", "authorization": authorization or None}}}
    )
    return open_authorization(settings, "books", Transport(), usual)


def headers(authorization: Authorization) -> Any:
    return authorization.headers("POST", "https://books.example/v1?a=1", time.monotonic() + 60)


def with_tokens(home: Path, endpoint: TokenEndpoint, method: str = "client_credentials", **options: Any) -> Authorization:
    return opened(home, method=method, client_id="client", token_url=f"{endpoint.url}/token", **options)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ({"method": "bearer"}, {"Authorization": "Bearer k3y"}),
        ({"method": "header", "header": "X-Api-Key"}, {"X-Api-Key": "k3y"}),
        ({"method": "header", "header": "Authorization", "prefix": "Token "}, {"Authorization": "Token k3y"}),
        ({"method": "basic", "username": "ledger"}, {"Authorization": "Basic bGVkZ2VyOmszeQ=="}),
        ({"method": "none"}, {}),
        ({}, {}),
    ],
)
def test_a_key_or_a_user_travels_in_a_header(home: Path, authorization: dict[str, str], expected: dict[str, str]) -> None:
    assert headers(opened(home, **authorization)) == expected


@pytest.mark.parametrize(
    ("authorization", "missing"),
    [
        ({"method": "header"}, "set destinations.books.authorization.header"),
        ({"method": "client_credentials", "client_id": "c"}, "set destinations.books.authorization.token_url"),
        ({"method": "client_credentials", "client_id": "c", "token_url": "http://a.example/token"}, "in clear"),
        ({"method": "token_based", "consumer_key": "k"}, "set destinations.books.authorization.token_id"),
        ({"client_id": "c"}, "set destinations.books.authorization.method"),
    ],
)
def test_what_a_method_needs_is_named(home: Path, authorization: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        opened(home, **authorization)


def test_a_missing_secret_is_named_with_where_to_put_it(home: Path) -> None:
    (home / "secrets" / "books_client_secret").unlink()
    with pytest.raises(
        ConfigurationError, match=r"no secret 'client_secret' for destination books: set BOOKS_CLIENT_SECRET or write .*/books_client_secret"
    ):
        opened(home, method="client_credentials", client_id="c", token_url="https://a.example/token")


def test_what_is_usual_for_a_kind_fills_what_the_settings_do_not_say(home: Path) -> None:
    with token_endpoint() as endpoint:
        usual = AuthorizationSettings(method="client_credentials", token_url=f"{endpoint.url}/token", scope="accounting")
        assert headers(opened(home, usual, client_id="client")) == {"Authorization": "Bearer access-1"}
        assert endpoint.asked[0]["scope"] == "accounting"


@pytest.mark.parametrize("in_body", [False, True])
def test_one_access_token_serves_everybody_until_it_expires(home: Path, in_body: bool) -> None:
    with token_endpoint(lifetime=3600, in_body=in_body) as endpoint:
        authorization = with_tokens(home, endpoint, token_authentication="body" if in_body else "basic")
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda _: headers(authorization), range(16)))
        assert found == [{"Authorization": "Bearer access-1"}] * 16
        assert len(endpoint.asked) == 1


@pytest.mark.parametrize("lifetime", [0.2, "0.2"])
def test_a_token_is_renewed_before_it_expires(home: Path, lifetime: Any) -> None:
    with token_endpoint(lifetime=lifetime) as endpoint:
        authorization = with_tokens(home, endpoint)
        headers(authorization)
        time.sleep(0.12)
        assert headers(authorization) == {"Authorization": "Bearer access-2"}


@pytest.mark.parametrize("lifetime", [None, "soon", -5, 1e300, True])
def test_an_unstated_lifetime_does_not_mean_a_token_for_ever_nor_one_per_request(home: Path, lifetime: Any) -> None:
    with token_endpoint(lifetime=lifetime) as endpoint:
        authorization = with_tokens(home, endpoint)
        headers(authorization)
        headers(authorization)
        assert len(endpoint.asked) <= 2


def test_a_replaced_refresh_token_is_stored_before_the_access_token_is_used_and_survives_the_process(home: Path) -> None:
    with token_endpoint(rotates=True) as endpoint:
        assert headers(with_tokens(home, endpoint, "refresh_token")) == {"Authorization": "Bearer access-1"}
        stored = home / "secrets" / "books_refresh_token.rotated"
        assert json.loads(stored.read_text())["refresh_token"] == "refresh-1"
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600
        assert headers(with_tokens(home, endpoint, "refresh_token")) == {"Authorization": "Bearer access-2"}
        assert [form["refresh_token"] for form in endpoint.asked] == ["refresh-0", "refresh-1"]


def test_whoever_configures_another_refresh_token_starts_anew(home: Path) -> None:
    with token_endpoint(rotates=True) as endpoint:
        headers(with_tokens(home, endpoint, "refresh_token"))
        endpoint.refresh_token = "authorized-again"
        (home / "secrets" / "books_refresh_token").write_text("authorized-again")
        assert headers(with_tokens(home, endpoint, "refresh_token")) == {"Authorization": "Bearer access-2"}


def test_without_room_for_the_new_refresh_token_the_access_token_is_not_used(home: Path) -> None:
    with token_endpoint(rotates=True) as endpoint:
        (home / "secrets" / "books_refresh_token.rotated").mkdir()
        outcome = headers(with_tokens(home, endpoint, "refresh_token"))
        assert isinstance(outcome, NotExecuted)
        assert "refresh token could not be stored" in outcome.reason


REFRESHING = """
import sys, time
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from test_authorization import headers, with_tokens
from token_endpoint import TokenEndpoint
for _ in range(5):
    found = headers(with_tokens(Path(sys.argv[1]), TokenEndpoint(url=sys.argv[2]), "refresh_token"))
    assert isinstance(found, dict), found
"""


def test_several_processes_never_present_a_refresh_token_that_another_one_used_up(home: Path) -> None:
    with token_endpoint(rotates=True) as endpoint:
        command = [sys.executable, "-c", REFRESHING, str(home), endpoint.url, *map(str, Path(__file__).parents[:2])]
        processes = [subprocess.Popen(command, env=os.environ) for _ in range(2)]
        assert [process.wait(300) for process in processes] == [0, 0]
        assert [form["refresh_token"] for form in endpoint.asked] == [f"refresh-{number}" for number in range(10)]


@pytest.mark.parametrize("failure", ["refused client", "refused grant", "failing", "down", "no token"])
def test_without_a_token_nothing_was_executed_and_no_secret_is_quoted(home: Path, failure: str) -> None:
    with token_endpoint(failing=503 if failure == "failing" else 200 if failure == "no token" else None) as endpoint:
        if failure == "refused client":
            (home / "secrets" / "books_client_secret").write_text("wrong-secret")
        if failure == "refused grant":
            (home / "secrets" / "books_refresh_token").write_text("stale-secret")
        if failure == "down":
            endpoint.url = "http://127.0.0.1:9"
        outcome = headers(with_tokens(home, endpoint, "refresh_token"))
    assert isinstance(outcome, NotExecuted)
    assert outcome.reason.startswith("no access token: ")
    assert not any(secret in outcome.reason for secret in (*SECRETS.values(), "wrong-secret", "stale-secret"))


def test_secrets_are_masked_in_every_representation(home: Path) -> None:
    with token_endpoint() as endpoint:
        signed = opened(home, method="token_based", consumer_key="k", token_id="t")
        for authorization in (opened(home, method="bearer"), with_tokens(home, endpoint), signed):
            sent = Request("POST", endpoint.url, headers(authorization), b"form with a secret")
            inner = [vars(part) for part in vars(authorization).values() if hasattr(part, "__dict__")]
            shown = repr((sent, authorization, vars(authorization), inner))
            assert not any(secret in shown for secret in (*SECRETS.values(), "access-1", "form with"))


def test_the_signature_base_is_that_of_the_standard() -> None:
    """The example of RFC 5849, section 3.4.1.1."""
    parameters = {
        "oauth_consumer_key": "9djdj82h48djs9d2",
        "oauth_token": "kkk9d7dh3k39sjv7",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "137131201",
        "oauth_nonce": "7d8f3e4a",
        "c2": "",
        "a3": "2 q",
    }
    assert signature_base("POST", "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", parameters) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D"
        "%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1"
        "%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )


def test_a_request_is_signed_with_both_secrets() -> None:
    credentials = TokenBasedCredentials("key", SecretStr("c&s"), "token", SecretStr("ts"), realm="1234567_SB1")
    header = authorization_header(credentials, "PUT", "https://a.example/eid:TO-1?replace=line", timestamp=1700000000, nonce="n")
    base = (
        "PUT&https%3A%2F%2Fa.example%2Feid%3ATO-1&oauth_consumer_key%3Dkey%26oauth_nonce%3Dn%26oauth_signature_method%3DHMAC-SHA256"
        "%26oauth_timestamp%3D1700000000%26oauth_token%3Dtoken%26oauth_version%3D1.0%26replace%3Dline"
    )
    openssl = subprocess.run(["openssl", "dgst", "-sha256", "-hmac", "c%26s&ts", "-binary"], input=base.encode(), capture_output=True, check=True)
    encoded = subprocess.run(["base64"], input=openssl.stdout, capture_output=True, check=True).stdout.decode().strip()
    quoted = encoded.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert header.startswith('OAuth realm="1234567_SB1", oauth_consumer_key="key", oauth_token="token"')
    assert header.endswith(f'oauth_signature="{quoted}"')
