"""The classifier is total, and believes only what an answer proves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected, Succeeded
from reverse_etl.systems.stripe.classification import Expected, classify
from reverse_etl.transport import Answer

CREATED = Expected("invoice", None, "TO-1", False)
FINALIZED = Expected("invoice", "in_1", None, True)


def error(kind: str, code: str | None = None) -> bytes:
    return json.dumps({"error": {"type": kind, "code": code, "message": "m"}}).encode()


ERRORS = st.builds(error, st.sampled_from(["invalid_request_error", "idempotency_error", "card_error", "api_error", "?"]), st.none() | st.text())
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "object": st.sampled_from(["invoice", "customer"]) | st.none(),
        "id": st.sampled_from(["in_1", "", 7]),
        "status": st.sampled_from(["draft", "open"]) | st.integers(),
        "metadata": st.none() | st.just({"tieout_reference": "TO-1"}) | st.lists(st.integers()),
        "error": st.none() | st.text() | st.dictionaries(st.text(), st.integers()),
    },
).map(lambda value: json.dumps(value).encode())
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
BODIES = st.binary() | ERRORS | OBJECTS | JSON.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 100_000)
HEADERS = st.dictionaries(st.sampled_from(["retry-after", "request-id", "content-type"]), st.text())


@given(st.integers(-1, 10_000) | st.integers(200, 600), HEADERS, BODIES, st.sampled_from([CREATED, FINALIZED]))
def test_any_answer_is_one_of_four_outcomes(status: int, headers: dict[str, str], body: bytes, expected: Expected) -> None:
    outcome = classify(Answer(status, headers, body), expected)
    assert isinstance(outcome, Succeeded | NotExecuted | Rejected | Ambiguous)
    if isinstance(outcome, Succeeded):
        assert 200 <= status < 300
        assert json.loads(body)["object"] == "invoice"
        assert outcome.remote_id == json.loads(body)["id"] != ""
    if isinstance(outcome, Rejected):
        assert status in (400, 402, 404)
        assert json.loads(body)["error"]["type"] != "idempotency_error"
    if status >= 500 or 300 <= status < 400:
        assert isinstance(outcome, Ambiguous | NotExecuted)
    if isinstance(outcome, NotExecuted) and outcome.retry_after is not None:
        assert 0 <= outcome.retry_after <= 3600


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b'{"object": "invoice", "id": "in_1", "metadata": {"tieout_reference": "TO-1"}}', Succeeded),
        (200, b'{"object": "invoice", "id": "in_1", "metadata": {"tieout_reference": "TO-2"}}', Ambiguous),
        (200, b'{"object": "customer", "id": "in_1", "metadata": {"tieout_reference": "TO-1"}}', Ambiguous),
        (200, b'{"object": "invoice", "id": "in_1", "metad', Ambiguous),
        (204, b"", Ambiguous),
        (301, b"", Ambiguous),
        (400, error("invalid_request_error"), Rejected),
        (400, error("idempotency_error"), Ambiguous),
        (400, b"<html>", Ambiguous),
        (401, error("invalid_request_error"), NotExecuted),
        (401, b"<html>a proxy asks for a password</html>", Ambiguous),
        (402, error("card_error"), Rejected),
        (403, error("invalid_request_error"), NotExecuted),
        (404, error("invalid_request_error", "resource_missing"), Rejected),
        (404, b"<html>", Ambiguous),
        (409, error("idempotency_error", "idempotency_key_in_use"), Ambiguous),
        (409, error("invalid_request_error", "lock_timeout"), NotExecuted),
        (429, b"", NotExecuted),
        (429, error("invalid_request_error", "lock_timeout"), NotExecuted),
        (500, error("api_error"), Ambiguous),
        (502, b"<html>", Ambiguous),
        (503, error("api_error"), Ambiguous),
    ],
)
def test_what_each_answer_proves(status: int, body: bytes, outcome: type[Any]) -> None:
    assert isinstance(classify(Answer(status, {}, body), CREATED), outcome)


def test_finalized_means_finalized_and_this_invoice() -> None:
    def answered(identifier: str, status: str) -> object:
        return classify(Answer(200, {}, json.dumps({"object": "invoice", "id": identifier, "status": status}).encode()), FINALIZED)

    assert answered("in_1", "open") == Succeeded("in_1", {"id": "in_1", "status": "open"})
    assert isinstance(answered("in_1", "draft"), Ambiguous)
    assert isinstance(answered("in_2", "open"), Ambiguous)


def test_retry_after_is_passed_on() -> None:
    outcome = classify(Answer(429, {"retry-after": "7"}, error("invalid_request_error", "rate_limit")), CREATED)
    assert isinstance(outcome, NotExecuted)
    assert outcome.retry_after == 7.0
    assert "rate_limit" in outcome.reason
