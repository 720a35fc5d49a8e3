"""What a billing platform and an ERP hand over when they are read back, had they taken every sealed document as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from company import PERIOD, Deliveries
from defect import Records

from dagster_project.close.read_backs import SNAPSHOTS, typed
from reverse_etl.documents import SealedDocument
from reverse_etl.systems.journal_entries import DEBIT, expected_lines, journal_entry
from reverse_etl.systems.stripe.read_back import CREDIT_NOTE_LINES, CREDIT_NOTES, INVOICE_LINES, INVOICES
from reverse_etl.systems.tryton.reading import ACCOUNT_MOVEMENTS, MOVE_LINES, MOVES
from reverse_etl.systems.tryton.rendering import move_description
from reverse_etl.warehouse import Warehouse

SYSTEMS = ("stripe", "tryton")
READ_BACK_OF = {"stripe": "raw.stripe_", "tryton": "raw.ledger_"}
POSTED_AT = datetime(2026, 2, 3, 12)


def held(documents: list[SealedDocument]) -> Records:
    """The records of both destinations, in the order in which the documents were sealed."""
    return [record for document in documents for record in _records(document)]


def records_of(records: Records, relation: str) -> Iterator[dict[str, Any]]:
    """The records of one relation, in the order in which their documents were sealed."""
    return (record for name, record in records if name == relation)


def list_entry_of_others(deliveries: Deliveries) -> None:
    """The listing of an entry of 25.00 that ``entry_of_others`` makes."""
    listing = {"entry_number": "900", "posting_date": "2026-01-31", "amount": "25.00", "reason": "receipt of a bank", "owner": "treasury"}
    deliveries.add("foreign_entries", entity_id=deliveries.entity, **listing)


def entry_of_others(debited: str, credited: str, minor: int) -> Records:
    """An entry that a person posted in the ERP by hand."""
    dated = {"posting_date": date(2026, 1, 31), "erp_period": PERIOD, "description": "Receipt of a bank", "written_at": POSTED_AT}
    amounts = (
        {"account_code": debited, "debit_minor": minor, "credit_minor": 0},
        {"account_code": credited, "debit_minor": 0, "credit_minor": minor},
    )
    lines = [
        {
            "remote_id": "others",
            "remote_line_id": f"others.{number}",
            "currency": "USD",
            "amount_minor": own["debit_minor"] - own["credit_minor"],
            **own,
        }
        for number, own in enumerate(amounts)
    ]
    return [(MOVES, {"remote_id": "others", "number": "900", "state": "posted", "reference": None, **dated}), *((MOVE_LINES, line) for line in lines)]


def append_snapshots(warehouse: Warehouse, *reads: Mapping[str, Records]) -> None:
    """What was read of every legal entity, one time after the other, as ``append_snapshot`` stores it, of all of them at once."""
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for entity, records in ((entity, records) for read in reads for entity, records in read.items()):
        # What is dated in another month is read back with that month.
        periods = {record["remote_id"]: _period(record) for _, record in records if "reference" in record}
        for system in SYSTEMS:
            for period in sorted({PERIOD, *periods.values()}):
                snapshot = {"read_id": len(rows[SNAPSHOTS]) + 1, "entity": entity, "period": period}
                rows[SNAPSHOTS].append({**snapshot, "system": system, "completed_at": datetime.now(UTC).replace(tzinfo=None), "document_count": 0})
                held_there = [
                    (relation, record)
                    for relation, record in records
                    if relation.startswith(READ_BACK_OF[system]) and periods.get(record.get("remote_id"), PERIOD) == period
                ]
                for relation, record in [*held_there, *_account_movements(held_there)]:
                    rows[relation].append({**record, **snapshot})
    with warehouse.writing("read-backs of the tests"):
        for relation, some in rows.items():
            warehouse.append(relation, typed(relation, some))


def _account_movements(records: Records) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the ERP adds up of the posted lines that it holds."""
    posted = {record["remote_id"] for record in records_of(records, MOVES) if record["state"] == "posted"}
    moved: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in records_of(records, MOVE_LINES):
        if line["remote_id"] in posted:
            for place, side in enumerate(("debit_minor", "credit_minor")):
                moved[line["account_code"]][place] += line[side]
    for account, (debit, credit) in moved.items():
        yield ACCOUNT_MOVEMENTS, {"account_code": account, "debit_minor": debit, "credit_minor": credit}


def _period(header: Mapping[str, Any]) -> str:
    return f"{header.get('document_date') or header['posting_date']:%Y-%m}"


def _records(document: SealedDocument) -> Iterator[tuple[str, dict[str, Any]]]:
    # What was carried over is at no destination.
    if document.document_type == "journal_entry" and document.system in SYSTEMS:
        yield from _move(document)
    elif document.document_type in ("invoice", "credit_memo"):
        yield from _billing_document(document)


def _billing_document(document: SealedDocument) -> Iterator[tuple[str, dict[str, Any]]]:
    payload, is_invoice = document.payload, document.document_type == "invoice"
    header = {
        "remote_id": f"stripe_{document.position}",
        "reference": document.reference,
        "number": document.number,
        "status": "open" if is_invoice else "issued",
        "currency": document.currency,
        "document_date": document.document_date,
        "subtotal_minor": payload["subtotal_minor"],
        "tax_minor": payload["tax_minor"],
        "total_minor": document.total_minor,
    }
    own = {"amount_due_minor": payload["amount_due_minor"], "credited_minor": 0} if is_invoice else {"invoice_remote_id": payload["invoice_key"]}
    yield INVOICES if is_invoice else CREDIT_NOTES, header | own
    for line in payload["lines"]:
        amounts = {name: line[name] for name in ("line_key", "amount_minor", "tax_minor", "description")}
        yield INVOICE_LINES if is_invoice else CREDIT_NOTE_LINES, {"remote_id": header["remote_id"], **amounts}


def _move(document: SealedDocument) -> Iterator[tuple[str, dict[str, Any]]]:
    remote_id = f"move_{document.position}"
    header = {"remote_id": remote_id, "reference": document.reference, "number": str(document.position), "state": "posted", "written_at": POSTED_AT}
    dated = {"posting_date": document.posting_date, "erp_period": document.period, "description": move_description(document)}
    yield MOVES, header | dated
    entry = journal_entry(document)
    for number, (line, expected) in enumerate(zip(entry.lines, expected_lines(entry), strict=True), 1):
        yield (
            MOVE_LINES,
            {
                "remote_id": remote_id,
                "remote_line_id": f"{remote_id}.{number}",
                "line_key": line.key,
                "account_code": line.account,
                "debit_minor": line.functional_minor if line.side == DEBIT else 0,
                "credit_minor": 0 if line.side == DEBIT else line.functional_minor,
                "currency": expected.currency,
                "amount_minor": expected.amount_minor,
                "party_code": line.customer_id,
            },
        )
