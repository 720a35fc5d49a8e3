"""What a sealed document becomes in NetSuite: the record of one upsert. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.carried_amounts import line_text
from reverse_etl.systems.contract import RenderContext
from reverse_etl.systems.http_system import HttpRequest
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY, JournalEntry, JournalLine, described, exact_decimal, journal_entry
from reverse_etl.systems.netsuite.options import Options
from reverse_etl.transport.content import read_json, write_json

CUSTOMER = "customer"
UPSERT = "upsert"
RECORD_PATH = "/services/rest/record/v1"
LONGEST_MEMO = 999
MOST_DECIMALS = 2
LONGEST_NAME = 83
# Without it NetSuite ignores a property that it does not know, and an entry lacks something without a word.
HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "X-NetSuite-PropertyNameValidation": "Error"}


def call_names(document: SealedDocument) -> tuple[str, ...]:
    """One upsert posts an entry, and creates or changes a customer."""
    if document.document_type not in (JOURNAL_ENTRY, CUSTOMER):
        raise OutboxContractError(f"{document.business_key}: NetSuite takes {CUSTOMER} and {JOURNAL_ENTRY}, not {document.document_type}")
    return (UPSERT,)


def render(options: Options, context: RenderContext, call: str) -> bytes:
    """Record type, external id and record as JSON with exact numbers; the same document gives the same bytes.

    Raises:
        OutboxContractError: NetSuite cannot hold the document.
    """
    document = context.document
    if call not in call_names(document):
        raise OutboxContractError(f"{document.business_key}: no call {call!r} for a {document.document_type}")
    if document.document_type == CUSTOMER:
        record: Mapping[str, Any] = _customer(options, document)
        return write_json({"type": "customer", "external_id": customer_external_id(options, document), "record": record})
    return write_json({"type": "journalEntry", "external_id": document.reference, "record": _journal(options, journal_entry(document))})


def request(stored: bytes) -> HttpRequest:
    """The upsert of a stored record. Lines replace those that are there: otherwise they would be added to them."""
    content = read_json(stored)
    path = f"{RECORD_PATH}/{content['type']}/eid:{content['external_id']}"
    query = (("replace", "line"),) if content["type"] == "journalEntry" else ()
    return HttpRequest("PUT", path, query, HEADERS, write_json(content["record"]))


def customer_external_id(options: Options, document: SealedDocument) -> str:
    return options.customer(document.entity, str(document.payload["customer_id"]))


def customer_name(document: SealedDocument) -> str:
    """As NetSuite takes it: at most 83 characters."""
    return str(document.payload.get("name") or document.payload["customer_id"])[:LONGEST_NAME].strip()


def _customer(options: Options, document: SealedDocument) -> Mapping[str, Any]:
    return {"isPerson": False, "companyName": customer_name(document), "subsidiary": options.subsidiary(document.entity).reference}


def _journal(options: Options, entry: JournalEntry) -> Mapping[str, Any]:
    unbalanced = entry.unbalanced()
    if unbalanced is not None:
        raise OutboxContractError(f"{entry.reference}: {unbalanced}")
    if entry.functional_exponent > MOST_DECIMALS:
        raise OutboxContractError(f"{entry.reference}: NetSuite holds at most {MOST_DECIMALS} decimals, {entry.functional_currency} has more")
    subsidiary = options.subsidiary(entry.entity)
    return {
        "subsidiary": subsidiary.reference,
        # One entry has one rate, which NetSuite multiplies and rounds line by line: only the base currency keeps our functional amounts.
        "currency": {"id": subsidiary.currency},
        "exchangeRate": 1,
        "tranDate": entry.posting_date.isoformat(),
        "memo": described(entry.reference, " ", entry.source_number, entry.description, length=LONGEST_MEMO),
        **({"approved": True} if options.approved else {}),
        "line": {"items": [_line(options, entry, line) for line in entry.lines]},
    }


def _line(options: Options, entry: JournalEntry, line: JournalLine) -> Mapping[str, Any]:
    signed = line.signed_functional_minor
    item: dict[str, Any] = {
        "account": options.account(entry.entity, line.account),
        "credit" if signed < 0 or (signed == 0 and line.side == "credit") else "debit": Decimal(
            exact_decimal(abs(signed), entry.functional_exponent)
        ),
        "memo": line_text(entry, line, LONGEST_MEMO),
    }
    if line.customer_id is not None:
        item["entity"] = {"externalId": options.customer(entry.entity, line.customer_id)}
    return item
