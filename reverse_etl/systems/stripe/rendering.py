"""Which calls post a document, and the request of each. Pure: the same context gives the same bytes.

Sources: https://docs.stripe.com/api/invoices/create, .../invoice-line-item/bulk, .../credit_notes/create, .../customers/create,
https://docs.stripe.com/api/billing/meter-event/create.

Choices that the API leaves open:
- Due dates go as ``days_until_due``: Stripe refuses a ``due_date`` in the past, so a late or repeated close could never be posted. The exact
  date is in the metadata.
- Tax goes as ``tax_amounts`` with ``tax_rate_data``, on top of the net even where the price includes it; Stripe computes none. Credit notes
  name the tax rate Stripe created for the invoice's line.
- A credit note reduces what an open invoice has due. On a paid invoice Stripe refuses it unless it says where the money goes, which is a decision
  of a person: to the customer's balance (``credit_amount``), or back. What goes back is refunded to the charges that Stripe holds
  (``refund_amount``), and named as returned outside of Stripe (``out_of_band_amount``) where Stripe only knows that it was paid; of an invoice
  that was paid elsewhere and is open at Stripe neither is named.
- Prepaid credits go through the customer's balance, as much as the invoice draws and right before it is finalized, for the balance cannot be meant
  for one invoice. What a credit note gives back to them goes as credited outside of Stripe: a balance left there would settle the next invoice.
- Tax identifiers travel in the metadata: Stripe's own object needs a type that our customer file does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from reverse_etl.documents import SealedDocument, canonical_json
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.contract import Dependency, RenderContext
from reverse_etl.systems.stripe.units import day_timestamp, service_period, to_stripe

CUSTOMER, INVOICE, CREDIT_MEMO, USAGE_REPORT = "customer", "invoice", "credit_memo", "usage_report"
CREATE, UPDATE, ADD_LINES, APPLY_CREDIT, FINALIZE = "create", "update", "add_lines", "apply_credit", "finalize"

# Stripe allows 250 lines an invoice and publishes no limit a call; smaller bodies keep a call well inside its deadline.
LINES_PER_CALL = 100
MOST_LINES = 250

# Why a line has no tax, in Stripe's words; a line that is taxed needs none.
TAXABILITY_REASONS = {"exempt": "customer_exempt", "reverse_charge": "reverse_charge"}

REFERENCE, BUSINESS_KEY, ENTITY, NUMBER, LINE_KEY = "tieout_reference", "tieout_business_key", "tieout_entity", "tieout_number", "tieout_line_key"
INVOICE_ID = "tieout_invoice"
RESTORED, REFUNDED, RETURNED = "restored_credit_minor", "refund_amount_minor", "out_of_band_amount_minor"


def call_names(document: SealedDocument) -> tuple[str, ...]:
    if document.document_type == INVOICE:
        return (CREATE, *line_calls(document), *((APPLY_CREDIT,) if applied_credit(document) else ()), FINALIZE)
    if document.document_type == CUSTOMER and document.operation == "update":
        return (UPDATE,)
    return (CREATE,)


def applied_credit(document: SealedDocument) -> int:
    """What an invoice draws from prepaid credits, in minor units."""
    return int(document.payload.get("applied_credit_minor") or 0)


def line_calls(document: SealedDocument) -> dict[str, Sequence[Mapping[str, Any]]]:
    """The calls that add an invoice's lines, with the lines of each."""
    lines = document.payload["lines"]
    chunks = [lines[start : start + LINES_PER_CALL] for start in range(0, len(lines), LINES_PER_CALL)]
    return {ADD_LINES if index == 0 else f"{ADD_LINES}_{index + 1}": chunk for index, chunk in enumerate(chunks)}


def refusal(document: SealedDocument) -> str | None:
    """Why Stripe could never take this document whole, known before the first call."""
    lines = len(document.payload.get("lines", ()))
    return f"{lines} lines; Stripe takes at most {MOST_LINES} per invoice: split it in the invoicing policy" if lines > MOST_LINES else None


