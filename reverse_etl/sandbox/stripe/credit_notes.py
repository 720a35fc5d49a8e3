"""Credit notes: https://docs.stripe.com/api/credit_notes. They reduce what is due first; the rest must be refunded or credited elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from reverse_etl.sandbox.stripe import balances
from reverse_etl.sandbox.stripe.billing.rating import whole
from reverse_etl.sandbox.stripe.currencies import check_amount
from reverse_etl.sandbox.stripe.customers import merged_metadata
from reverse_etl.sandbox.stripe.errors import invalid_parameter, missing, refused
from reverse_etl.sandbox.stripe.invoices import credit, require_invoice
from reverse_etl.sandbox.stripe.listing import line_page_of, page_of
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Object, Store, new_id
from reverse_etl.sandbox.stripe.taxes import TaxAmount, exclusive_tax, read_tax_amounts, shown_tax, total_taxes

URL = "/v1/credit_notes"
REASONS = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")


@dataclass(frozen=True, slots=True)
class NewLine:
    kind: str
    invoice_line: str | None
    amount: int
    description: str | None
    metadata: dict[str, str]
    taxes: list[TaxAmount] | None
    name: str
    unit_amount: Decimal | None
    quantity: int | None


def create(store: Store, parameters: Parameters) -> str:
    invoice_id, memo, metadata = parameters.required_text("invoice"), parameters.text("memo"), parameters.metadata()
    reason, effective = parameters.choice("reason", REASONS), parameters.integer("effective_at")
    parameters.choice("email_type", ("credit_note", "none"))
    to_balance, refund, out_of_band = (parameters.integer(name) for name in ("credit_amount", "refund_amount", "out_of_band_amount"))
    for name, amount in (("credit_amount", to_balance), ("refund_amount", refund), ("out_of_band_amount", out_of_band)):
        if amount is not None and amount < 0:
            raise invalid_parameter(f"Invalid non-negative integer: {amount}", name)
    elsewhere = (to_balance or 0) + (refund or 0) + (out_of_band or 0)
    lines = [_read(line) for line in parameters.children("lines")]
    if not lines:
        raise invalid_parameter("Missing required param: lines (this stand-in credits by line only).", "lines", "parameter_missing")
    parameters.finish()

    invoice = require_invoice(store, invoice_id, "invoice")
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise refused(f"You can only create a credit note for a finalized invoice; this one is {invoice['status']}.", param="invoice")
    for place, line in enumerate(lines):
        for amount in (line.amount, *(tax.amount for tax in line.taxes or ())):
            check_amount(amount, invoice["currency"], f"lines[{place}][amount]")
    invoice_lines = {line["id"]: line for line in store.lines(invoice_id)}
    shown = [_shown(store, invoice_lines, line) for line in lines]
    taxes = total_taxes(shown)
    subtotal = sum(line["amount"] for line in shown)
    total = subtotal + exclusive_tax(taxes)
    credited = invoice["pre_payment_credit_notes_amount"] + invoice["post_payment_credit_notes_amount"]
    if total <= 0:
        raise refused("The credit note's total must be positive.", param="lines")
    if total > invoice["total"] - credited:
        raise refused(f"The credit note's total of {total} is greater than the {invoice['total'] - credited} left on the invoice.", param="lines")
    now = int(store.now())
    before, after = credit(invoice, total, now)
    if after != elsewhere:
        raise refused(f"The sum of refund_amount, credit_amount and out_of_band_amount ({elsewhere}) must equal the post-payment amount ({after}).")
    if (refund or 0) > (refundable := _refundable(store, invoice_id)):
        raise refused(f"The refund_amount of {refund} is greater than the {refundable} of charges that are left to refund.", param="refund_amount")
    store.update(invoice)
    note: Object = {
        "id": new_id("cn"),
        "object": "credit_note",
        "created": now,
        "customer": invoice["customer"],
        "invoice": invoice_id,
        "currency": invoice["currency"],
        "status": "issued",
        "number": f"{invoice['number']}-CN-{store.count_for_invoice(invoice_id) + 1:02d}",
        "memo": memo,
        "metadata": merged_metadata({}, metadata),
        "reason": reason,
        "effective_at": effective or now,
        "type": "pre_payment" if after == 0 else "post_payment" if before == 0 else "mixed",
        "amount": total,
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": subtotal,
        "total_taxes": taxes,
        "pre_payment_amount": before,
        "post_payment_amount": after,
        "out_of_band_amount": out_of_band,
        "refunds": [{"amount_refunded": refund, "refund": new_id("re"), "type": "refund"}] if refund else [],
        "livemode": False,
        "voided_at": None,
    }
    store.insert(note)
    if to_balance:
        balances.record(store, note["customer"], note["currency"], -to_balance, "credit_note", credit_note=note["id"])
    store.add_lines(note["id"], shown)
    return store.text(note, URL)


def retrieve(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    return store.text(_require(store, identifier), URL)


def update(store: Store, parameters: Parameters, identifier: str) -> str:
    memo, metadata = parameters.text("memo"), parameters.metadata()
    parameters.finish()
    note = _require(store, identifier)
    note["memo"] = memo if memo is not None else note["memo"]
    note["metadata"] = merged_metadata(note["metadata"], metadata)
    store.update(note)
    return store.text(note, URL)


def list_page(store: Store, parameters: Parameters) -> str:
    invoice, customer = parameters.text("invoice"), parameters.text("customer")
    return page_of(store, parameters, "credit_note", URL, {"invoice = ?": invoice, "customer = ?": customer})


def list_lines(store: Store, parameters: Parameters, identifier: str) -> str:
    _require(store, identifier)
    return line_page_of(store, parameters, identifier, f"{URL}/{identifier}/lines")


def _refundable(store: Store, invoice: str) -> int:
    """What charges have paid of an invoice and no credit note has refunded; what was paid out of band is not Stripe's to refund."""
    paid: Iterator[int] = (
        payment["amount_paid"] for payment in store.of_invoice("invoice_payment", invoice) if payment["payment"]["type"] == "payment_intent"
    )
    refunded: Iterator[int] = (refund["amount_refunded"] for note in store.of_invoice("credit_note", invoice) for refund in note["refunds"])
    return sum(paid) - sum(refunded)


