"""Any answer gives each call at most one outcome, and only what Intuit documents as such is a refusal or proves that nothing was done."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.documents import SealedDocument, idempotency_key
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.contract import Ambiguous, Call, Dependency, NotExecuted, Outcome, Rejected, RenderContext, Succeeded
from reverse_etl.systems.quickbooks.classification import outcomes
from reverse_etl.systems.quickbooks.rendering import customer_id_of, display_name, render
from reverse_etl.transport import Answer

CUSTOMER_KEY = "quickbooks/us/customer/C1"


def sealed(name: str, lines: list[dict[str, Any]] | None = None, **payload: Any) -> SealedDocument:
    two = [_line(f"{name}#a", "1100", "debit", 1250), _line(f"{name}#b", "4000", "credit", 1250)]
    content = {"currency": "USD", "currency_exponent": 2, "functional_currency": "USD", "functional_exponent": 2, "lines": lines or two} | payload
    day = date(2026, 1, 31)
    return SealedDocument(
        position=1,
        system="quickbooks",
        entity="us",
        document_type="journal_entry",
        natural_id=name,
        business_key=f"quickbooks/us/journal_entry/{name}",
        revision=1,
        operation="create",
        number=None,
        document_date=day,
        posting_date=day,
        period="2026-01",
        currency="USD",
        total_minor=1250,
        depends_on=(CUSTOMER_KEY,),
        sensitivity="internal",
        cause="rating",
        content_hash="0" * 64,
        payload=content,
        correlation_id="c",
    )


def _line(key: str, account: str, side: str, minor: int) -> dict[str, Any]:
    return {"line_key": key, "account": account, "side": side, "functional_minor": minor, "amount_minor": minor, "customer_id": "C1"}


def rendered(document: SealedDocument) -> bytes:
    return render(RenderContext(document, {}, {CUSTOMER_KEY: Dependency("58", {})}), "create")


CALLS = [
    Call(document, "create", 1, idempotency_key(document, "create", 1), rendered(document)) for document in (sealed("J1"), sealed("J2"), sealed("J3"))
]
KEYS = [call.idempotency_key for call in CALLS]


def answer(content: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, content if isinstance(content, bytes) else json.dumps(content).encode())


def fault(code: str, kind: str = "ValidationFault") -> dict[str, Any]:
    return {"Error": [{"Message": "m", "Detail": "d", "code": code, "element": ""}], "type": kind}


def entry(call: Call, identifier: str = "7") -> dict[str, Any]:
    return {"JournalEntry": {"Id": identifier, "DocNumber": call.document.reference}}


def alone(content: Any, status: int = 200, **headers: str) -> Outcome:
    return outcomes(CALLS[:1], answer(content, status, **headers))[KEYS[0]]


def test_a_success_shows_our_number() -> None:
    assert alone(entry(CALLS[0])) == Succeeded("7", {"id": "7"})
    for content in (entry(CALLS[1]), {"JournalEntry": {"Id": "7"}}, {"Customer": {"Id": "7"}}, {}, [], b"<html>", b"\xff"):
        assert isinstance(alone(content), Ambiguous)


@pytest.mark.parametrize("code", ["610", "2010", "2020", "2170", "2500", "6000", "6140", "6210", "6240"])
def test_a_validation_fault_is_a_refusal(code: str) -> None:
    assert isinstance(alone({"Fault": fault(code)}, 400), Rejected)
    assert isinstance(alone({"Fault": fault(code)}), Rejected), "Intuit may answer 200 with a fault"


@pytest.mark.parametrize(
    ("code", "kind"), [("10000", "SystemFault"), ("6000", "SystemFault"), ("nonsense", "ValidationFault"), ("", "ValidationFault")]
)
def test_any_other_fault_proves_nothing(code: str, kind: str) -> None:
    assert isinstance(alone({"Fault": fault(code, kind)}, 400), Ambiguous)


@pytest.mark.parametrize(
    ("status", "content", "pause"),
    [
        (429, {"Fault": fault("3001", "SERVICE")}, 60.0),
        (403, {"Fault": fault("3100", "AUTHENTICATION")}, None),
        (403, {"fault": {"error": [{"message": "m", "detail": "d", "code": "3100"}], "type": "AUTHENTICATION"}}, None),
        (400, {"Fault": fault("5010")}, None),
        (400, {"Fault": fault("6190")}, None),
    ],
)
def test_what_was_proven_not_to_be_executed_is_sent_again(status: int, content: Any, pause: float | None) -> None:
    outcome = alone(content, status)
    assert isinstance(outcome, NotExecuted)
    assert outcome.retry_after == pause


def test_a_pause_that_is_told_is_kept() -> None:
    assert alone(b"", 503, **{"retry-after": "7"}) == NotExecuted("HTTP 503", 7.0)
    for status in (500, 502, 503, 504, 408, 409, 404, 403):
        assert isinstance(alone(b"<html>", status), Ambiguous)


def test_items_of_a_batch_are_told_apart_by_their_ids_alone() -> None:
    items = [{"bId": KEYS[1], "Fault": fault("6000")}, {"bId": KEYS[0], **entry(CALLS[0], "9")}, {"bId": "somebody else's", **entry(CALLS[2])}]
    told = outcomes(CALLS, answer({"BatchItemResponse": items}))
    assert told[KEYS[0]] == Succeeded("9", {"id": "9"})
    assert isinstance(told[KEYS[1]], Rejected)
    assert KEYS[2] not in told, "the frame takes a missing one for ambiguous"
    twice = [{"bId": KEYS[0], **entry(CALLS[0])}] * 2
    assert isinstance(outcomes(CALLS, answer({"BatchItemResponse": twice}))[KEYS[0]], Ambiguous)
    swapped = [{"bId": KEYS[0], **entry(CALLS[1])}]
    assert isinstance(outcomes(CALLS, answer({"BatchItemResponse": swapped}))[KEYS[0]], Ambiguous)


def test_a_refusal_of_the_whole_batch_refuses_none_of_its_documents() -> None:
    told = outcomes(CALLS, answer({"Fault": fault("2010")}, 400))
    assert {type(outcome) for outcome in told.values()} == {NotExecuted}


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([*KEYS, "6000", "ValidationFault"])
NAMES = st.sampled_from(["Fault", "Error", "code", "type", "bId", "BatchItemResponse", "JournalEntry", "Id", "DocNumber"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)


@given(st.integers(200, 599).filter(lambda status: status != 401), JSON | st.binary(max_size=60), st.sampled_from([1, 3]))
def test_any_answer_at_all_gives_outcomes(status: int, content: Any, size: int) -> None:
    told = outcomes(CALLS[:size], answer(content, status))
    assert set(told) <= set(KEYS[:size])
    for outcome in told.values():
        assert isinstance(outcome, Succeeded | NotExecuted | Rejected | Ambiguous)
        assert not isinstance(outcome, Succeeded) or status == 200


def test_a_request_is_the_same_every_time_and_holds_ids_of_customers_only() -> None:
    request = json.loads(rendered(sealed("J1")))
    assert rendered(sealed("J1")) == rendered(sealed("J1"))
    assert request["record"]["number"] == sealed("J1").reference
    assert [line["account"] for line in request["record"]["lines"]] == ["1100", "4000"]
    assert {line["customer"] for line in request["record"]["lines"]} == {"58"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"lines": [_line("a", "1100", "debit", 100), _line("b", "4000", "credit", 99)]}, "does not balance"),
        ({"lines": [_line("a", "1100", "debit", -100), _line("b", "4000", "credit", -100)]}, "below zero"),
        ({"functional_currency": "KWD", "functional_exponent": 3}, "KWD has 3"),
    ],
)
def test_what_quickbooks_cannot_carry_exactly_is_refused_before_it_is_sent(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(OutboxContractError, match=words):
        rendered(sealed("J1", **wrong))


@given(st.text(max_size=130), st.text("ABC0123-_. é'", min_size=1, max_size=20).filter(lambda text: text == " ".join(text.split())))
def test_a_customer_is_known_by_the_end_of_its_name(name: str, customer_id: str) -> None:
    shown = display_name(name, customer_id)
    assert customer_id_of(shown) == customer_id
    assert len(shown) <= 100
    assert not set(shown) & set(":\t\n\r")
