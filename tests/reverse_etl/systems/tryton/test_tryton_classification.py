"""The classifier is total, and believes nothing that is not proven."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected
from reverse_etl.systems.tryton.classification import Answered, SessionExpired, classify_answer

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "result", "error", "x"]), inner, max_size=4),
    max_leaves=12,
)
bodies = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode())


@given(status=st.integers(100, 999), retry_after=st.none() | st.text(max_size=8), body=bodies)
def test_any_answer_gives_one_verdict_and_only_a_200_with_a_result_counts_as_done(status: int, retry_after: str | None, body: bytes) -> None:
    verdict = classify_answer(status, {} if retry_after is None else {"retry-after": retry_after}, body)

    assert isinstance(verdict, Answered | SessionExpired | NotExecuted | Rejected | Ambiguous)
    if isinstance(verdict, Answered):
        content = json.loads(body)
        assert status == 200
        assert "error" not in content
        assert verdict.result == content["result"] or verdict.result != verdict.result or repr(verdict.result) == repr(content["result"])


@given(status=st.integers(500, 599), body=bodies)
def test_a_server_error_proves_nothing_without_a_lock_or_a_retry_after(status: int, body: bytes) -> None:
    if b"database is locked" not in body:
        assert isinstance(classify_answer(status, {}, body), Ambiguous)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"id": 0, "error": ["UserError", ["The period is closed.", "", None]]}, Rejected("Tryton refuses: The period is closed.")),
        ({"id": 0, "error": ["UserWarning", ["name", "Sure?", ""]]}, Rejected("Tryton refuses: name - Sure?")),
        ({"id": 0, "error": ["ConcurrencyException", "Somebody was quicker"]}, NotExecuted("Tryton rolled back: Somebody was quicker")),
        ({"id": 0, "error": ["database is locked", ""]}, NotExecuted("Tryton rolled back: database is locked")),
        ({"id": 0, "error": ["'NoneType' object has no attribute 'x'", ""]}, Ambiguous("Tryton failed: 'NoneType' object has no attribute 'x'")),
        ({"id": 0, "error": []}, Ambiguous("Tryton failed: (no reason)")),
        ({"id": 0, "result": [1, 2]}, Answered([1, 2])),
        ({"id": 0, "result": None}, Answered(None)),
    ],
)
def test_errors_inside_an_answer_of_status_200(content: object, expected: object) -> None:
    assert classify_answer(200, {}, json.dumps(content).encode()) == expected


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (401, {}, b"", SessionExpired),
        (403, {}, b"", Rejected),
        (422, {}, b"", Rejected),
        (404, {}, b"", NotExecuted),
        (429, {"retry-after": "3"}, b"", NotExecuted),
        (503, {}, b"<p>database is locked</p>", NotExecuted),
        (503, {"retry-after": "3"}, b"", NotExecuted),
        (503, {}, b"disk I/O error", Ambiguous),
        (302, {"location": "http://elsewhere"}, b"", Ambiguous),
        (504, {}, b"", Ambiguous),
        (200, {}, b'{"id": 0, "res', Ambiguous),
        (200, {}, b"<html>a proxy's page</html>", Ambiguous),
    ],
)
def test_what_each_status_proves(status: int, headers: dict[str, str], body: bytes, expected: type) -> None:
    assert type(classify_answer(status, headers, body)) is expected
