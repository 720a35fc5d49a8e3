"""What a sealed document becomes in Tryton, in codes instead of Tryton's own ids. Pure.

The stored request names company, journal, accounts, parties, currencies and period by code; the client replaces them by the
ids of the server it talks to. So a request means the same on every server, and holds no credentials.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reverse_etl.documents import SealedDocument, canonical_json
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.contract import RenderContext

JOURNAL_CODE = "TIEOUT"
CREATE, POST, WRITE = "create", "post", "write"
CUSTOMER, JOURNAL_ENTRY = "customer", "journal_entry"
MOVE_ID, PARTY_ID = "move_id", "party_id"
DESCRIPTION_LENGTH = 250
LINE_KEY_END = " | "
REFERENCE_PATTERN = re.compile(r"TO-[0-9A-F]{16}(?![0-9A-Za-z])")


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
    return _described(document.reference, " ", document.payload.get("source_number"), document.payload.get("description"))


def reference_of(description: str | None) -> str | None:
    """Our reference at the beginning of a move's description; None if the move is not ours."""
    match = REFERENCE_PATTERN.match(description or "")
    return match.group() if match else None


def line_key_of(description: str | None) -> str | None:
    """The line key at the beginning of a line's description."""
    return (description or "").partition(LINE_KEY_END)[0] or None


def unbalanced(record: Mapping[str, Any]) -> str | None:
    """Why a move does not balance, or None.

    On SQLite, Tryton 8.2 posts a move that does not: its check compares a number with a text. So it is refused before it is sent.
    """
    debit = sum(line["minor"] for line in record["lines"] if line["side"] == "debit")
    credit = sum(line["minor"] for line in record["lines"] if line["side"] == "credit")
    return None if debit == credit else f"debits {debit} and credits {credit} (minor units of the functional currency) differ"


def _move_record(document: SealedDocument) -> Mapping[str, Any]:
    payload = document.payload
    return {
        "journal": JOURNAL_CODE,
        "date": document.posting_date.isoformat(),
        "description": move_description(document),
        "exponent": payload["functional_exponent"],
        "lines": [_line_record(line, payload) for line in payload["lines"]],
    }


def _line_record(line: Mapping[str, Any], payload: Mapping[str, Any]) -> Mapping[str, Any]:
    if line["side"] not in ("debit", "credit"):
        raise OutboxContractError(f"journal line {line['line_key']}: side {line['side']!r} is neither debit nor credit")
    record = {
        "account": line["account"],
        "side": line["side"],
        "minor": line["functional_minor"],
        "party": line.get("customer_id"),
        "description": _described(line["line_key"], LINE_KEY_END, line.get("description")),
    }
    if has_second_currency(line, payload):
        signed = line["amount_minor"] if line["side"] == "debit" else -line["amount_minor"]
        record |= {"second_currency": payload["currency"], "second_minor": signed, "second_exponent": payload["currency_exponent"]}
    return record


def has_second_currency(line: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    """Whether the line has an amount in a currency other than the company's; a currency rounding line has none."""
    return bool(payload["currency"] != payload["functional_currency"] and line["amount_minor"] != 0)


def _described(key: str, end: str, *words: Any) -> str:
    # The key is never cut: everything is found again by it.
    text = " ".join(" ".join(str(word).split()) for word in words if word)
    return f"{key}{end}{text}"[: max(DESCRIPTION_LENGTH, len(key))].rstrip() if text else key
