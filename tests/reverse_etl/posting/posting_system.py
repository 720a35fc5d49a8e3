"""A small System for the destination of these specifications, and what is sealed for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from reverse_etl.documents import OutboxRow, SealedDocument, canonical_json
from reverse_etl.errors import DestinationError, OutboxContractError
from reverse_etl.register import Register
from reverse_etl.systems.contract import FOREVER, Ambiguous, Call, Manifest, Outcome, Rejected, RemoteDocument, RenderContext, Succeeded
from reverse_etl.systems.http_system import HttpMapping, HttpRequest, HttpSystem, Reading, Record, usual_outcome
from reverse_etl.transport import Answer, Transport, read_json
from reverse_etl.transport.authorization import FixedHeaders

SYSTEM, ENTITY, PERIOD = "books", "northlight_us", "2026-01"
# Longer than a busy machine keeps an answer waiting: where none is lost, nobody waits for this deadline.
CLASS_B = Manifest(
    system=SYSTEM,
    key_retention=timedelta(0),
    look_up_lag=timedelta(0),
    send_deadline=timedelta(seconds=60),
    in_flight_bound=timedelta(seconds=0.2),
    replays_errors=False,
    requests_per_second=1000.0,
    concurrency=4,
    batch_size=1,
    document_types=("customer", "journal_entry"),
    look_up_batch_size=50,
)
# For tests that lose answers: one is resolved after W = 0.6 s.
HASTY_B = replace(CLASS_B, send_deadline=timedelta(seconds=0.4))
CLASS_A = replace(CLASS_B, key_retention=timedelta(hours=1))
CLASS_C = replace(CLASS_B, look_up_lag=None)
CLASS_U = replace(CLASS_A, key_retention=FOREVER, look_up_lag=None)


class BooksMapping(HttpMapping):
    """Journal entries are created and then completed by a second call, customers are created or updated."""

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        if document.document_type == "customer":
            return ("update",) if document.operation == "update" else ("create",)
        return ("create", "complete")

    def render(self, context: RenderContext, call: str) -> bytes:
        document = context.document
        if document.payload.get("poison") == "unrenderable":
            raise OutboxContractError("the account of line 1 is unknown")
        if call == "complete":
            body: Mapping[str, Any] = {"id": context.replies["create"]["id"]}
        else:
            body = {"total": document.total_minor, "depends_on": {key: dependency.remote_id for key, dependency in context.dependencies.items()}}
        return canonical_json({"call": call, "reference": document.reference, "kind": document.document_type, "body": body})

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        items = [{**read_json(call.request), "key": call.idempotency_key} for call in calls]
        # The destination keeps its bound by this, whatever the machine's load.
        return HttpRequest("POST", "/calls", body=json.dumps({"items": items, "sent_at": time.time()}).encode())

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        if answer.status == 200:
            return {key: Succeeded(reply["id"], reply) for key, reply in answer.content()["replies"].items()}
        refused = Rejected(answer.shown()) if answer.status in (404, 409, 422) else None
        return dict.fromkeys((call.idempotency_key for call in calls), refused or usual_outcome(answer) or Ambiguous(answer.shown()))

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        references = [document.reference for document in documents]
        answer = yield HttpRequest("POST", "/look-ups", body=json.dumps({"references": references}).encode())
        if answer.status != 200:
            raise DestinationError(answer.shown())
        found: dict[str, list[dict[str, Any]]] = {}
        for document in answer.content()["documents"]:
            found.setdefault(document["reference"], []).append(document)
        return {reference: _remote(reference, documents) for reference, documents in found.items()}

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        if remote.total_minor != document.total_minor:
            return (f"total: sealed {document.total_minor}, there {remote.total_minor}",)
        return ()

    def read_back(self, entity: str, period: str) -> Reading[Iterable[Record]]:
        answer = yield HttpRequest("GET", "/books")
        held = answer.content()["documents"]
        return [("raw.books", {"reference": document["reference"], "remote_id": document["id"], "status": "open"}) for document in held]

    def ping(self) -> Reading[None]:
        yield HttpRequest("GET", "/books")


class Books(HttpSystem):
    def __init__(self, url: str, manifest: Manifest) -> None:
        super().__init__(manifest, BooksMapping(), url, Transport(), FixedHeaders({}), read_seconds=60)


def _remote(reference: str, found: Sequence[Mapping[str, Any]]) -> RemoteDocument:
    first, *others = found
    number = f"N{first['id']}" if "complete" in first["calls"] else None
    return RemoteDocument(
        reference=reference,
        remote_id=first["id"],
        remote_number=number,
        status="open",
        document_date=None,
        period=None,
        currency=None,
        total_minor=first["body"]["total"],
        lines=(),
        completed={call: {"id": first["id"]} for call in first["calls"]},
        duplicates=tuple(other["id"] for other in others),
    )


def customer(register: Register, name: str, revision: int = 1) -> OutboxRow:
    return _row(register, "customer", name, revision=revision, payload={"customer_id": name, "name": f"{name} {revision}"}, total=0)


def entry(register: Register, name: str, *, depends_on: Sequence[str] = (), poison: str | None = None, period: str = PERIOD) -> OutboxRow:
    """A journal entry of 10.00; ``depends_on`` names customers."""
    shared = {"account": "1000", "amount_minor": 1000, "functional_minor": 1000}
    lines = [{"line_key": f"{name}:{side}", "side": side, **shared} for side in ("debit", "credit")]
    payload = {"currency": "USD", "lines": lines, "poison": poison}
    keys = tuple(f"{SYSTEM}/{ENTITY}/customer/{customer_name}" for customer_name in depends_on)
    return _row(register, "journal_entry", name, payload=payload, total=1000, depends_on=keys, period=period)


def _row(
    register: Register,
    document_type: str,
    name: str,
    *,
    payload: Mapping[str, Any],
    total: int,
    depends_on: tuple[str, ...] = (),
    revision: int = 1,
    period: str = PERIOD,
) -> OutboxRow:
    key = f"{SYSTEM}/{ENTITY}/{document_type}/{name}"
    sealed = register.deliveries(business_key=key)
    day = date.fromisoformat(f"{period}-28")
    return OutboxRow(
        contract_version=1,
        system=SYSTEM,
        entity=ENTITY,
        document_type=document_type,
        natural_id=name,
        business_key=key,
        revision=revision,
        operation="create" if revision == 1 else "update",
        series=None,
        document_date=day,
        posting_date=day,
        period=period,
        currency="USD",
        total_minor=total,
        depends_on=depends_on,
        sensitivity="internal",
        cause="rating",
        subtracted_key=key,
        register_head=max((document.position for document, _ in sealed), default=0),
        register_incarnation=register.incarnation,
        payload=payload,
    )


def seal(register: Register, *rows: OutboxRow) -> tuple[SealedDocument, ...]:
    report = register.seal(rows, "specification", "sealing")
    assert not report.refused, [refusal.reason for refusal in report.refused]
    return report.sealed
