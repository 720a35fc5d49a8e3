"""The entries of the soak, and the mapping of its destination: class B, no key, looked up by our reference."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from reverse_etl.documents import OutboxRow, SealedDocument, canonical_json
from reverse_etl.register import Register
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Ambiguous, Call, Manifest, Outcome, RemoteDocument, RenderContext, Succeeded
from reverse_etl.systems.http_system import HttpRequest, HttpSystem, Reading, open_http_system, usual_outcome
from reverse_etl.transport import Answer

SYSTEM, ENTITY, PERIOD = "erp", "northlight_us", "2026-01"
SEALED_AT_ONCE = 5_000
JSON = {"Content-Type": "application/json"}
MANIFEST = Manifest(
    system=SYSTEM,
    key_retention=timedelta(0),
    look_up_lag=timedelta(0),
    send_deadline=timedelta(seconds=10),
    in_flight_bound=timedelta(seconds=1),
    replays_errors=False,
    requests_per_second=1000.0,
    concurrency=4,
    batch_size=100,
    document_types=("journal_entry",),
    look_up_batch_size=500,
)


class Entries:
    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return ("create",)

    def render(self, context: RenderContext, call: str) -> bytes:
        return canonical_json({"reference": context.document.reference, "amount_minor": context.document.total_minor})

    def refusal(self, call: Call) -> str | None:
        return None

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        return HttpRequest("POST", "/batches", headers=JSON, body=b'{"items":[' + b",".join(call.request for call in calls) + b"]}")

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        usual: Outcome | None = usual_outcome(answer)
        if answer.status != 200:
            return {call.idempotency_key: usual or Ambiguous(answer.shown()) for call in calls}
        results = json.loads(answer.body)["results"]
        found = {call.idempotency_key: results.get(call.document.reference) for call in calls}
        return {key: Succeeded(result["id"]) for key, result in found.items() if result is not None}

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        references = [document.reference for document in documents]
        answer = yield HttpRequest("POST", "/look-ups", headers=JSON, body=json.dumps({"references": references}).encode())
        if answer.status != 200:
            raise ValueError(answer.shown())
        return {reference: _remote(reference, *found) for reference, found in json.loads(answer.body)["entries"].items()}

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        return () if remote.total_minor == document.total_minor else (f"sealed {document.total_minor}, there {remote.total_minor}",)

    def read_back(self, entity: str, period: str) -> Reading[list[tuple[str, Mapping[str, Any]]]]:
        yield from ()
        return []

    def ping(self) -> Reading[None]:
        yield HttpRequest("POST", "/look-ups", headers=JSON, body=b'{"references":[]}')


def _remote(reference: str, amount: int, again: int) -> RemoteDocument:
    return RemoteDocument(
        reference=reference,
        remote_id=reference,
        remote_number=None,
        status="posted",
        document_date=None,
        period=None,
        currency="USD",
        total_minor=amount,
        lines=(),
        completed={"create": {}},
        duplicates=tuple(f"copy {copy + 1}" for copy in range(again)),
    )


def open_erp(home: Path, url: str) -> tuple[Settings, HttpSystem]:
    destination = {"url": url, "network": {"allow_plain_http": True, "allow_private_addresses": True}, "authorization": {"method": "none"}}
    settings = Settings.model_validate({"home": home, "destinations": {SYSTEM: destination}})
    return settings, open_http_system(settings, SYSTEM, MANIFEST, Entries(), url)


def seal(register: Register, start: int, count: int) -> None:
    report = register.seal([_row(number, register.incarnation) for number in range(start, start + count)], "soak", "")
    assert not report.refused, report.refused[0].reason


def amount_of(number: int) -> int:
    return 1 + number % 9_999


def _row(number: int, incarnation: str) -> OutboxRow:
    name, amount = f"J{number:08}", amount_of(number)
    key = f"{SYSTEM}/{ENTITY}/journal_entry/{name}"
    lines = [{"line_key": side, "side": side, "account": "1000", "amount_minor": amount, "functional_minor": amount} for side in ("debit", "credit")]
    return OutboxRow(
        contract_version=1,
        system=SYSTEM,
        entity=ENTITY,
        document_type="journal_entry",
        natural_id=name,
        business_key=key,
        revision=1,
        operation="create",
        series=None,
        document_date=date(2026, 1, 28),
        posting_date=date(2026, 1, 28),
        period=PERIOD,
        currency="USD",
        total_minor=amount,
        depends_on=(),
        sensitivity="internal",
        cause="rating",
        subtracted_key=key,
        register_head=0,
        register_incarnation=incarnation,
        payload={"currency": "USD", "lines": lines},
    )
