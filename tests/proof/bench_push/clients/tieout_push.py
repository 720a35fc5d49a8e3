"""This project: documents sealed in a register before, then one push through the frame for HTTP destinations.

Default: concurrency 4, and nothing is declared of the rate, so that it is found out. Tuned: 32 requests at a time, and the rate that the
destination publishes is declared (without one: more than it will ever reach).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rows import CONCURRENCY, arguments, measured, rows

from reverse_etl.documents import OutboxRow, SealedDocument, canonical_json
from reverse_etl.posting import push
from reverse_etl.register import Register
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Ambiguous, Call, Manifest, Outcome, Rejected, RemoteDocument, RenderContext, Succeeded
from reverse_etl.systems.http_system import HttpRequest, HttpSystem, Reading, open_http_system, usual_outcome
from reverse_etl.transport import Answer

SYSTEM, ENTITY, PERIOD = "documents", "northlight_us", "2026-01"
SEALED_AT_ONCE = 5_000


class Documents:
    """The mapping of the bench's API: one call per document, its key never forgotten within the run, looked up by reference."""

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return ("create",)

    def render(self, context: RenderContext, call: str) -> bytes:
        document = context.document
        return canonical_json(
            {"document": document.natural_id, "reference": document.reference, "amount_minor": document.total_minor, "currency": document.currency}
        )

    def refusal(self, call: Call) -> str | None:
        return None

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        [call] = calls
        return HttpRequest(
            "POST", "/documents", headers={"Content-Type": "application/json", "Idempotency-Key": call.idempotency_key}, body=call.request
        )

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        [call] = calls
        outcome: Outcome | None = usual_outcome(answer)
        if answer.status == 201:
            outcome = Succeeded(json.loads(answer.body)["id"])
        elif answer.status == 422:
            outcome = Rejected(answer.shown())
        return {call.idempotency_key: outcome or Ambiguous(answer.shown())}

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        answer = yield HttpRequest("GET", "/documents", query=[("references", ",".join(document.reference for document in documents))])
        return {str(found["reference"]): _remote(found) for found in json.loads(answer.body)["documents"]}

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        sealed, there = (document.total_minor, document.currency), (remote.total_minor, remote.currency)
        return () if sealed == there else (f"sealed {sealed}, there {there}",)

    def read_back(self, entity: str, period: str) -> Reading[list[tuple[str, Mapping[str, Any]]]]:
        yield from ()
        return []

    def ping(self) -> Reading[None]:
        yield HttpRequest("GET", "/documents", query=[("references", "none")])


def _remote(found: Mapping[str, Any]) -> RemoteDocument:
    return RemoteDocument(
        reference=found["reference"],
        remote_id=found["id"],
        remote_number=None,
        status="open",
        document_date=None,
        period=None,
        currency=found["currency"],
        total_minor=found["amount_minor"],
        lines=(),
        completed={"create": {}},
        duplicates=tuple(f"copy {copy}" for copy in range(1, found["copies"])),
    )


def manifest(form: str, limit: float) -> Manifest:
    tuned = form == "tuned"
    return Manifest(
        system=SYSTEM,
        key_retention=timedelta(days=1),
        look_up_lag=timedelta(0),
        send_deadline=timedelta(seconds=30),
        in_flight_bound=timedelta(seconds=5),
        replays_errors=False,
        requests_per_second=(limit or 5000.0) if tuned else None,
        concurrency=CONCURRENCY if tuned else 4,
        batch_size=1,
        document_types=("journal_entry",),
        look_up_batch_size=200,
    )


def open_documents(home: Path, url: str, declared: Manifest) -> tuple[Settings, HttpSystem]:
    destination = {"url": url, "network": {"allow_plain_http": True, "allow_private_addresses": True}, "authorization": {"method": "none"}}
    settings = Settings.model_validate({"home": home, "destinations": {SYSTEM: destination}})
    return settings, open_http_system(settings, SYSTEM, declared, Documents(), url)


def seal(register: Register, count: int) -> None:
    """Seal the rows that every client sends."""
    pending = [_outbox_row(row, register.incarnation) for row in rows(count)]
    for start in range(0, count, SEALED_AT_ONCE):
        report = register.seal(pending[start : start + SEALED_AT_ONCE], "bench", "")
        assert not report.refused, report.refused[0].reason


def _outbox_row(row: Mapping[str, Any], incarnation: str) -> OutboxRow:
    name, amount = row["document"], row["amount_minor"]
    lines = [{"line_key": side, "side": side, "account": "1000", "amount_minor": amount, "functional_minor": amount} for side in ("debit", "credit")]
    key = f"{SYSTEM}/{ENTITY}/journal_entry/{name}"
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
        currency=row["currency"],
        total_minor=amount,
        depends_on=(),
        sensitivity="internal",
        cause="rating",
        subtracted_key=key,
        register_head=0,
        register_incarnation=incarnation,
        payload={"currency": row["currency"], "lines": lines},
    )


def main() -> None:
    given = arguments()
    register = Register.open(f"sqlite:///{given.folder / 'register.sqlite'}")
    if not register.counts():
        seal(register, given.documents)
    settings, system = open_documents(given.folder, given.url, manifest(given.form, given.limit))
    with measured(given.folder):
        report = push(register, system, ENTITY, settings_or_lock_folder=settings, actor="bench")
    print(report)
    register.close()


if __name__ == "__main__":
    main()