def render(context: RenderContext, call: str) -> bytes:
    """Canonical JSON of ``{"method", "path", "form"}``.

    Raises:
        OutboxContractError: the document or what it depends on does not hold what the call needs.
    """
    document = context.document
    if document.document_type == CUSTOMER:
        path, form = _customer(context, call)
    elif document.document_type == CREDIT_MEMO:
        path, form = "/v1/credit_notes", _credit_note(context)
    elif document.document_type == USAGE_REPORT:
        path, form = "/v1/billing/meter_events", _meter_event(context)
    elif call == CREATE:
        path, form = "/v1/invoices", _invoice(context)
    elif call == FINALIZE:
        path, form = f"/v1/invoices/{_created(context)}/finalize", {"auto_advance": False}
    elif call == APPLY_CREDIT:
        path, form = _balance_transaction(context)
    else:
        path = f"/v1/invoices/{_created(context)}/add_lines"
        form = {"lines": [_invoice_line(document, line) for line in line_calls(document)[call]]}
    return canonical_json({"method": "POST", "path": path, "form": _without_none(form)})


def _customer(context: RenderContext, call: str) -> tuple[str, dict[str, Any]]:
    document, payload = context.document, context.document.payload
    metadata = _metadata(document) | {"tieout_customer_id": payload["customer_id"], "tieout_tax_id": payload.get("tax_id") or ""}
    form = {"name": payload["name"], "email": payload.get("email") or "", "address": {"country": payload.get("country")}, "metadata": metadata}
    if call == CREATE:
        return "/v1/customers", form
    return f"/v1/customers/{_dependency(context, document.business_key).remote_id}", form


def _invoice(context: RenderContext) -> dict[str, Any]:
    document, payload = context.document, context.document.payload
    days = (date.fromisoformat(payload["due_date"]) - document.document_date).days if payload.get("due_date") else 0
    return {
        "customer": _dependency(context, _customer_key(document)).remote_id,
        "auto_advance": False,
        "collection_method": "send_invoice",
        "currency": document.currency.lower(),
        "days_until_due": max(days, 0),
        "discounts": "",
        "effective_at": day_timestamp(document.document_date),
        "metadata": _metadata(document) | {"tieout_due_date": payload.get("due_date")},
        "number": document.number,
        "pending_invoice_items_behavior": "exclude",
    }


def _balance_transaction(context: RenderContext) -> tuple[str, dict[str, Any]]:
    document = context.document
    return f"/v1/customers/{_dependency(context, _customer_key(document)).remote_id}/balance_transactions", {
        "amount": -to_stripe(applied_credit(document), document.currency),
        "currency": document.currency.lower(),
        "description": f"Prepaid credits for invoice {document.number}",
        "metadata": _metadata(document) | {INVOICE_ID: _created(context)},
    }


def _invoice_line(document: SealedDocument, line: Mapping[str, Any]) -> dict[str, Any]:
    amount = to_stripe(line["amount_minor"], document.currency)
    tax = to_stripe(line["tax_minor"], document.currency)
    rate = line.get("tax_rate")
    tax_amounts = None
    if rate is not None or tax:
        rate_data = {"display_name": line.get("tax_code") or "tax", "inclusive": False, "percentage": percentage(rate)}
        reason = TAXABILITY_REASONS.get(line.get("tax_treatment") or "")
        tax_amounts = [{"amount": tax, "taxable_amount": amount, "tax_rate_data": rate_data, "taxability_reason": reason}]
    return {
        "amount": amount,
        "description": _description(line, document.payload.get("customer_id")),
        "metadata": {LINE_KEY: line["line_key"], "tieout_quantity": line.get("quantity"), "tieout_customer_id": line.get("customer_id")},
        "period": service_period(date.fromisoformat(line["service_period_start"]), date.fromisoformat(line["service_period_end"])),
        "tax_amounts": tax_amounts,
    }


def _credit_note(context: RenderContext) -> dict[str, Any]:
    document, payload = context.document, context.document.payload
    invoice = _dependency(context, payload["invoice_key"])
    restored, refunded, returned = (int(payload.get(name) or 0) for name in (RESTORED, REFUNDED, RETURNED))
    known = {key: line for name, reply in invoice.replies.items() if name.startswith(ADD_LINES) for key, line in reply["lines"].items()}
    return {
        "invoice": invoice.remote_id,
        "credit_amount": to_stripe(document.total_minor - restored, document.currency) if payload.get("disposition") == "credit" else None,
        "effective_at": day_timestamp(document.document_date),
        "email_type": "none",
        "lines": [_credit_note_line(document, line, known) for line in payload["lines"]],
        "memo": f"Credit memo {document.number} on invoice {payload['invoice_number']}",
        "metadata": _metadata(document) | {NUMBER: document.number},
        "out_of_band_amount": to_stripe(restored + returned, document.currency) if restored + returned else None,
        "refund_amount": to_stripe(refunded, document.currency) if refunded else None,
    }


