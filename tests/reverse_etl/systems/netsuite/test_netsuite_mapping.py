"""What is sent to NetSuite is exact and always the same, and every answer means one of four things."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_installation import line
from ledger_stand_in import US
from netsuite_books import Books

from reverse_etl.errors import ConfigurationError, OutboxContractError
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Outcome, Rejected, Succeeded
from reverse_etl.systems.netsuite import MANIFEST, rendering
from reverse_etl.systems.netsuite.answers import outcome_of
from reverse_etl.systems.registry import open_system
from reverse_etl.transport import Answer

Install = Callable[..., Books]


def refusal(*details: tuple[str, str]) -> bytes:
    return json.dumps({"o:errorDetails": [{"o:errorCode": code, "detail": words} for code, words in details]}).encode()


def test_an_entry_is_rendered_to_the_digit(install: Install) -> None:
    own = install().installation
    document = own.entry("exact", 123456789012)
    stored = own.rendered(document)
    assert stored == own.rendered(document)
    sent = rendering.request(stored)
    assert (sent.method, sent.path, sent.query) == ("PUT", f"/services/rest/record/v1/journalEntry/eid:{document.reference}", (("replace", "line"),))
    assert sent.headers["X-NetSuite-PropertyNameValidation"] == "Error"
    assert (sent.body or b"").decode() == (
        '{"subsidiary":{"externalId":"northlight_us"},"currency":{"id":"3"},"exchangeRate":1,"tranDate":"2026-01-31",'
        f'"memo":"{document.reference} INV-exact Invoice issued","approved":true,"line":{{"items":['
        '{"account":{"externalId":"1100"},"debit":1234567890.12,"memo":"exact#receivable | API calls","entity":{"externalId":"northlight_us-C1"}},'
        '{"account":{"externalId":"4000"},"credit":1037452008.51,"memo":"exact#line:1 | API calls"},'
        '{"account":{"externalId":"2200"},"credit":197115881.61,"memo":"exact#tax | API calls"}]}}'
    )


def test_options_name_what_they_name(install: Install) -> None:
    entities = {US: {"currency": "1", "subsidiary": "7"}}
    own = install(
        entities=entities,
        account_codes={"1100": "58"},
        options={"accounts_by": "id", "customer_external_id": "CUST_{customer_id}", "approved": "false"},
    ).installation
    record = json.loads(own.rendered(own.entry("options", lines=(line("a", "1100", "debit", 5, customer_id="9"), line("b", "4", "credit", 5)))))[
        "record"
    ]
    assert (record["subsidiary"], record["currency"], "approved" in record) == ({"id": "7"}, {"id": "1"}, False)
    assert [item["account"] for item in record["line"]["items"]] == [{"id": "58"}, {"id": "4"}]
    assert record["line"]["items"][0]["entity"] == {"externalId": "CUST_9"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"customer_id": "C 1"}, "no external id for NetSuite"),
        ({"functional_currency": "KWD", "functional_exponent": 3, "currency": "KWD", "currency_exponent": 3}, "at most 2 decimals"),
    ],
)
def test_what_netsuite_cannot_hold_is_refused_before_it_is_sent(install: Install, changes: dict[str, Any], words: str) -> None:
    own = install().installation
    document = own.entry(
        "impossible", lines=(line("a", "1200", "debit", 5, customer_id=changes.pop("customer_id", None)), line("b", "4000", "credit", 5)), **changes
    )
    with pytest.raises(OutboxContractError, match=words):
        own.rendered(document)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"entities": {}}, "name the subsidiary and its currency"),
        ({"entities": {US: {}}}, "needs the option 'currency'"),
        ({"entities": {US: {"currency": "USD"}}}, "not an internal id"),
        ({"options": {"accounts_by": "name"}}, "accounts_by"),
        ({"options": {"approved": "maybe"}}, "options.approved"),
        ({"options": {"customer_external_id": "C"}}, "must hold"),
        ({"authorization": {"consumer_key": "k", "token_id": "t"}}, "authorization.realm"),
    ],
)
def test_settings_that_say_too_little_are_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    usual = {
        "url": "https://tstdrv1.suitetalk.api.netsuite.com",
        "authorization": {"realm": "TSTDRV1", "consumer_key": "k", "token_id": "t"},
        "entities": {US: {"currency": "1"}},
    }
    settings = Settings.model_validate({"home": tmp_path, "destinations": {"netsuite": usual | changes}})
    with pytest.raises(ConfigurationError, match=words):
        open_system(settings, "netsuite")


def test_the_manifest_resends_only_while_nobody_will_have_changed_an_entry() -> None:
    assert (MANIFEST.capability_class, MANIFEST.of("customer").capability_class) == ("A", "U")
    assert MANIFEST.key_retention - 2 * MANIFEST.send_deadline - MANIFEST.in_flight_bound == timedelta(minutes=3)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(204, {"location": "https://x.example/services/rest/record/v1/journalEntry/42"}, b""), Succeeded),
        (Answer(204, {}, b""), Ambiguous),
        (Answer(204, {"location": "https://x.example/services/rest/record/v1/journalEntry/new"}, b""), Ambiguous),
        (Answer(202, {"location": "/services/rest/async/v1/job/42"}, b""), Ambiguous),
        (Answer(400, {}, refusal(("USER_ERROR", "The amounts in a journal entry must balance."))), Rejected),
        (Answer(403, {}, refusal(("INSUFFICIENT_PERMISSION", "no"))), Rejected),
        (Answer(400, {}, refusal(("RCRD_HAS_BEEN_CHANGED", "again"))), NotExecuted),
        (Answer(429, {}, refusal(("CONCURRENCY_LIMIT_EXCEEDED", "blocked"))), NotExecuted),
        (Answer(503, {"retry-after": "5"}, b""), NotExecuted),
        (Answer(503, {}, b""), Ambiguous),
        (Answer(500, {}, refusal(("UNEXPECTED_ERROR", "An unexpected error occurred"))), Ambiguous),
        (Answer(400, {}, b"<html>Bad Request</html>"), Ambiguous),
        (Answer(408, {}, b""), Ambiguous),
    ],
)
def test_documented_answers_mean_what_is_documented(answer: Answer, expected: type[Outcome]) -> None:
    assert isinstance(outcome_of(answer), expected)


ERRORS = st.lists(st.fixed_dictionaries({}, optional={"o:errorCode": st.text() | st.none(), "detail": st.text() | st.integers()}), max_size=3)
BODIES = st.binary(max_size=200) | st.builds(lambda errors: json.dumps({"o:errorDetails": errors}).encode(), ERRORS | st.integers())


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["location", "retry-after"]), st.text(max_size=40)), BODIES)
def test_any_answer_means_one_of_four_things_and_success_only_a_named_record(status: int, headers: dict[str, str], body: bytes) -> None:
    outcome = outcome_of(Answer(status, headers, body))
    assert isinstance(outcome, Succeeded | NotExecuted | Rejected | Ambiguous)
    if isinstance(outcome, Succeeded):
        assert 200 <= status < 300
        assert outcome.remote_id.isdigit()
    if isinstance(outcome, Rejected):
        assert 400 <= status < 500