def _require(store: Store, identifier: str) -> Object:
    note = store.find("credit_note", identifier)
    if note is None:
        raise missing("credit note", identifier)
    return note


def _read(line: Parameters) -> NewLine:
    kind = line.choice("type", ("custom_line_item", "invoice_line_item"))
    if kind is None:
        raise invalid_parameter("Missing required param: type.", line.name_of("type"), "parameter_missing")
    custom = kind == "custom_line_item"
    for name in ("amount", "invoice_line_item") if custom else ("description", "unit_amount", "unit_amount_decimal"):
        if line.has(name):
            raise invalid_parameter(f"You cannot use {name} when type is {kind}.", line.name_of(name))
    quantity = line.integer("quantity")
    if custom:
        invoice_line, description, unit_amount = None, line.required_text("description"), _unit_amount(line)
        amount = whole(unit_amount * (quantity or 1))
    else:
        invoice_line, description, unit_amount = line.required_text("invoice_line_item"), None, None
        amount = line.required_integer("amount")
    taxes = read_tax_amounts(line, by_id=True) if line.has("tax_amounts") else None
    return NewLine(kind, invoice_line, amount, description, line.metadata(), taxes, line.name_of("invoice_line_item"), unit_amount, quantity)


def _unit_amount(line: Parameters) -> Decimal:
    """In minor units, whole or with up to twelve decimals; exactly one of the two."""
    exact = line.decimal("unit_amount_decimal")
    if exact is None:
        return Decimal(line.required_integer("unit_amount"))
    if line.has("unit_amount"):
        raise invalid_parameter("You may only specify one of these parameters: unit_amount, unit_amount_decimal.", line.name_of("unit_amount"))
    return Decimal(exact)


def _shown(store: Store, invoice_lines: dict[str, Object], line: NewLine) -> Object:
    credited = invoice_lines.get(line.invoice_line or "")
    if line.invoice_line is not None and credited is None:
        raise missing("invoice line item", line.invoice_line, line.name)
    if line.taxes is not None:
        taxes = [shown_tax(store, tax) for tax in line.taxes]
    else:
        taxes = [_share(tax, line.amount, credited["amount"]) for tax in credited["taxes"]] if credited and credited["amount"] else []
    unit = line.unit_amount
    return {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "type": line.kind,
        "invoice_line_item": line.invoice_line,
        "amount": line.amount,
        "description": credited["description"] if credited else line.description,
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": False,
        "metadata": merged_metadata({}, line.metadata),
        "quantity": None if credited else line.quantity or 1,
        "tax_rates": [],
        "taxes": taxes,
        "unit_amount": int(unit) if unit is not None and unit == int(unit) else None,
        "unit_amount_decimal": None if unit is None else format(unit.normalize(), "f"),
    }


def _share(tax: Object, amount: int, of: int) -> Object:
    """The tax of a part of a line, in proportion, half away from zero."""
    doubled = 2 * tax["amount"] * amount
    share = (abs(doubled) + abs(of)) // (2 * abs(of))
    return tax | {"amount": share if doubled * of >= 0 else -share, "taxable_amount": amount}
