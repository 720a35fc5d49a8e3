"""Lines of draft invoices: https://docs.stripe.com/api/invoice-line-item/bulk."""

from __future__ import annotations

from dataclasses import dataclass

from reverse_etl.sandbox.stripe.currencies import check_amount
from reverse_etl.sandbox.stripe.customers import merged_metadata
from reverse_etl.sandbox.stripe.errors import invalid_parameter, refused
from reverse_etl.sandbox.stripe.invoices import URL, recompute, require_invoice
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Object, Store, new_id
from reverse_etl.sandbox.stripe.taxes import TaxAmount, read_tax_amounts, shown_tax

MOST_LINES = 250


@dataclass(frozen=True, slots=True)
class NewLine:
    amount: int
    description: str | None
    start: int
    end: int
    metadata: dict[str, str]
    taxes: list[TaxAmount]


def add_lines(store: Store, parameters: Parameters, identifier: str) -> str:
    invoice_metadata, now = parameters.metadata("invoice_metadata"), int(store.now())
    lines = [_read(line, now) for line in parameters.children("lines")]
    if not lines:
        raise invalid_parameter("Missing required param: lines.", "lines", "parameter_missing")
    parameters.finish()

    invoice = require_invoice(store, identifier)
    if invoice["status"] != "draft":
        raise refused("This invoice is no longer editable: lines can only be added to drafts.", code="invoice_not_editable")
    if store.count_lines(identifier) + len(lines) > MOST_LINES:
        raise refused(f"An invoice can have at most {MOST_LINES} line items.", param="lines")
    for place, line in enumerate(lines):
        for amount in (line.amount, *(tax.amount for tax in line.taxes)):
            check_amount(amount, invoice["currency"], f"lines[{place}][amount]")
    store.add_lines(identifier, [_shown(store, invoice, line) for line in lines])
    recompute(store, invoice)
    invoice["metadata"] = merged_metadata(invoice["metadata"], invoice_metadata)
    store.update(invoice)
    return store.text(invoice, URL)


def _read(line: Parameters, now: int) -> NewLine:
    amount, description, metadata = line.required_integer("amount"), line.text("description"), line.metadata()
    line.boolean("discountable")
    if line.children("discounts"):
        raise invalid_parameter("This stand-in knows no discounts", line.name_of("discounts"))
    period = line.child("period")
    start, end = (period.required_integer("start"), period.required_integer("end")) if period else (now, now)
    if end < start:
        raise invalid_parameter("The end of the period must be greater than or equal to the start.", line.name_of("period"))
    return NewLine(amount, description, start, end, metadata, read_tax_amounts(line, by_id=False))


def _shown(store: Store, invoice: Object, line: NewLine) -> Object:
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": line.amount,
        "currency": invoice["currency"],
        "description": line.description,
        "discountable": False,
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": merged_metadata({}, line.metadata),
        "parent": {
            "type": "invoice_item_details",
            "invoice_item_details": {"invoice_item": new_id("ii"), "proration": False, "subscription": None},
        },
        "period": {"start": line.start, "end": line.end},
        "quantity": 1,
        "quantity_decimal": "1",
        "subtotal": line.amount,
        "taxes": [shown_tax(store, tax) for tax in line.taxes],
    }
