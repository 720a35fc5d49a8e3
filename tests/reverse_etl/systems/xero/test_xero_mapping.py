"""What is sent to Xero is exact and always the same, and every answer means one of four things for each document."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_installation import Installation, line
from ledger_stand_in import US
from xero_books import Books

from reverse_etl.documents import SealedDocument, idempotency_key
from reverse_etl.errors import ConfigurationError, OutboxContractError
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Ambiguous, Call, NotExecuted, Outcome, Rejected, Succeeded
from reverse_etl.systems.registry import open_system
from reverse_etl.systems.xero.answers import outcomes_of
from reverse_etl.transport import Answer

Install = Callable[..., Books]
SAVED = "5a2b3c4d-0000-4000-8000-000000000001"
NOTHING = "00000000-0000-0000-0000-000000000000"


def calls_of(own: Installation, documents: Sequence[SealedDocument]) -> list[Call]:
    return [Call(document, "create", 0, idempotency_key(document, "create", 0), own.rendered(document)) for document in documents]


def answered(status: int, *elements: dict[str, Any], **headers: str) -> Answer:
    return Answer(status, headers, json.dumps({"ManualJournals": list(elements)}).encode())


def test_a_batch_is_rendered_to_the_digit(install: Install) -> None:
    books = install(options={"link": "https://books.example/{reference}", "tax_type": "BASEXCLUDED"})
    own = books.installation
    document = own.entry("exact", 123456789012)
    stored = own.rendered(document)
    assert stored.decode() == (
        f'{{"Narration":"{document.reference} INV-exact Invoice issued","Date":"2026-01-31","Status":"POSTED","LineAmountTypes":"NoTax",'
        f'"Url":"https://books.example/{document.reference}","JournalLines":['
        '{"LineAmount":1234567890.12,"AccountCode":"RECEIVABLE","TaxType":"BASEXCLUDED","Description":"exact#receivable | [for C1] API calls"},'
        '{"LineAmount":-1037452008.51,"AccountCode":"4000","TaxType":"BASEXCLUDED","Description":"exact#line:1 | API calls"},'
        '{"LineAmount":-197115881.61,"AccountCode":"2200","TaxType":"BASEXCLUDED","Description":"exact#tax | API calls"}]}'
    )
    calls = calls_of(own, [document, own.entry("second")])
    mapping = own.open().mapping
    sent, again = mapping.request(calls), mapping.request(calls)
    assert sent == again
    assert (sent.method, sent.path, sent.query) == ("PUT", "/api.xro/2.0/ManualJournals", (("summarizeErrors", "false"),))
    assert (sent.body or b"").startswith(b'{"ManualJournals":[' + stored + b",")
    assert sent.headers["Xero-Tenant-Id"] == books.tenants[US]
    # A key of its own for each request, never longer than Xero takes.
    alone = mapping.request(calls[:1]).headers["Idempotency-Key"]
    assert (alone, len(sent.headers["Idempotency-Key"])) == (calls[0].idempotency_key, 64)
    assert mapping.request(calls[::-1]).headers["Idempotency-Key"] != sent.headers["Idempotency-Key"]


def test_what_xero_cannot_hold_is_refused_before_it_is_sent(install: Install) -> None:
    own = install().installation
    dinars = {"functional_currency": "KWD", "functional_exponent": 3, "currency": "KWD", "currency_exponent": 3}
    with pytest.raises(OutboxContractError, match="2 decimals"):
        own.rendered(own.entry("dinars", lines=(line("a", "1200", "debit", 5), line("b", "4000", "credit", 5)), **dinars))
    with pytest.raises(OutboxContractError, match="at most 50 characters"):
        own.rendered(own.customer("C" * 51))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"entities": {}}, "name the organisation of each entity"),
        ({"entities": {US: {}}}, "needs the option 'tenant'"),
        ({"options": {"link": "books.example"}}, "options.link"),
        ({"authorization": {}}, "client_id"),
    ],
)
def test_settings_that_say_too_little_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str) -> None:
    monkeypatch.setenv("XERO_CLIENT_SECRET", "secret")
    monkeypatch.setenv("XERO_REFRESH_TOKEN", "token")
    usual = {"url": "https://api.xero.com", "authorization": {"client_id": "app"}, "entities": {US: {"tenant": "t"}}}
    settings = Settings.model_validate({"home": tmp_path, "destinations": {"xero": usual | changes}})
    with pytest.raises(ConfigurationError, match=words):
        open_system(settings, "xero")


def test_each_element_of_an_answer_is_matched_by_its_reference(install: Install) -> None:
    own = install().installation
    documents = [own.entry(name) for name in ("saved", "refused", "missing", "odd", "double")]
    calls = calls_of(own, documents)
    narrations = [f"{document.reference} words" for document in documents]
    found = outcomes_of(
        calls,
        answered(
            200,
            {"Narration": narrations[4], "ManualJournalID": SAVED},
            {"Narration": narrations[4], "ManualJournalID": SAVED},
            {"Narration": narrations[3], "ManualJournalID": SAVED, "ValidationErrors": [{"Message": "no"}]},
            {"Narration": narrations[1], "ManualJournalID": NOTHING, "StatusAttributeString": "ERROR", "ValidationErrors": [{"Message": "Locked"}]},
            {"Narration": narrations[0], "ManualJournalID": SAVED, "StatusAttributeString": "OK"},
            {"Narration": f"Reversal: {narrations[2]}", "ManualJournalID": SAVED},
        ),
    )
    by_name = {call.document.natural_id: found.get(call.idempotency_key) for call in calls}
    assert by_name["saved"] == Succeeded(SAVED, {"remote_id": SAVED})
    assert by_name["refused"] == Rejected("Xero refuses: Locked")
    assert by_name["missing"] is None
    assert isinstance(by_name["odd"], Ambiguous)
    assert isinstance(by_name["double"], Ambiguous)


def api_error(kind: str, message: str) -> bytes:
    return json.dumps({"ErrorNumber": 10, "Type": kind, "Message": message, "Elements": [{"ValidationErrors": [{"Message": "why"}]}]}).encode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(400, {}, api_error("ValidationException", "A validation exception occurred")), Rejected),
        (Answer(400, {}, api_error("PostDataInvalidException", "JSON for post data was invalid")), Rejected),
        (Answer(400, {}, api_error("IdempotencyKeyException", "Idempotency Key k is used with a different request.")), Ambiguous),
        (Answer(400, {}, b"<html>"), Ambiguous),
        (Answer(403, {}, b"{}"), NotExecuted),
        (Answer(404, {}, b"{}"), Ambiguous),
        (Answer(429, {"retry-after": "30", "x-rate-limit-problem": "minute"}, b"{}"), NotExecuted),
        (Answer(500, {}, b"{}"), Ambiguous),
        (Answer(503, {}, b"{}"), Ambiguous),
        (Answer(200, {}, b"not json"), type(None)),
    ],
)
def test_documented_answers_mean_what_is_documented(install: Install, answer: Answer, expected: type[Outcome]) -> None:
    own = install().installation
    calls = calls_of(own, [own.entry("one"), own.entry("two")])
    found = outcomes_of(calls, answer)
    assert [type(found.get(call.idempotency_key)) for call in calls] == [expected, expected]


MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "Narration": st.text(max_size=30) | st.none(),
    "ManualJournalID": st.sampled_from([SAVED, NOTHING, ""]) | st.integers(),
    "StatusAttributeString": st.sampled_from(["OK", "ERROR"]),
    "HasErrors": st.booleans() | st.integers(),
    "ValidationErrors": st.lists(st.dictionaries(st.sampled_from(["Message", "Description"]), st.text() | st.integers())) | st.integers(),
}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data(), status=st.sampled_from([200, 201, 400, 403, 404, 409, 429, 500]))
def test_any_answer_means_one_of_four_things(data: st.DataObject, status: int) -> None:
    document = SealedDocument.__new__(SealedDocument)
    for name, value in {"business_key": "xero/e/journal_entry/1", "revision": 1, "payload": {}, "document_type": "journal_entry"}.items():
        object.__setattr__(document, name, value)
    call = Call(document, "create", 0, "key", b"")
    member = (
        st.fixed_dictionaries({}, optional=MEMBERS)
        | st.fixed_dictionaries({**MEMBERS, "Narration": st.just(f"{document.reference} x")})
        | st.integers()
    )
    body = data.draw(st.binary(max_size=100) | st.builds(lambda items: json.dumps({"ManualJournals": items}).encode(), st.lists(member, max_size=3)))
    found = outcomes_of([call], Answer(status, {}, body))
    assert set(found) <= {"key"}
    for outcome in found.values():
        assert isinstance(outcome, Succeeded | NotExecuted | Rejected | Ambiguous)
        if isinstance(outcome, Succeeded):
            assert (status, outcome.remote_id) == (200, SAVED)
