"""Everything Stripe holds for an entity and period, as records of the raw relations.

A document belongs to the entity its metadata names; one without our metadata is foreign and belongs to every entity, so that whoever
reconciles sees it. Its period is the month of its effective date. Amounts are in ISO minor units.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from reverse_etl.errors import DestinationError
from reverse_etl.systems.stripe.client import Object, StripeClient
from reverse_etl.systems.stripe.look_up import created_since
from reverse_etl.systems.stripe.remote import amount_due, currency_of, document_day, exclusive_tax, line_key_of
from reverse_etl.systems.stripe.rendering import ENTITY, REFERENCE
from reverse_etl.systems.stripe.units import from_stripe

INVOICES, INVOICE_LINES = "raw.stripe_invoices", "raw.stripe_invoice_lines"
CREDIT_NOTES, CREDIT_NOTE_LINES = "raw.stripe_credit_notes", "raw.stripe_credit_note_lines"
Record = tuple[str, Mapping[str, Any]]


def read_back(client: StripeClient, entity: str, period: str) -> list[Record]:
    """(relation, record) pairs of all invoices and credit notes with their lines, read completely.

    Raises:
        DestinationError: a page or a line could not be read.
    """
    since = created_since(date.fromisoformat(f"{period}-01"))
    records: list[Record] = []
    for path, header, relation, line_relation in (
        ("/v1/invoices", _invoice, INVOICES, INVOICE_LINES),
        ("/v1/credit_notes", _credit_note, CREDIT_NOTES, CREDIT_NOTE_LINES),
    ):
        for page in client.pages(path, since):
            for item in page:
                if _belongs(item, entity, period):
                    records.append((relation, header(item)))
                    records.extend((line_relation, _line(item, line)) for line in client.all_lines(item))
    return records


def _belongs(item: Object, entity: str, period: str) -> bool:
    owner = (item.get("metadata") or {}).get(ENTITY)
    return owner in (None, entity) and f"{document_day(item):%Y-%m}" == period


def _header(item: Object) -> dict[str, Any]:
    return {
        "remote_id": item["id"],
        "reference": (item.get("metadata") or {}).get(REFERENCE),
        "number": item.get("number"),
        "status": item["status"],
        "currency": currency_of(item),
        "document_date": document_day(item),
        "subtotal_minor": minor_of(item, item["subtotal"]),
        "tax_minor": minor_of(item, exclusive_tax(item.get("total_taxes"))),
        "total_minor": minor_of(item, item["total"]),
    }


def _invoice(item: Object) -> dict[str, Any]:
    credited = item["pre_payment_credit_notes_amount"] + item["post_payment_credit_notes_amount"]
    due = amount_due(item)
    return _header(item) | {
        "customer_remote_id": item["customer"],
        "credited_minor": minor_of(item, credited),
        "amount_due_minor": None if due is None else minor_of(item, due),
    }


def _credit_note(item: Object) -> dict[str, Any]:
    return _header(item) | {"invoice_remote_id": item["invoice"]}


def _line(item: Object, line: Object) -> dict[str, Any]:
    return {
        "remote_id": item["id"],
        "line_key": line_key_of(line),
        "amount_minor": minor_of(item, line["amount"]),
        "tax_minor": minor_of(item, exclusive_tax(line.get("taxes"))),
        "description": line.get("description"),
    }


def minor_of(item: Object, amount: int) -> int:
    """Stripe's integer in ISO minor units of the document's currency.

    Raises:
        DestinationError: it has no exact counterpart.
    """
    minor = from_stripe(amount, currency_of(item))
    if minor is None:
        raise DestinationError(f"stripe: {item['id']} holds {amount} of {currency_of(item)}, which is not a whole number of minor units")
    return minor
