"""The frame: whatever a server answers and a mapping stumbles over, each call has one of the four outcomes, and no secret gets out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reverse_etl.documents import SealedDocument, idempotency_key
from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import (
    Ambiguous,
    Call,
    Manifest,
    NotExecuted,
    Outcome,
    Rejected,
    RemoteDocument,
    RenderContext,
    Succeeded,
)
from reverse_etl.systems.http_system import HttpMapping, HttpRequest, HttpSystem, Reading, open_http_system, usual_outcome
from reverse_etl.transport import Answer
from tests.reverse_etl.systems.tryton.tryton_documents import entry
from tests.reverse_etl.transport.scripted_server import ScriptedServer, answering, serving
from tests.reverse_etl.transport.token_endpoint import CLIENT_SECRET, token_endpoint

KEY = "sk_live_very_secret"
MANIFEST = Manifest(
    system="books",
    key_retention=timedelta(0),
    look_up_lag=timedelta(0),
    send_deadline=timedelta(seconds=60),
    in_flight_bound=timedelta(0),
    replays_errors=False,
    requests_per_second=None,
    concurrency=2,
    batch_size=10,
    document_types=("journal_entry",),
)


class Books(HttpMapping):
    """A small API: a batch answers with a list of items that name our reference."""

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return ("create",)

    def render(self, context: RenderContext, call: str) -> bytes:
        return json.dumps({"reference": context.document.reference}).encode()

    def refusal(self, call: Call) -> str | None:
        return "it is empty" if call.request == b"{}" else None

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        items = [json.loads(call.request) for call in calls]
        return HttpRequest("POST", "/entries", body=json.dumps(items).encode(), headers={"Content-Type": "application/json"})

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        usual = usual_outcome(answer)
        if usual is not None or answer.status != 200:
            return {call.idempotency_key: usual or Ambiguous(answer.shown()) for call in calls}
        items = {item["reference"]: item for item in answer.content()}
        return {call.idempotency_key: Succeeded(items[call.document.reference]["id"]) for call in calls if call.document.reference in items}

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        yield from self.pages()
        return {}

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        return ()

    def read_back(self, entity: str, period: str) -> Reading[list[tuple[str, Mapping[str, Any]]]]:
        pages = yield from self.pages()
        return [("raw.ledger_moves", item) for item in pages]

    def ping(self) -> Reading[None]:
        yield from self.pages()

    def pages(self) -> Reading[list[dict[str, Any]]]:
        items: list[dict[str, Any]] = []
        path: str | None = "/entries"
        while path:
            answer = yield HttpRequest("GET", path)
            if answer.status != 200:
                raise DestinationError(answer.shown())
            content = answer.content()
            items += content["items"]
            path = content["next"]
        return items


def system(url: str, home: Path, **destination: Any) -> HttpSystem:
    (home / "secrets").mkdir(exist_ok=True)
    (home / "secrets" / "books_secret").write_text(KEY)
    (home / "secrets" / "books_client_secret").write_text(CLIENT_SECRET)
    settings = Settings.model_validate({"home": home, "destinations": {"books": {"authorization": {"method": "bearer"}} | destination}})
    return open_http_system(settings, "books", MANIFEST, Books(), url)


def calls(*documents: SealedDocument) -> list[Call]:
    request = json.dumps
    return [Call(d, "create", 1, idempotency_key(d, "create", 1), request({"reference": d.reference}).encode()) for d in documents]


@contextmanager
def replying(*answers: tuple[int, Any, str]) -> Iterator[ScriptedServer]:
    with serving(answering(*((status, json.dumps(body).encode(), headers) for status, body, headers in answers))) as server:
        yield server


def test_the_items_of_a_batch_are_matched_by_reference_and_what_is_missing_is_ambiguous(tmp_path: Path) -> None:
    first, second, third = entry(), entry(), entry()
    answer = [{"reference": third.reference, "id": "3"}, {"reference": first.reference, "id": "1"}]
    with replying((200, answer, "")) as server:
        sent = calls(first, second, third)
        outcomes = system(server.url, tmp_path).send(sent)
        assert [type(outcomes[call.idempotency_key]) for call in sent] == [Succeeded, Ambiguous, Succeeded]
        assert outcomes[sent[0].idempotency_key] == Succeeded("1")
        assert len(server.requests) == 1
        assert f"Authorization: Bearer {KEY}".encode() in server.requests[0]


def test_a_refused_call_stays_and_the_others_go(tmp_path: Path) -> None:
    good, bad = calls(entry(), entry())
    bad = Call(bad.document, bad.name, 1, bad.idempotency_key, b"{}")
    with replying((200, [{"reference": good.document.reference, "id": "1"}], "")) as server:
        outcomes = system(server.url, tmp_path).send([good, bad])
        assert outcomes == {good.idempotency_key: Succeeded("1"), bad.idempotency_key: Rejected("not sent: it is empty")}
        assert bad.document.reference.encode() not in server.requests[0]


def test_a_stored_request_that_cannot_be_read_is_rejected_and_nothing_is_sent(tmp_path: Path) -> None:
    (call,) = calls(entry())
    with replying((200, [], "")) as server:
        (outcome,) = system(server.url, tmp_path).send([Call(call.document, call.name, 1, call.idempotency_key, b"\xff")]).values()
        assert isinstance(outcome, Rejected)
        assert server.connections == 0


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (302, "Location: /elsewhere\r\n", Ambiguous),
        (401, "", NotExecuted),
        (429, "Retry-After: 7\r\n", NotExecuted),
        (503, "Retry-After: 7\r\n", NotExecuted),
        (503, "", Ambiguous),
        (500, "", Ambiguous),
        (200, "", Ambiguous),
    ],
)
def test_every_status_has_an_outcome(tmp_path: Path, status: int, headers: str, kind: type) -> None:
    with replying((status, {"unexpected": 1}, headers)) as server:
        (outcome,) = system(server.url, tmp_path).send(calls(entry())).values()
        assert isinstance(outcome, kind)
        assert len(server.requests) == 1
        if isinstance(outcome, NotExecuted) and status != 401:
            assert outcome.retry_after == 7


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(status=st.integers(200, 599), body=st.binary(max_size=200) | st.sampled_from([b"[{}]", b"[1]", b"{}", b"null", b'[{"reference":[]}]']))
def test_any_answer_gives_one_of_the_four_outcomes(tmp_path: Path, status: int, body: bytes) -> None:
    sent = calls(entry(), entry())
    with serving(answering((status, body, ""))) as server:
        outcomes = system(server.url, tmp_path).send(sent)
    assert set(outcomes) == {call.idempotency_key for call in sent}
    assert all(isinstance(outcome, Succeeded | NotExecuted | Rejected | Ambiguous) for outcome in outcomes.values())


def test_a_server_that_repeats_the_key_is_not_quoted(tmp_path: Path) -> None:
    with replying((400, {"error": f"bad key {KEY}"}, "")) as server:
        (outcome,) = system(server.url, tmp_path).send(calls(entry())).values()
        assert isinstance(outcome, Ambiguous)
        assert "bad key ***" in outcome.reason
        with pytest.raises(DestinationError) as raised:
            system(server.url, tmp_path).ping()
        assert KEY not in str(raised.value)


def test_an_expired_token_is_renewed_once_and_the_same_bytes_are_sent_again(tmp_path: Path) -> None:
    with token_endpoint() as endpoint:
        authorization = {"method": "client_credentials", "client_id": "client", "token_url": f"{endpoint.url}/token"}
        books = system(endpoint.url, tmp_path, authorization=authorization)
        books.send(calls(entry()))
        endpoint.valid.clear()
        books.send(calls(entry()))
        assert [header for _, header in endpoint.calls] == ["Bearer access-1", "Bearer access-1", "Bearer access-2"]


def test_a_token_that_is_never_accepted_proves_that_nothing_was_executed(tmp_path: Path) -> None:
    with token_endpoint() as endpoint, replying((401, {}, "")) as server:
        authorization = {"method": "client_credentials", "client_id": "client", "token_url": f"{endpoint.url}/token"}
        (outcome,) = system(server.url, tmp_path, authorization=authorization).send(calls(entry())).values()
        assert isinstance(outcome, NotExecuted)
        assert "check the destination's secrets" in outcome.reason
        assert (len(server.requests), len(endpoint.asked)) == (2, 2)


def test_pages_are_walked_and_a_next_page_on_another_host_is_refused(tmp_path: Path) -> None:
    with replying((200, {"items": [{"a": 1}], "next": "/entries?page=2"}, ""), (200, {"items": [{"a": 2}], "next": None}, "")) as server:
        assert list(system(server.url, tmp_path).read_back("us", "2026-01")) == [("raw.ledger_moves", {"a": 1}), ("raw.ledger_moves", {"a": 2})]
        assert server.requests[1].startswith(b"GET /entries?page=2 ")
    for elsewhere in ("https://evil.example/entries", "//evil.example/entries", "relative"):
        with (
            replying((200, {"items": [], "next": elsewhere}, "")) as server,
            pytest.raises(DestinationError, match=r"books: read back: "),
        ):
            list(system(server.url, tmp_path).read_back("us", "2026-01"))


def test_an_answer_that_is_not_as_documented_is_a_destination_that_could_not_be_read(tmp_path: Path) -> None:
    with replying((200, ["surprise"], "")) as server, pytest.raises(DestinationError, match="books: look up: an answer is not as documented"):
        system(server.url, tmp_path).look_up([entry()], {})
    with replying((401, {}, "")) as server, pytest.raises(DestinationError, match="refuses the authorization"):
        system(server.url, tmp_path).ping()


def test_a_url_that_is_none_is_refused_when_the_destination_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"destination books: http://books\.example would send the key in clear"):
        system("http://books.example", tmp_path)
