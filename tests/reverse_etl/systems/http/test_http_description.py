"""A description is checked when it is read: what is wrong is named with its file and place; what it claims is its manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.documents import SealedDocument, idempotency_key
from reverse_etl.errors import ConfigurationError, OutboxContractError
from reverse_etl.settings import Settings
from reverse_etl.systems import check, open_system
from reverse_etl.systems.contract import FOREVER, Ambiguous, Call, Dependency, NotExecuted, Rejected, RenderContext, Succeeded
from reverse_etl.systems.http.loading import load_specification, manifest_of
from reverse_etl.systems.http.mapping import SpecifiedMapping
from reverse_etl.systems.http.specification import Specification
from reverse_etl.transport import Answer
from tests.reverse_etl.systems.tryton.tryton_documents import customer, entry, line, yen_entry

VOUCHERS = Path(__file__).with_name("vouchers.yaml")
CREATE = {"name": "create", "path": "/entries", "body": {"ref": "{reference}"}, "success": {"remote_id": "id"}}


def described(**journal_entry: Any) -> dict[str, Any]:
    return {"documents": {"journal_entry": {"calls": [CREATE]} | journal_entry}}


def with_call(**call: Any) -> dict[str, Any]:
    return described(calls=[CREATE | call])


def mapping(content: Mapping[str, Any]) -> SpecifiedMapping:
    specification = Specification.model_validate(content)
    return SpecifiedMapping(specification, "books.yaml", lambda entity: {"client": entity}, lambda entity, account: f"A{account}")


def rendered(content: Mapping[str, Any], document: SealedDocument, dependencies: Mapping[str, Dependency] | None = None) -> Any:
    return json.loads(mapping(content).render(RenderContext(document, {}, dependencies or {}), "create"))


def calls(content: Mapping[str, Any], *documents: SealedDocument) -> list[Call]:
    render = mapping(content).render
    return [Call(d, "create", 1, idempotency_key(d, "create", 1), render(RenderContext(d, {}, {}), "create")) for d in documents]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a", "expected a mapping, got list"),
        ("a: [", "cannot be read: while parsing"),
        ("{}", "documents: Field required"),
        (described(what=1), r"documents\.journal_entry\.what: Extra inputs are not permitted"),
        (with_call(success={}), r"documents\.journal_entry\.calls\.0\.success\.remote_id: Field required"),
        (with_call(body={"a": {"b": "{wrong.path}"}}), r"documents\.journal_entry\.create\.body\.a\.b: 'wrong\.path' does not begin with"),
        (with_call(body={"a": 1.5}), r"documents\.journal_entry\.create\.body\.a: 1\.5 is a binary floating point number"),
        (with_call(path="entries"), r"create\.path: 'entries' must begin with /"),
        (with_call(headers={"Authorization": "x"}), r"calls\.0\.headers: Authorization is not set by a description: state authorization"),
        (with_call(rejected=[{"path": "error"}]), r"calls\.0\.rejected\.0: a path goes with exactly one of is, in, contains, exists"),
        (with_call(rejected=[{}]), "state a status, or a header or path"),
        (with_call(identity={}), "state exactly one of header, field, query"),
        (with_call(duplicate={"when": [{"status": 409}]}), "duplicate needs a remote_id, or the document a look_up"),
        (with_call(batch={"reference": "ref"}, identity={"header": "K"}), r"in a batch the key can only travel as identity\.field"),
        (described() | {"capabilities": {"key_retention": "1h"}}, "key_retention promises a key, so every call needs an identity"),
        (described() | {"capabilities": {"key_retention": "soon"}}, r"capabilities\.key_retention: 'soon' is no duration; write 30s"),
        (described() | {"capabilities": {"look_up_lag": "1s"}}, "promises look-ups, but no document has a look_up"),
        (described() | {"limits": {"batch_size": 5}}, "no call has a batch"),
        (described() | {"read_back": {"path": "/x"}}, r"read_back needs documents\.journal_entry\.found"),
        (described(look_up={"path": "/x"}), "look_up needs found"),
        (described(update_calls=[CREATE]), "calls need different names, not create, create"),
        (with_call(query={"c": "{options.client}"}), r"destination books needs the option 'client': set it under destinations\.books\.options"),
        (described(calls=[CREATE, CREATE]), "calls need different names, not create, create"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_place(tmp_path: Path, content: Any, message: str) -> None:
    (tmp_path / "destinations").mkdir()
    path = tmp_path / "destinations" / "books.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    settings = Settings.model_validate({"home": tmp_path, "destinations": {"books": {"kind": "http", "url": "https://books.example"}}})
    with pytest.raises(ConfigurationError, match=message) as raised:
        open_system(settings, "books")
    assert str(raised.value).startswith((f"{path}: ", "destination books "))


def test_a_missing_description_says_where_it_belongs(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path, "destinations": {"books": {"kind": "http", "url": "https://books.example"}}})
    with pytest.raises(ConfigurationError, match=r"destinations/books\.yaml: not found"):
        open_system(settings, "books")


def test_a_description_declares_a_manifest_and_what_it_does_not_say_counts_as_absent() -> None:
    manifest = manifest_of(load_specification(VOUCHERS), "vouchers")
    assert (manifest.capability_class, manifest.key_retention, manifest.requests_per_second) == ("A", timedelta(hours=1), 500)
    assert manifest.of("customer").key_retention == FOREVER
    silent = manifest_of(Specification.model_validate(described()), "books")
    assert (silent.capability_class, silent.look_up_lag, silent.replays_errors, silent.requests_per_second) == ("C", None, True, None)


def test_checking_says_what_becomes_of_a_lost_answer_and_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "destinations").mkdir()
    (tmp_path / "destinations" / "vouchers.yaml").write_text(VOUCHERS.read_text())
    destination: dict[str, Any] = {"kind": "http", "url": "https://ledger.invalid", "secret_environment": "VOUCHERS_KEY"}
    destination["entities"] = {"northlight_us": {"client": "N1"}}
    settings = Settings.model_validate({"home": tmp_path, "destinations": {"vouchers": destination}})
    with pytest.raises(ConfigurationError, match="no secret for destination vouchers: set VOUCHERS_KEY"):
        check(settings, "vouchers")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "k").write_text("x")
    destination["secret_file"] = "secrets/k"
    lines = check(Settings.model_validate({"home": tmp_path, "destinations": {"vouchers": destination}}), "vouchers")
    assert lines == (
        "vouchers: kind http at https://ledger.invalid; 500 requests a second, 4 at once",
        "customer: class U; after a lost answer it is sent again",
        "journal_entry: class A; after a lost answer it is sent again within 1 h, then looked up after 1 min 1 s",
        f"described in {tmp_path}/destinations/vouchers.yaml",
        "customer: upsert (PUT /api/2/partners/{payload.customer_id})",
        "journal_entry: create (POST /api/2/vouchers), finish (POST /api/2/vouchers/{replies.create.no}/finish)",
    )


def test_the_example_of_the_documentation_can_be_read_and_claims_a_key() -> None:
    documentation = (Path(__file__).parents[4] / "docs" / "destinations.md").read_text()
    (example,) = [block for block in documentation.split("```yaml\n")[1:] if block.startswith("capabilities:")]
    content = yaml.safe_load(example.partition("```")[0])
    assert manifest_of(Specification.model_validate(content), "books").capability_class == "A"
    first = json.loads(rendered(content, entry())["body"])["lines"][0]
    assert (first["account"], first["amount"], first["memo"].partition("#")[2]) == ("A1100", 119, "receivable | API calls")


def test_headers_of_the_description_replace_the_usual_ones_whatever_their_case() -> None:
    content = with_call(headers={"content-type": "application/vnd.books+json"}) | {"headers": {"accept": "application/vnd.books+json"}}
    request = mapping(content).request(calls(content, entry()))
    assert request.headers == {"accept": "application/vnd.books+json", "content-type": "application/vnd.books+json"}


def test_a_value_never_adds_a_segment_to_a_path() -> None:
    content = with_call(path="/partners/{payload.source_number}/{document_number|default(x y)}")
    document = entry()
    assert rendered(content, document)["path"] == f"/partners/{document.payload['source_number']}/x%20y"
    for evil, path in (("../admin?x=1#y", "/partners/..%2Fadmin%3Fx=1%23y/x%20y"), ("é/\r\n", "/partners/%C3%A9%2F%0D%0A/x%20y")):
        changed = entry()
        changed.payload["source_number"] = evil  # type: ignore[index]
        assert rendered(content, changed)["path"] == path
    changed.payload["source_number"] = ".."  # type: ignore[index]
    with pytest.raises(OutboxContractError, match="a segment of the path is"):
        rendered(content, changed)


def test_accounts_and_second_currencies_are_those_of_the_destination() -> None:
    body = {"$each": "entry.lines", "$as": "line", "$do": ["{line.account}", "{line.signed_functional|number}", "{line.signed_amount|number}"]}
    assert json.loads(rendered(with_call(body=body), yen_entry())["body"]) == [["A1100", 10.01, 1500], ["A4000", -10.0, -1500], ["A7900", -0.01, 0]]


def test_what_a_document_depends_on_is_named_by_its_remote_id() -> None:
    document = entry(lines=(line("a", "1100", "debit", 1, customer_id="C1"), line("b", "4000", "credit", 1)))
    content = with_call(body="{entry.lines.0.customer_id|remote_id(customer)}")
    key = f"tryton/{document.entity}/customer/C1"
    assert rendered(content, document, {key: Dependency("17", {})})["body"] == '"17"'
    with pytest.raises(OutboxContractError, match=f"does not depend on {key}"):
        rendered(content, document)


def test_an_entry_that_does_not_balance_is_not_sent() -> None:
    document = entry(lines=(line("a", "1100", "debit", 2), line("b", "4000", "credit", 1)))
    (call,) = calls(with_call(), document)
    assert mapping(with_call()).refusal(call) == "it does not balance: debits 2 and credits 1 (minor units of the functional currency) differ"


@pytest.mark.parametrize(
    ("identity", "place"),
    [({"header": "Idempotency-Key"}, "headers"), ({"query": "requestid"}, "query"), ({"field": "meta.key"}, "body")],
)
def test_the_key_travels_where_it_is_said_to(identity: Mapping[str, str], place: str) -> None:
    content = with_call(identity=identity, body={"amount": "{payload.lines.0.amount_minor|decimal(2)|number}"})
    (call,) = calls(content, entry())
    assert call.idempotency_key.encode() not in call.request
    request = mapping(content).request([call])
    shown = {"headers": str(dict(request.headers)), "query": str(request.query), "body": (request.body or b"").decode()}
    assert [name for name, text in shown.items() if call.idempotency_key in text] == [place]
    assert request.body is not None
    assert b'"amount":119.00' in request.body


BATCH = {
    "path": "/batch",
    "body": {"entries": "{items}", "client": "{options.client}"},
    "results": "results",
    "reference": "ref",
    "status": "code",
}
BATCHED = {
    **with_call(identity={"field": "key"}, success={"status": [200, 201], "remote_id": "id", "reference": "ref"}, batch=BATCH),
    "limits": {"batch_size": 30},
    "rejected": [{"status": 422}],
}


def outcomes(content: Mapping[str, Any], sent: Sequence[Call], status: int, body: Any) -> list[Any]:
    found = mapping(content).outcomes(sent, Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode()))
    return [found.get(call.idempotency_key) for call in sent]


def test_the_results_of_a_batch_are_matched_by_reference() -> None:
    documents = [entry() for _ in range(5)]
    sent = calls(BATCHED, *documents)
    request = mapping(BATCHED).request(sent)
    assert request.path == "/batch"
    body = json.loads(request.body or b"")
    assert body["client"] == documents[0].entity
    assert [item["ref"] for item in body["entries"]] == [document.reference for document in documents]
    assert [item["key"] for item in body["entries"]] == [call.idempotency_key for call in sent]
    first, second, third, fourth, _ = (document.reference for document in documents)
    results = [
        {"ref": third, "code": 500, "id": "3"},
        {"ref": second, "code": "422", "why": "closed"},
        {"ref": first, "code": 201, "id": 1},
        {"ref": fourth, "code": 201, "id": 4},
        {"ref": fourth, "code": 201, "id": 5},
        {"ref": "TO-somebody", "code": 201, "id": 9},
    ]
    assert [type(outcome) for outcome in outcomes(BATCHED, sent, 200, {"results": results})] == [Succeeded, Rejected, Ambiguous, Ambiguous, Ambiguous]
    assert [type(outcome) for outcome in outcomes(BATCHED, sent, 422, {})] == [Ambiguous] * 5
    assert [type(outcome) for outcome in outcomes(BATCHED, sent, 429, {})] == [NotExecuted] * 5
    assert [type(outcome) for outcome in outcomes(BATCHED, sent[:1], 422, {})] == [Rejected]


SCALARS = st.none() | st.booleans() | st.text(max_size=5) | st.integers()
JSON_VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
KNOWN = st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "ref", "fault", "payload"), JSON_VALUES))


@given(status=st.integers(100, 599), body=st.binary(max_size=50) | KNOWN.map(lambda value: json.dumps(value).encode()))
def test_any_answer_gives_one_of_the_four_outcomes(status: int, body: bytes) -> None:
    (call,) = calls(with_call(), entry())
    (outcome,) = outcomes(with_call(rejected=[{"status": 400}, {"path": "fault.code", "exists": True}]), [call], status, body)
    assert isinstance(outcome, Succeeded | NotExecuted | Rejected | Ambiguous)
    if isinstance(outcome, Succeeded):
        assert status in (200, 201)


def test_a_success_must_show_our_reference_an_id_and_what_later_calls_need() -> None:
    content = with_call(success={"reference": "ref", "remote_id": "id", "reply": {"version": "v"}, "when": [{"path": "ok", "is": True}]})
    document = entry()
    sent = calls(content, document)
    good = {"ok": True, "ref": document.reference, "id": 7, "v": "1"}
    assert outcomes(content, sent, 200, good) == [Succeeded("7", {"version": "1"})]
    for damage in ({"ok": False}, {"ok": 1}, {"ref": "other"}, {"id": None}, {"id": ""}, {"v": None}):
        assert [type(outcome) for outcome in outcomes(content, sent, 200, good | damage)] == [Ambiguous]


def test_the_id_may_come_in_a_header() -> None:
    content = with_call(success={"status": 204, "remote_id": {"header": "Location", "last_segment": True}})
    (call,) = calls(content, entry())
    answer = Answer(204, {"location": "https://books.example/entries/17"}, b"")
    assert mapping(content).outcomes([call], answer) == {call.idempotency_key: Succeeded("17")}


def test_updates_may_have_calls_of_their_own() -> None:
    content = {"documents": {"customer": {"calls": [CREATE], "update_calls": [CREATE | {"name": "change", "method": "PATCH"}]}}}
    assert mapping(content).call_names(customer("C1")) == ("create",)
    assert mapping(content).call_names(customer("C1", revision=2)) == ("change",)
    with pytest.raises(OutboxContractError, match="takes customer, not journal_entry"):
        mapping(content).call_names(entry())
