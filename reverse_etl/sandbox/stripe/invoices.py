"""Invoices: https://docs.stripe.com/api/invoices. Draft, then open (or paid at once when nothing is due), then paid or void."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from reverse_etl.sandbox.stripe import balances
from reverse_etl.sandbox.stripe.currencies import check_currency
from reverse_etl.sandbox.stripe.customers import merged_metadata, require_customer
from reverse_etl.sandbox.stripe.errors import invalid_parameter, missing, refused
from reverse_etl.sandbox.stripe.listing import line_page_of, page_of
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Object, Store, new_id
from reverse_etl.sandbox.stripe.taxes import exclusive_tax, total_taxes

URL = "/v1/invoices"
SECONDS_PER_DAY = 86400
STATUSES = ("draft", "open", "paid", "uncollectible", "void")
_FIXED_BY_FINALIZATION = ("number", "effective_at", "days_until_due", "due_date", "collection_method")


def create(store: Store, parameters: Parameters) -> str:
    customer_id, currency = parameters.required_text("customer"), (parameters.text("currency") or "usd").lower()
    check_currency(currency)
    if parameters.text("pending_invoice_items_behavior") == "include" or parameters.children("discounts"):
        raise invalid_parameter("This stand-in knows no pending invoice items and no discounts", "pending_invoice_items_behavior")
    fields, metadata, days, now = _fields(parameters), parameters.metadata(), parameters.integer("days_until_due"), int(store.now())
    _check_due(fields, days, now)
    parameters.finish()

    require_customer(store, customer_id, "customer")
    invoice = new_invoice(customer_id, currency, now) | fields
    if days is not None:
        invoice["due_date"] = now + days * SECONDS_PER_DAY
    invoice["metadata"] = merged_metadata({}, metadata)
    _unless_number_taken(store.insert, invoice)
    return store.text(invoice, URL)


def update(store: Store, parameters: Parameters, identifier: str) -> str:
    fixed = [name for name in _FIXED_BY_FINALIZATION if parameters.has(name)]
    fields, metadata, days, now = _fields(parameters), parameters.metadata(), parameters.integer("days_until_due"), int(store.now())
    parameters.finish()

    invoice = require_invoice(store, identifier)
    if fixed and invoice["status"] != "draft":
        raise refused(f"Finalized invoices can't be updated in this way: {fixed[0]}", param=fixed[0], code="invoice_not_editable")
    invoice |= fields
    if days is not None:
        invoice["due_date"] = invoice["created"] + days * SECONDS_PER_DAY
    if fields.keys() & {"due_date", "collection_method"}:
        _check_due(invoice, None, now)
    invoice["metadata"] = merged_metadata(invoice["metadata"], metadata)
    _unless_number_taken(store.update, invoice)
    return store.text(invoice, URL)


def retrieve(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    return store.text(require_invoice(store, identifier), URL)


def delete(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    if require_invoice(store, identifier)["status"] != "draft":
        raise refused("You can only delete draft invoices.", code="invoice_not_editable")
    store.delete(identifier)
    return f'{{"id": "{identifier}", "object": "invoice", "deleted": true}}'


def list_page(store: Store, parameters: Parameters) -> str:
    customer, status = parameters.text("customer"), parameters.choice("status", STATUSES)
    return page_of(store, parameters, "invoice", URL, {"customer = ?": customer, "status = ?": status})


def list_lines(store: Store, parameters: Parameters, identifier: str) -> str:
    require_invoice(store, identifier)
    return line_page_of(store, parameters, identifier, f"{URL}/{identifier}/lines")


def finalize(store: Store, parameters: Parameters, identifier: str) -> str:
    automatic = parameters.boolean("auto_advance") if parameters.has("auto_advance") else None
    parameters.finish()
    invoice = require_invoice(store, identifier)
    if invoice["status"] != "draft":
        raise refused("This invoice is already finalized, you can't re-finalize a non-draft invoice.", code="invoice_already_finalized")
    if store.count_lines(identifier) == 0:
        raise refused("Nothing to invoice: the invoice has no lines.", code="invoice_no_customer_line_items")
    invoice["auto_advance"] = invoice["auto_advance"] if automatic is None else automatic
    finalize_at(store, invoice, int(store.now()))
    _unless_number_taken(store.update, invoice)
    return store.text(invoice, URL)


def finalize_at(store: Store, invoice: Object, now: int) -> None:
    """A draft becomes open, or paid at once when nothing is due."""
    invoice["number"] = invoice["number"] or f"SANDBOX-{invoice['id'][-12:].upper()}"
    invoice["effective_at"] = invoice["effective_at"] or now
    invoice["status_transitions"]["finalized_at"] = now
    invoice["status"] = "open"
    balances.apply(store, invoice)
    if invoice["amount_due"] <= 0:
        _settle(invoice, now)


def void(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    invoice = require_invoice(store, identifier)
    if invoice["status"] not in ("open", "uncollectible"):
        raise refused(f"You can only void open invoices; this one is {invoice['status']}.")
    invoice["status"] = "void"
    invoice["status_transitions"]["voided_at"] = int(store.now())
    balances.return_from(store, invoice)
    store.update(invoice)
    return store.text(invoice, URL)


def pay(store: Store, parameters: Parameters, identifier: str) -> str:
    out_of_band, method = parameters.boolean("paid_out_of_band"), parameters.text("payment_method")
    parameters.finish()
    invoice = require_invoice(store, identifier)
    if invoice["status"] != "open":
        raise refused(f"Invoice is {invoice['status']} and cannot be paid.", code="invoice_not_payable")
    if out_of_band == (method is not None):
        raise refused("The customer has no payment method; give either paid_out_of_band=true or a payment_method.", code="missing")
    now = int(store.now())
    invoice["amount_paid"] = invoice["amount_due"]
    _settle(invoice, now)
    store.update(invoice)
    store.insert(_payment(invoice, "payment_record" if out_of_band else "payment_intent", now))
    return store.text(invoice, URL)


def require_invoice(store: Store, identifier: str, param: str | None = None) -> Object:
    invoice = store.find("invoice", identifier)
    if invoice is None:
        raise missing("invoice", identifier, param)
    return invoice


def recompute(store: Store, invoice: Object) -> None:
    """The totals of a draft from its lines."""
    lines = store.lines(invoice["id"])
    invoice["subtotal"] = sum(line["amount"] for line in lines)
    invoice["total_taxes"] = total_taxes(lines)
    invoice["total"] = invoice["subtotal"] + exclusive_tax(invoice["total_taxes"])
    invoice["total_excluding_tax"] = invoice["subtotal_excluding_tax"] = invoice["total"] - sum(tax["amount"] for tax in invoice["total_taxes"])
    invoice["amount_due"] = invoice["amount_remaining"] = max(invoice["total"], 0)


def credit(invoice: Object, total: int, now: int) -> tuple[int, int]:
    """Reduce what is due by a credit note: (part before payment, part after payment)."""
    before = min(total, invoice["amount_remaining"])
    after = total - before
    invoice["amount_remaining"] -= before
    invoice["amount_due"] -= before
    invoice["pre_payment_credit_notes_amount"] += before
    invoice["post_payment_credit_notes_amount"] += after
    if invoice["status"] == "open" and invoice["amount_remaining"] == 0:
        _settle(invoice, now)
    return before, after


def _payment(invoice: Object, kind: str, now: int) -> Object:
    return {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": invoice["amount_paid"],
        "amount_requested": invoice["amount_paid"],
        "created": now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": kind, kind: new_id("pi" if kind == "payment_intent" else "pr")},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": now},
    }


def _settle(invoice: Object, now: int) -> None:
    invoice["status"] = "paid"
    invoice["amount_remaining"] = 0
    invoice["status_transitions"]["paid_at"] = now


def _fields(parameters: Parameters) -> Object:
    fields: Object = {}
    for name in ("number", "description", "footer"):
        if parameters.has(name):
            fields[name] = parameters.text(name)
    for name in ("due_date", "effective_at"):
        if parameters.has(name):
            fields[name] = parameters.integer(name)
    if parameters.has("collection_method"):
        fields["collection_method"] = parameters.choice("collection_method", ("charge_automatically", "send_invoice"))
    if parameters.has("auto_advance"):
        fields["auto_advance"] = parameters.boolean("auto_advance")
    return fields


def _check_due(fields: Object, days: int | None, now: int) -> None:
    due = fields.get("due_date")
    if due is not None and due <= now:
        raise invalid_parameter("Invalid timestamp: must be an integer Unix timestamp in the future.", "due_date")
    if days is not None and days < 0:
        raise invalid_parameter(f"Invalid non-negative integer: {days}", "days_until_due")
    sends = fields.get("collection_method") == "send_invoice"
    if sends and due is None and days is None:
        raise invalid_parameter("If invoice has collection_method=send_invoice, days_until_due or due_date is required.", "days_until_due")
    if not sends and (due is not None or days is not None):
        raise invalid_parameter("You can only specify a due date if collection_method=send_invoice.", "due_date")


def _unless_number_taken(write: Callable[[Object], None], invoice: Object) -> None:
    try:
        write(invoice)
    except sqlite3.IntegrityError:
        raise refused(f"An invoice with number '{invoice['number']}' already exists.", param="number") from None


def new_invoice(customer: str, currency: str, now: int) -> Object:
    """An empty draft."""
    amounts = ("amount_due", "amount_paid", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
    credits = ("pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")
    return {
        "id": new_id("in"),
        "object": "invoice",
        "created": now,
        "customer": customer,
        "currency": currency,
        "status": "draft",
        "number": None,
        "description": None,
        "footer": None,
        "auto_advance": False,
        "collection_method": "charge_automatically",
        "due_date": None,
        "effective_at": None,
        "livemode": False,
        "automatic_tax": {"enabled": False},
        "billing_reason": "manual",
        "parent": None,
        "period_start": now,
        "period_end": now,
        "discounts": [],
        "default_tax_rates": [],
        "total_taxes": [],
        "starting_balance": 0,
        "ending_balance": None,
        "status_transitions": {"finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None},
    } | dict.fromkeys((*amounts, *credits), 0)