def _credit_note_line(document: SealedDocument, line: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    amount = to_stripe(line["amount_minor"], document.currency)
    tax = to_stripe(line["tax_minor"], document.currency)
    corrected = known.get(line.get("corrects_line_key") or "")
    rate = corrected.get("tax_rate") if corrected else None
    if tax and rate is None:
        rate = next((other["tax_rate"] for other in known.values() if other.get("percentage") == percentage(line.get("tax_rate"))), None)
        if rate is None:
            raise OutboxContractError(
                f"{document.business_key}: line {line['line_key']} credits tax of {tax}, but no line of invoice {document.payload['invoice_number']}"
                f" carries tax at {line.get('tax_rate')}; correct a line of that invoice"
            )
    common = {
        "metadata": {LINE_KEY: line["line_key"]},
        "tax_amounts": [{"amount": tax, "taxable_amount": amount, "tax_rate": rate}] if rate else None,
    }
    if corrected:
        return common | {"type": "invoice_line_item", "invoice_line_item": corrected["id"], "amount": amount}
    return common | {
        "type": "custom_line_item",
        "description": _description(line, document.payload.get("customer_id")),
        "quantity": 1,
        "unit_amount": amount,
    }


def _meter_event(context: RenderContext) -> dict[str, Any]:
    """Our reference is the identifier, by which Stripe refuses the same event a second time."""
    document, payload = context.document, context.document.payload
    return {
        "event_name": payload["event_name"],
        "identifier": document.reference,
        "payload": {"stripe_customer_id": _dependency(context, _customer_key(document)).remote_id, "value": payload["value"]},
        "timestamp": payload["timestamp"],
    }


def _metadata(document: SealedDocument) -> dict[str, Any]:
    # A later revision adds its reference beside the first, so that every sealed revision stays findable.
    name = REFERENCE if document.revision <= 1 else f"{REFERENCE}_{document.revision}"
    return {name: document.reference, BUSINESS_KEY: document.business_key, ENTITY: document.entity}


def _description(line: Mapping[str, Any], billed_customer: str | None) -> str:
    counted = f"{line['description']} (quantity {line['quantity']})" if line.get("kind") == "usage" and line.get("quantity") else line["description"]
    if line.get("customer_id") not in (None, billed_customer):
        counted = f"{line['customer_id']}: {counted}"
    # An invoice without tax has to say why.
    if line.get("tax_treatment") == "reverse_charge":
        return f"{counted}, reverse charge, VAT id {line['customer_tax_id']}"
    if line.get("tax_treatment") == "exempt":
        return f"{counted}, exempt from tax: {line['exemption_reason']}, certificate {line['exemption_certificate']}"
    return str(counted)


def percentage(rate: str | None) -> str:
    """The rate in percent, exactly: Stripe refuses more than four decimals rather than have us round."""
    percent = (Decimal(rate or "0") * 100).normalize()
    return format(percent, "f")


def _customer_key(document: SealedDocument) -> str:
    for key in document.depends_on:
        if key.split("/")[2:3] == [CUSTOMER]:
            return key
    raise OutboxContractError(f"{document.business_key}: depends on no customer; the outbox must name one in depends_on")


def _dependency(context: RenderContext, key: str) -> Dependency:
    try:
        return context.dependencies[key]
    except KeyError:
        raise OutboxContractError(f"{context.document.business_key}: needs {key}, which is not posted at Stripe") from None


def _created(context: RenderContext) -> str:
    return str(context.replies[CREATE]["id"])


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_none(inner) for inner in value]
    return value


def references(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Every reference of ours that an object carries."""
    return (str(value) for name, value in metadata.items() if name == REFERENCE or name.startswith(f"{REFERENCE}_"))
