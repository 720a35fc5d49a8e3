"""What a sealed document becomes at Xero: one element of a request. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.carried_amounts import line_text
from reverse_etl.systems.contract import Call, RenderContext
from reverse_etl.systems.http_system import HttpRequest
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY, JournalEntry, JournalLine, described, exact_decimal, journal_entry
from reverse_etl.systems.xero.options import Options
from reverse_etl.transport.content import read_json, write_json

CUSTOMER = "customer"
CREATE, SAVE = "create", "save"
API_PATH = "/api.xro/2.0"
JOURNALS, CONTACTS = "ManualJournals", "Contacts"
LONGEST_TEXT = 4000
LONGEST_NAME, LONGEST_NUMBER = 255, 50
MOST_DECIMALS = 2
FEWEST_LINES = 2


def call_names(document: SealedDocument) -> tuple[str, ...]:
    """A journal is created posted; a contact is created or changed."""
    if document.document_type == JOURNAL_ENTRY:
        return (CREATE,)
    if document.document_type == CUSTOMER:
        return (SAVE,)
    raise OutboxContractError(f"{document.business_key}: Xero takes {CUSTOMER} and {JOURNAL_ENTRY}, not {document.document_type}")


def render(options: Options, context: RenderContext, call: str) -> bytes:
    """The element as JSON with exact numbers; the same document gives the same bytes.

    Raises:
        OutboxContractError: Xero cannot hold the document.
    """
    document = context.document
    if call not in call_names(document):
        raise OutboxContractError(f"{document.business_key}: no call {call!r} for a {document.document_type}")
    options.tenant(document.entity)
    return write_json(_journal(options, journal_entry(document)) if call == CREATE else _contact(document))


def request(options: Options, calls: Sequence[Call]) -> HttpRequest:
    """One request of all elements, answered for one by one. The same calls have the same key."""
    journals = calls[0].name == CREATE
    kind = JOURNALS if journals else CONTACTS
    headers = {**reading_headers(options, calls[0].document.entity), "Content-Type": "application/json"}
    if journals:
        # Contacts are one per number: a key would only give an internal error again.
        keys = "\n".join(call.idempotency_key for call in calls)
        headers["Idempotency-Key"] = keys if len(calls) == 1 else hashlib.sha256(keys.encode()).hexdigest()
    body = write_json({kind: [read_json(call.request) for call in calls]})
    return HttpRequest("PUT" if journals else "POST", f"{API_PATH}/{kind}", (("summarizeErrors", "false"),), headers, body)


def reading_headers(options: Options, entity: str) -> dict[str, str]:
    # Without the second, Xero answers in XML.
    return {"Xero-Tenant-Id": options.tenant(entity), "Accept": "application/json"}


def contact_number(document: SealedDocument) -> str:
    return str(document.payload["customer_id"])


def contact_name(document: SealedDocument) -> str:
    """With the number, for names must be unique among contacts."""
    number = contact_number(document)
    name = " ".join(str(document.payload.get("name") or number).replace("<", "").replace(">", "").split())
    return f"{name[: LONGEST_NAME - len(number) - 3].strip()} ({number})"


def _contact(document: SealedDocument) -> Mapping[str, Any]:
    if len(contact_number(document)) > LONGEST_NUMBER:
        raise OutboxContractError(f"{document.business_key}: Xero takes contact numbers of at most {LONGEST_NUMBER} characters")
    return {"ContactNumber": contact_number(document), "Name": contact_name(document)}


def _journal(options: Options, entry: JournalEntry) -> Mapping[str, Any]:
    unbalanced = entry.unbalanced()
    if unbalanced is not None:
        raise OutboxContractError(f"{entry.reference}: {unbalanced}")
    if entry.functional_exponent > MOST_DECIMALS:
        # Xero rounds to two decimals without a word.
        raise OutboxContractError(f"{entry.reference}: Xero holds {MOST_DECIMALS} decimals, {entry.functional_currency} has more")
    if len(entry.lines) < FEWEST_LINES:
        raise OutboxContractError(f"{entry.reference}: a manual journal has at least {FEWEST_LINES} lines")
    url = options.url(entry.reference)
    return {
        "Narration": described(entry.reference, " ", entry.source_number, entry.description, length=LONGEST_TEXT),
        "Date": entry.posting_date.isoformat(),
        "Status": "POSTED",
        "LineAmountTypes": "NoTax",
        **({} if url is None else {"Url": url}),
        "JournalLines": [_line(options, entry, line) for line in entry.lines],
    }


def _line(options: Options, entry: JournalEntry, line: JournalLine) -> Mapping[str, Any]:
    return {
        "LineAmount": Decimal(exact_decimal(line.signed_functional_minor, entry.functional_exponent)),
        "AccountCode": options.account_code(entry.entity, line.account),
        "TaxType": options.tax_type,
        "Description": line_text(entry, line, LONGEST_TEXT, carries_party=True),
    }
