"""What a sealed document becomes, in our own codes: what is stored at the write-ahead. Pure.

Sources: .../all-entities/journalentry, .../all-entities/customer of Intuit's API reference.

Choices that the API leaves open:
- ``DocNumber`` is our reference: nothing else of an entry that we write can be asked for in a query.
- Amounts are those of the functional currency. An entry in another currency has one rate, and what each line is worth at home is rounded by
  QuickBooks, so cents would differ from what was sealed. The amount in the document's currency stands in the line's description.
- A customer's ``DisplayName`` is taken once among all and can be searched: it ends in our customer id.
- A line's account stands there by our code and becomes QuickBooks' id when it is sent; its customer is the id of the customer that was posted before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reverse_etl.documents import SealedDocument, canonical_json
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.contract import RenderContext
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY, LINE_KEY_END, JournalEntry, JournalLine, described, exact_decimal, journal_entry

CUSTOMER = "customer"
CREATE, UPDATE = "create", "update"
LONGEST_NOTE = 4000
LONGEST_NAME, LONGEST_COMPANY_NAME = 100, 100
MOST_DECIMALS = 2
_NOT_IN_NAMES = str.maketrans({":": " ", "\t": " ", "\n": " ", "\r": " "})


def call_names(document: SealedDocument) -> tuple[str, ...]:
    if document.document_type == JOURNAL_ENTRY:
        return (CREATE,)
    if document.document_type == CUSTOMER:
        return (UPDATE,) if document.operation == "update" else (CREATE,)
    raise OutboxContractError(f"{document.business_key}: QuickBooks takes {CUSTOMER} and {JOURNAL_ENTRY}, not {document.document_type}")


def render(context: RenderContext, call: str) -> bytes:
    """The canonical JSON of one call.

    Raises:
        OutboxContractError: the document or what it depends on does not hold what the call needs, or QuickBooks cannot carry it exactly.
    """
    document = context.document
    if call not in call_names(document):
        raise OutboxContractError(f"{document.business_key}: no call {call!r} for a {document.document_type}")
    if document.document_type == JOURNAL_ENTRY:
        return canonical_json({"object": "JournalEntry", "record": _entry(context)})
    record = customer_record(document)
    if call == UPDATE:
        record["id"] = _remote_id(context, document.business_key)
    return canonical_json({"object": "Customer", "record": record})


def parse(request: bytes) -> Mapping[str, Any]:
    """A stored request, read again."""
    content: Mapping[str, Any] = json.loads(request)
    return content


def customer_record(document: SealedDocument) -> dict[str, Any]:
    payload = document.payload
    name = str(payload.get("name") or payload["customer_id"])
    return {
        "display_name": display_name(name, str(payload["customer_id"])),
        "company_name": " ".join(name.split())[:LONGEST_COMPANY_NAME],
        "email": payload.get("email"),
    }


def display_name(name: str, customer_id: str) -> str:
    """A name that ends in our customer id.

    Raises:
        OutboxContractError: the id cannot stand in a name.
    """
    if not customer_id or customer_id != " ".join(customer_id.translate(_NOT_IN_NAMES).split()) or "(" in customer_id or ")" in customer_id:
        raise OutboxContractError(f"customer {customer_id!r}: an id with a colon, a tab, a line break or parentheses cannot end a name at QuickBooks")
    end = f" ({customer_id})"
    # A name without a visible character would begin with a space, which QuickBooks refuses.
    shown = " ".join(name.translate(_NOT_IN_NAMES).split()) or customer_id
    return shown[: LONGEST_NAME - len(end)].rstrip() + end


def customer_id_of(name: str | None) -> str | None:
    """Our customer id at the end of a display name; None if the customer is none of ours."""
    start, end, customer_id = (name or "").rpartition(" (")
    return customer_id[:-1] if start and end and customer_id.endswith(")") and len(customer_id) > 1 else None


def _entry(context: RenderContext) -> Mapping[str, Any]:
    entry = journal_entry(context.document)
    if entry.functional_exponent > MOST_DECIMALS:
        raise OutboxContractError(
            f"{context.document.business_key}: QuickBooks has {MOST_DECIMALS} decimals, {entry.functional_currency} has {entry.functional_exponent}"
        )
    if entry.unbalanced() is not None:
        raise OutboxContractError(f"{context.document.business_key}: it does not balance: {entry.unbalanced()}")
    return {
        "number": entry.reference,
        "date": entry.posting_date.isoformat(),
        "note": described(entry.reference, " ", entry.source_number, entry.description, length=LONGEST_NOTE),
        "currency": entry.functional_currency,
        "exponent": entry.functional_exponent,
        "lines": [_line(line, entry, context) for line in entry.lines],
    }


def _line(line: JournalLine, entry: JournalEntry, context: RenderContext) -> Mapping[str, Any]:
    if line.functional_minor < 0:
        raise OutboxContractError(f"{context.document.business_key}: line {line.key}: an amount below zero belongs on the other side")
    foreign = f"{entry.currency} {exact_decimal(line.amount_minor, entry.currency_exponent)}" if entry.has_second_currency(line) else None
    return {
        "account": line.account,
        "side": line.side,
        "minor": line.functional_minor,
        "customer": None if line.customer_id is None else _remote_id(context, _customer_key(context.document, line.customer_id)),
        "description": described(line.key, LINE_KEY_END, foreign, line.description, length=LONGEST_NOTE),
    }


def _customer_key(document: SealedDocument, customer_id: str) -> str:
    wanted = f"/{CUSTOMER}/{customer_id}"
    key = next((key for key in document.depends_on if key.endswith(wanted)), None)
    if key is None:
        raise OutboxContractError(f"{document.business_key}: a line names customer {customer_id}, which the outbox must name in depends_on")
    return key


def _remote_id(context: RenderContext, key: str) -> str:
    dependency = context.dependencies.get(key)
    if dependency is None:
        raise OutboxContractError(f"{context.document.business_key}: needs {key}, which is not posted at QuickBooks")
    return dependency.remote_id
