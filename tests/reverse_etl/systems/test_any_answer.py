"""Whatever bytes a server sends back, a posting gets one of four outcomes and a look-up its answer or a typed error: never a crash, never a lie."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from any_answer_server import AnyAnswer, any_answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverse_etl.conformance import Specimens
from reverse_etl.conformance.rehearsal import Rehearsal
from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.settings import Settings
from reverse_etl.systems import kinds, open_system
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected, Succeeded, System
from reverse_etl.systems.quickbooks.companies import Company
from reverse_etl.systems.quickbooks.system import QuickBooks
from reverse_etl.systems.tryton import Tryton
from reverse_etl.transport import exchange

BEARER = {"authorization": {"method": "bearer"}}
# What each kind needs to be told; a new kind is missing here until it is added.
DESTINATIONS: dict[str, dict[str, Any]] = {
    "http": {"options": {"client": "1"}},
    "netsuite": {**BEARER, "entities": {"acme": {"currency": "1"}}},
    "quickbooks": {**BEARER, "options": {"realm": "1"}},
    "stripe": {},
    "tryton": {"username": "admin", "database": "erp"},
    "xero": {**BEARER, "entities": {"acme": {"tenant": "1"}}},
}
DESCRIPTION = Path(__file__).parent / "http" / "vouchers.yaml"
WORDS = (
    "result",
    "error",
    "id",
    "data",
    "has_more",
    "object",
    "customer",
    "status",
    "errors",
    "detail",
    "o:errorDetails",
    "o:errorCode",
    "items",
    "links",
    "href",
    "Fault",
    "Error",
    "code",
    "Message",
    "JournalEntry",
    "Id",
    "SyncToken",
    "BatchItemResponse",
    "bId",
    "QueryResponse",
    "DocNumber",
    "ManualJournals",
    "ManualJournalID",
    "HasErrors",
    "ValidationErrors",
    "Status",
    "StatusAttributeString",
    "count",
    "hasMore",
    "offset",
    "totalResults",
    "metadata",
    "tieout_reference",
    "type",
    "message",
    "records",
    "done",
    "fault",
    "payload",
    "voucher",
    "externalNo",
)
TEXTS = st.sampled_from(["", "1", "TO-0000000000000000", "posted", "POSTED", "OK", "ERROR", "NaN", "9" * 40, "\x00", "2026-01-31", "/Date(1/)"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)
BROKEN = (b"", b"{", b"[" * 5000, b'{"result":', b"\xef\xbb\xbf{}", b"<html><body>Bad gateway</body></html>", b"null", b'"' + b"x" * 70000 + b'"')
BODIES = st.one_of(VALUES.map(lambda value: json.dumps(value).encode()), st.binary(max_size=200), st.sampled_from(BROKEN))
REFUSALS = (400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 425, 429, 500, 502, 503, 504)
STATUSES = st.sampled_from([200, 200, 200, 201, 202, 204, 206, 301, 302, 307, *REFUSALS, 100, 599, 999])
HEADERS = st.lists(
    st.sampled_from(
        [
            b"Retry-After: 0",
            b"Retry-After: soon",
            b"Retry-After: -1",
            b"Retry-After: Wed, 21 Oct 2015 07:28:00 GMT",
            b"Location: http://169.254.169.254/latest/meta-data",
            b"Location: /services/rest/record/v1/journalEntry/1",
            b"Content-Encoding: gzip",
            b"Content-Type: application/json",
            b"Idempotent-Replayed: true",
            b"X-Rate-Limit-Problem: day",
            b"Set-Cookie: \xff\xfe",
            b"Transfer-Encoding: chunked",
            b"Content-Length: 3",
        ]
    ),
    max_size=3,
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Mostly an HTTP answer, sometimes what is none."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=100))
    body, headers = draw(BODIES), draw(HEADERS)
    if not any(header.startswith((b"Content-Length", b"Transfer-Encoding")) for header in headers):
        headers = [*headers, b"Content-Length: %d" % len(body)]
    return b"HTTP/1.1 %d Whatever\r\n" % draw(STATUSES) + b"".join(header + b"\r\n" for header in headers) + b"Connection: close\r\n\r\n" + body


@dataclass(frozen=True)
class Asked:
    """One destination of each kind at the server, and a document of each type that it takes."""

    server: AnyAnswer
    system: System
    documents: tuple[SealedDocument, ...]


@pytest.fixture(scope="module", params=kinds())
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    kind = request.param
    home = tmp_path_factory.mktemp(kind)
    (home / "destinations").mkdir()
    shutil.copy(DESCRIPTION, home / "destinations" / "http.yaml")
    (home / "secrets").mkdir()
    (home / "secrets" / "key").write_text("a secret that no answer may show")
    # What is read again is read at once.
    patch = pytest.MonkeyPatch()
    patch.setattr(exchange, "FIRST_PAUSE_SECONDS", 0.0)
    with any_answer() as server:
        destination = {"url": server.url, "secret_file": "secrets/key", "send_deadline_seconds": 60, **DESTINATIONS[kind]}
        installation = Settings.model_validate({"home": home, "entities": ["acme"], "destinations": {kind: destination}})
        system = open_system(installation, kind)
        if isinstance(system, QuickBooks):
            # What it reads before it sends; Tryton's classification is fuzzed where it is specified.
            company = Company("acme", "1", "USD", {"1000": "1", "4000": "2"}, {"1": "1000", "2": "4000"})
            system.mapping = replace(system.mapping, companies={"acme": company})
        specimens = Specimens(kind, "acme", "fuzz", date(2026, 1, 31), debit_account="1000", credit_account="4000")
        types = [name for name in ("customer", "journal_entry") if name in system.manifest.document_types]
        yield Asked(server, system, tuple(specimens.of(name, "one") for name in types))
    patch.undo()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(answer=answers())
def test_every_answer_gives_one_of_four_outcomes(asked: Asked, answer: bytes) -> None:
    asked.server.answer = answer
    for document in asked.documents:
        call = Rehearsal(asked.system).call(document, asked.system.call_names(document)[0])

        outcomes = asked.system.send([call])

        assert set(outcomes) <= {call.idempotency_key}
        outcome = outcomes.get(call.idempotency_key, Ambiguous("missing"))
        assert isinstance(outcome, Succeeded | NotExecuted | Rejected | Ambiguous)
        assert "a secret that no answer may show" not in str(outcome)
        # Only an answer that was complete and said so may count as success.
        assert not isinstance(outcome, Succeeded) or answer.startswith(b"HTTP/1.1 20")


@settings(max_examples=75, deadline=None, suppress_health_check=list(HealthCheck))
@given(answer=answers())
def test_every_answer_to_a_look_up_is_read_or_refused(asked: Asked, answer: bytes) -> None:
    asked.server.answer = answer
    for document in asked.documents:
        with suppress(DestinationError):
            assert set(asked.system.look_up([document], {})) <= {document.reference}


def test_a_call_whose_time_to_leave_is_over_by_a_deadline_is_not_sent(asked: Asked) -> None:
    """A process that was stopped between its turn and its request must not send what its write-ahead no longer covers."""
    asked.server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    for document in asked.documents:
        before = asked.server.requests
        late = time.monotonic() - asked.system.manifest.send_deadline.total_seconds() - 1
        call = replace(Rehearsal(asked.system).call(document, asked.system.call_names(document)[0]), leave_before=late)

        outcomes = asked.system.send([call])

        assert isinstance(outcomes[call.idempotency_key], NotExecuted)
        # Tryton may read the ids of its accounts first.
        assert asked.server.requests == before or isinstance(asked.system, Tryton)
