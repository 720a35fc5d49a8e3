"""Who is let in, how many at once, and that every request is answered as described."""

from __future__ import annotations

import base64
import hmac
import threading
import time
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from fuzzing import fuzz
from ledger_stand_in import US
from netsuite_stand_in import HEADERS, RECORDS, NetSuite, journal, refusal

from reverse_etl.sandbox.netsuite.authorization import Credentials, signature

CREDENTIALS = Credentials("TSTDRV1_SB1", "consumer", "consumer secret", "token", "token secret", "granted")
STORED = {
    "account": CREDENTIALS.account,
    "consumer_key": CREDENTIALS.consumer_key,
    "consumer_secret": CREDENTIALS.consumer_secret,
    "token_id": CREDENTIALS.token_id,
    "token_secret": CREDENTIALS.token_secret,
    "access_token": "granted",
}


def signed(url: str, method: str = "GET", *, nonce: str = "a nonce", timestamp: int | None = None, account: str = "TSTDRV1-SB1") -> dict[str, str]:
    """The header of a request, signed as Oracle's and RFC 5849's rules say."""
    parameters = {
        "oauth_consumer_key": CREDENTIALS.consumer_key,
        "oauth_token": CREDENTIALS.token_id,
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(time.time()) if timestamp is None else timestamp),
        "oauth_nonce": nonce,
        "oauth_version": "1.0",
    }
    target = httpx.URL(url)
    plain = str(target.copy_with(query=None)).rstrip("?")
    own = signature(CREDENTIALS, method, plain, [*target.params.multi_items(), *parameters.items()])
    members = [("realm", account), *parameters.items(), ("oauth_signature", own)]
    return {"Authorization": "OAuth " + ", ".join(f'{name}="{quote(text, safe="")}"' for name, text in members)}


def test_a_signature_is_known_from_the_standards_own_example() -> None:
    # https://datatracker.ietf.org/doc/html/rfc5849#section-3.4.1.1, with the digest that NetSuite takes.
    base = (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9dj"
        "dj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )
    digest = base64.b64encode(hmac.new(b"j49sk3j29djd&dh893hdasih9", base.encode(), "sha256").digest()).decode()
    credentials = Credentials("account", "9djdj82h48djs9d2", "j49sk3j29djd", "kkk9d7dh3k39sjv7", "dh893hdasih9")
    parameters = [
        ("b5", "=%3D"),
        ("a3", "a"),
        ("c@", ""),
        ("a2", "r b"),
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    assert signature(credentials, "post", "http://example.com/request", parameters) == digest


@pytest.fixture
def guarded(start_netsuite: Callable[..., NetSuite]) -> NetSuite:
    running = start_netsuite(credentials=STORED)
    running.http.headers.pop("authorization")
    return running


def test_a_signed_request_is_let_in_once(guarded: NetSuite) -> None:
    url = f"{guarded.url}{RECORDS}/customer/1?expandSubResources=true"
    header = signed(url)
    first, replayed = guarded.http.get(url, headers=header), guarded.http.get(url, headers=header)
    assert refusal(first)[:2] == (404, "NONEXISTENT_ID")
    assert refusal(replayed)[:2] == (401, "INVALID_LOGIN")
    assert guarded.http.get(url, headers=signed(url, nonce="another nonce")).status_code == 404
    assert guarded.http.get(url, headers={"Authorization": "Bearer granted"}).status_code == 404


def test_whoever_is_not_authorized_is_refused(guarded: NetSuite) -> None:
    url = f"{guarded.url}{RECORDS}/customer/1"
    refused = [
        {},
        {"Authorization": "Bearer guessed"},
        signed(url + "?replace=line"),
        signed(url, "PUT"),
        signed(url, timestamp=int(time.time()) - 400),
        signed(url, nonce="short"),
        signed(url, account="OTHER"),
    ]
    assert [guarded.http.get(url, headers=headers).status_code for headers in refused] == [401] * len(refused)


def test_more_requests_at_once_than_the_account_allows_are_refused(start_netsuite: Callable[..., NetSuite]) -> None:
    netsuite = start_netsuite("--concurrency", "2")
    netsuite.order(kind="delay", method="GET", seconds=60, times=2)
    slow = [threading.Thread(target=netsuite.http.get, args=(f"{RECORDS}/customer/1",)) for _ in range(2)]
    for thread in slow:
        thread.start()
    netsuite.wait_for_hits(2)
    answer = netsuite.http.get(f"{RECORDS}/customer/1")
    netsuite.forget_faults()
    for thread in slow:
        thread.join()
    assert refusal(answer) == (429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked.")
    assert netsuite.http.get(f"{RECORDS}/customer/1").status_code == 404


def test_every_request_is_answered_as_described(netsuite: NetSuite) -> None:
    netsuite.put("FUZZ-1", journal())
    known = {
        "id": ["1", "eid:FUZZ-1", "eid:C1"],
        "externalId": ["4000", US, "C1"],
        "q": ["SELECT * FROM account", "SELECT SUM(debit) FROM transactionaccountingline"],
    }

    counts = fuzz(netsuite.url, HEADERS, known, examples=5)

    assert counts[400] > 10
    assert counts[200] + counts[204] > 5
    assert set(counts) <= {200, 202, 204, 400, 401, 404, 405}
