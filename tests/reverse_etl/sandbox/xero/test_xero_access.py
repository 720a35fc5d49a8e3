"""Keys, tokens and limits behave as Xero documents them, and every request is answered as described."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx
import pytest
from fuzzing import fuzz
from xero_stand_in import API, Xero, journal


def count(xero: Xero, narration: str) -> int:
    return len(xero.listed(where=f'Narration=="{narration}"'))


def test_the_same_request_under_a_key_gets_the_first_answer_again(xero: Xero) -> None:
    first, second = xero.put(journal("Replayed"), key="replay"), xero.put(journal("Replayed"), key="replay")
    assert first.content == second.content
    assert count(xero, "Replayed") == 1


def test_another_request_under_a_key_is_refused(xero: Xero) -> None:
    assert xero.put(journal("Under a key"), key="other").status_code == 200
    for answer in (xero.put(journal("Changed"), key="other"), xero.put(journal("Under a key"), key="other", summarizeErrors="false")):
        assert (answer.status_code, answer.json()["Message"]) == (400, "Idempotency Key other is used with a different request.")
    assert xero.put(journal("Long"), key="k" * 129).status_code == 400


@pytest.mark.parametrize(("kind", "made"), [("accept_then_500", 1), ("fail_with_500", 0)])
def test_an_internal_error_is_given_again_whatever_it_left(xero: Xero, kind: str, made: int) -> None:
    xero.order(kind=kind)
    assert [xero.put(journal(kind), key=kind).status_code for _ in range(3)] == [500, 500, 500]
    assert count(xero, kind) == made


def test_a_key_is_forgotten_after_six_minutes(start_xero: Callable[..., Xero]) -> None:
    xero = start_xero()
    xero.put(journal("Forgotten"), key="k")
    for offset, expected in ((350, 1), (370, 2)):
        xero.set_clock(offset)
        xero.put(journal("Forgotten"), key="k")
        assert count(xero, "Forgotten") == expected


def test_limits_are_counted_per_organisation_and_told(start_xero: Callable[..., Xero]) -> None:
    xero = start_xero("--calls-per-minute", "3", "--calls-per-day", "5")
    answers = [xero.http.get(f"{API}/Accounts") for _ in range(4)]
    assert [answer.headers["x-minlimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    limited = answers[3]
    assert (limited.status_code, limited.headers["x-rate-limit-problem"]) == (429, "minute")
    assert 50 <= int(limited.headers["retry-after"]) <= 61
    other = next(found["tenant"] for found in xero.state()["organisations"] if found["tenant"] != xero.http.headers["xero-tenant-id"])
    assert xero.http.get(f"{API}/Accounts", headers={"Xero-Tenant-Id": other}).status_code == 200
    xero.set_clock(61)
    assert [xero.http.get(f"{API}/Accounts").status_code for _ in range(3)] == [200, 200, 429]
    assert xero.http.get(f"{API}/Accounts").headers["x-rate-limit-problem"] == "day"


def test_a_sixth_call_at_once_is_refused(start_xero: Callable[..., Xero]) -> None:
    xero = start_xero()
    xero.order(kind="delay", method="GET", seconds=60, times=5)
    slow = [threading.Thread(target=xero.http.get, args=(f"{API}/Accounts",)) for _ in range(5)]
    for thread in slow:
        thread.start()
    xero.wait_for_hits(5)
    answer = xero.http.get(f"{API}/Accounts")
    xero.forget_faults()
    for thread in slow:
        thread.join()
    assert (answer.status_code, answer.headers["x-rate-limit-problem"], "retry-after" in answer.headers) == (429, "concurrent", False)


def test_a_refresh_token_is_replaced_by_its_use_and_works_a_while_longer(start_xero: Callable[..., Xero]) -> None:
    xero = start_xero(credentials={"client_id": "app", "client_secret": "secret", "refresh_token": "first"})

    def refresh(token: str, secret: str = "secret") -> httpx.Response:
        return xero.http.post("/connect/token", data={"grant_type": "refresh_token", "refresh_token": token}, auth=("app", secret))

    def get(token: str) -> int:
        return xero.http.get(f"{API}/Accounts", headers={"Authorization": f"Bearer {token}"}).status_code

    granted = refresh("first").json()
    assert (granted["expires_in"], get(granted["access_token"]), get("anybody")) == (1800, 200, 401)
    assert refresh("first").status_code == 200
    assert refresh("first", "wrong").json() == {"error": "invalid_client"}
    xero.set_clock(1801)
    assert get(granted["access_token"]) == 401
    assert refresh("first").json() == {"error": "invalid_grant"}
    assert get(refresh(granted["refresh_token"]).json()["access_token"]) == 200


def test_an_organisation_must_be_named_and_json_accepted(xero: Xero) -> None:
    assert xero.http.get(f"{API}/Accounts", headers={"Xero-Tenant-Id": "nobody"}).status_code == 403
    assert xero.http.get(f"{API}/Accounts", headers={"Accept": "*/*"}).status_code == 406


def test_every_request_is_answered_as_described(xero: Xero) -> None:
    created = xero.put(journal("Fuzzed")).json()["ManualJournals"][0]["ManualJournalID"]
    known = {"ManualJournalID": [created], "AccountCode": ["1200", "4000"], "Status": ["POSTED", "DRAFT"]}
    headers = {name: xero.http.headers[name] for name in ("Authorization", "Accept", "Xero-Tenant-Id")}

    counts = fuzz(xero.url, headers, known, examples=6)

    assert counts[200] > 10
    assert counts[400] > 5
    assert set(counts) <= {200, 400, 401, 403, 404, 405, 406}
