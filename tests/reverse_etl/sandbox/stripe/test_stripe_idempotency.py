"""The idempotency store behaves as Stripe documents it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from rates import ask_until_limited

if TYPE_CHECKING:
    from conftest import StandIn


def count(stand_in: StandIn, email: str) -> int:
    return len(stand_in.get("customers", email=email, limit=100)["data"])


def test_the_same_request_under_a_key_is_answered_from_the_store(stand_in: StandIn) -> None:
    first = stand_in.post("customers", {"email": "replay@example.test"}, key="replay")
    second = stand_in.post("customers", {"email": "replay@example.test"}, key="replay")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert first.headers["request-id"] != second.headers["request-id"]
    assert count(stand_in, "replay@example.test") == 1


@pytest.mark.parametrize(("path", "form"), [("customers", {"name": "Other"}), ("invoices", {"name": "First"})])
def test_another_body_or_path_under_a_key_is_an_idempotency_error(stand_in: StandIn, path: str, form: dict[str, Any]) -> None:
    assert stand_in.post("customers", {"name": "First"}, key=f"mismatch-{path}").status_code == 200
    answer = stand_in.post(path, form, key=f"mismatch-{path}")
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "idempotency_error"


def test_a_500_after_the_effect_is_stored_and_replayed(stand_in: StandIn) -> None:
    stand_in.order(kind="accept_then_500", path="/v1/customers$")
    answers = [stand_in.post("customers", {"email": "stored500@example.test"}, key="stored-500") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true", "true"]
    assert count(stand_in, "stored500@example.test") == 1


def test_a_500_without_effect_is_stored_too(stand_in: StandIn) -> None:
    stand_in.order(kind="fail_with_500", path="/v1/customers$")
    assert [stand_in.post("customers", {"email": "no-effect@example.test"}, key="no-effect").status_code for _ in range(2)] == [500, 500]
    assert count(stand_in, "no-effect@example.test") == 0


def test_a_refusal_in_execution_is_stored_but_undone(stand_in: StandIn, customer: str) -> None:
    invoice = stand_in.invoice(customer, 100)["id"]
    for _ in range(2):
        answer = stand_in.post(f"invoices/{invoice}/finalize", key="already-final")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invoice_already_finalized")
    assert answer.headers["idempotent-replayed"] == "true"


def test_failed_validation_is_not_stored(stand_in: StandIn) -> None:
    assert stand_in.post("customers", {"nmae": "Typo"}, key="validation").status_code == 400
    assert stand_in.post("customers", {"name": "Right"}, key="validation").status_code == 200


def test_refused_credentials_and_rate_limits_are_not_stored(stand_in: StandIn) -> None:
    refused = stand_in.http.post("/v1/customers", data={"name": "A"}, headers={"Idempotency-Key": "unstored", "Authorization": "Bearer nonsense"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "invalid_request_error")
    stand_in.order(kind="rate_limited", path="/v1/customers$", retry_after=2)
    limited = stand_in.post("customers", {"name": "A"}, key="unstored")
    assert (limited.status_code, limited.headers["retry-after"], limited.headers["stripe-rate-limited-reason"]) == (429, "2", "global-rate")
    assert stand_in.post("customers", {"name": "A"}, key="unstored").status_code == 200


def test_a_key_in_use_is_a_conflict_that_is_not_stored(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in()
    stand_in.order(kind="delay", path="/v1/customers$", seconds=60)
    slow: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: slow.append(stand_in.post("customers", {"email": "slow@example.test"}, key="in-use")))
    thread.start()
    stand_in.wait_for_hits(1)
    conflict = stand_in.post("customers", {"email": "slow@example.test"}, key="in-use")
    stand_in.forget_faults()
    thread.join()
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert slow[0].status_code == 200
    replay = stand_in.post("customers", {"email": "slow@example.test"}, key="in-use")
    assert (replay.status_code, replay.json()["id"]) == (200, slow[0].json()["id"])


def test_a_key_longer_than_255_characters_is_refused(stand_in: StandIn) -> None:
    assert stand_in.post("customers", {"name": "A"}, key="k" * 255).status_code == 200
    assert stand_in.post("customers", {"name": "A"}, key="k" * 256).status_code == 400


def test_after_its_retention_a_key_is_a_new_request(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in()
    first = stand_in.post("customers", {"email": "old@example.test"}, key="expiring").json()["id"]
    stand_in.set_clock(24 * 3600 - 60)
    assert stand_in.post("customers", {"email": "old@example.test"}, key="expiring").json()["id"] == first
    stand_in.set_clock(24 * 3600 + 60)
    assert stand_in.post("customers", {"email": "old@example.test"}, key="expiring").json()["id"] != first
    assert count(stand_in, "old@example.test") == 2


def test_objects_and_keys_survive_a_restart(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in()
    customer = stand_in.post("customers", {"name": "Kept"}, key="kept").json()["id"]
    invoice = stand_in.invoice(customer, 100, 200, number="KEPT-1")
    stand_in.stop()
    stand_in.start()
    assert stand_in.post("customers", {"name": "Kept"}, key="kept").json()["id"] == customer
    assert stand_in.get(f"invoices/{invoice['id']}") == invoice
    assert stand_in.post("invoices", {"customer": customer, "number": "KEPT-1"}).status_code == 400


def test_the_declared_rate_is_enforced_with_stripes_answer(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in("--requests-per-second", "5")
    limited = ask_until_limited(lambda: stand_in.http.get("/v1/customers"))
    assert 5 <= limited.admitted <= limited.most(5)
    assert limited.refused.json()["error"]["code"] == "rate_limit"
    assert limited.refused.headers["stripe-rate-limited-reason"] == "global-rate"
    assert "retry-after" not in limited.refused.headers


def test_each_endpoint_has_a_rate_of_its_own(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in("--endpoint-requests-per-second", "3")
    limited = ask_until_limited(lambda: stand_in.http.get("/v1/customers"))
    assert 3 <= limited.admitted <= limited.most(3)
    assert limited.refused.headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert stand_in.http.get("/v1/invoices").status_code == 200


def test_only_the_key_in_the_key_file_is_accepted(start_stand_in: Callable[..., StandIn], tmp_path: Any) -> None:
    (tmp_path / "key").write_text("sk_test_the_one\n")
    stand_in = start_stand_in("--api-key-file", str(tmp_path / "key"))
    assert stand_in.http.get("/v1/customers").status_code == 401
    assert stand_in.http.get("/v1/customers", headers={"Authorization": "Bearer sk_test_the_one"}).status_code == 200
    assert httpx.get(f"{stand_in.http.base_url}/v1/customers", auth=("sk_test_the_one", ""), trust_env=False, timeout=120).status_code == 200
