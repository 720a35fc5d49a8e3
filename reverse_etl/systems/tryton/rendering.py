"""What a sealed document becomes in Tryton, in codes instead of Tryton's own ids. Pure.

The stored request names company, journal, accounts, parties, currencies and period by code; the client replaces them by the
ids of the server it talks to. So a request means the same on every server, and holds no credentials.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reverse_etl.documents import SealedDocument, canonical_json
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.contract import RenderContext
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY, LINE_KEY_END, JournalEntry, JournalLine, described, journal_entry

JOURNAL_CODE = "TIEOUT"
CREATE, POST, WRITE = "create", "post", "write"
CUSTOMER = "customer"
MOVE_ID, PARTY_ID = "move_id", "party_id"
DESCRIPTION_LENGTH = 250


def call_names(document: SealedDocument) -> tuple[str, ...]:
    """A move is created as a draft and then posted; a party is created or written."""
    if document.document_type == JOURNAL_ENTRY:
        return (CREATE, POST)
    if document.document_type == CUSTOMER:
        return (WRITE,) if document.operation == "update" else (CREATE,)
    raise OutboxContractError(f"{document.business_key}: Tryton takes {CUSTOMER} and {JOURNAL_ENTRY}, not {document.document_type}")


def render(context: RenderContext, call: str) -> bytes:
    """The canonical JSON of one call: model, method, company and either the record (with codes) or the id of the move."""
    document = context.document
    if call not in call_names(document):
        raise OutboxContractError(f"{document.business_key}: no call {call!r} for a {document.document_type}")
    if document.document_type == CUSTOMER:
        return canonical_json({"model": "party.party", "method": call, "company": document.entity, "record": party_record(document)})
    if call == POST:
        reply = context.replies.get(CREATE, {})
        if MOVE_ID not in reply:
            raise OutboxContractError(f"{document.business_key}: the move is not created yet, so it cannot be posted")
        return canonical_json({"model": "account.move", "method": POST, "company": document.entity, "id": int(reply[MOVE_ID])})
    return canonical_json({"model": "account.move", "method": CREATE, "company": document.entity, "record": _move_record(document)})


def parse(request: bytes) -> Mapping[str, Any]:
    """A stored request, read again."""
    content: Mapping[str, Any] = json.loads(request)
    return content


def party_record(document: SealedDocument) -> Mapping[str, Any]:
    customer_id = str(document.payload["customer_id"])
    return {"code": customer_id, "name": str(document.payload.get("name") or customer_id)}


def move_description(document: SealedDocument) -> str:
    """Begins with our reference, by which a move is found again; the rest is for people."""
    payload = document.payload
    return described(document.reference, " ", payload.get("source_number"), payload.get("description"), length=DESCRIPTION_LENGTH)


def unbalanced(record: Mapping[str, Any]) -> str | None:
    """Why a move does not balance, or None.

    On SQLite, Tryton 8.2 posts a move that does not: its check compares a number with a text. So it is refused before it is sent.
    """
    debit = sum(line["minor"] for line in record["lines"] if line["side"] == "debit")
    credit = sum(line["minor"] for line in record["lines"] if line["side"] == "credit")
    return None if debit == credit else f"debits {debit} and credits {credit} (minor units of the functional currency) differ"


def _move_record(document: SealedDocument) -> Mapping[str, Any]:
    entry = journal_entry(document)
    return {
        "journal": JOURNAL_CODE,
        "date": entry.posting_date.isoformat(),
        "description": move_description(document),
        "exponent": entry.functional_exponent,
        "lines": [_line_record(line, entry) for line in entry.lines],
    }


def _line_record(line: JournalLine, entry: JournalEntry) -> Mapping[str, Any]:
    record = {
        "account": line.account,
        "side": line.side,
        "minor": line.functional_minor,
        "party": line.customer_id,
        "description": described(line.key, LINE_KEY_END, line.description, length=DESCRIPTION_LENGTH),
    }
    if entry.has_second_currency(line):
        record |= {"second_currency": entry.currency, "second_minor": line.signed_amount_minor, "second_exponent": entry.currency_exponent}
    return record
