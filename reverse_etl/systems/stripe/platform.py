"""What Stripe rated by itself: its invoices, credit notes and payments, and the usage that its meters counted.

A document that carries our reference was issued by us and is left out; a payment counts whoever issued its invoice. Which subscription a document
is for, and which charge a line, is told by the metadata that the platform's own catalogue carries: ``tieout_subscription_id`` on subscriptions,
``tieout_charge_id`` on prices. Amounts are in ISO minor units, days are those of the nearest midnight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import UsageWindow
from reverse_etl.systems.stripe.client import Object, StripeClient
from reverse_etl.systems.stripe.look_up import created_since
from reverse_etl.systems.stripe.read_back import minor_of
from reverse_etl.systems.stripe.remote import currency_of, document_day, exclusive_tax
from reverse_etl.systems.stripe.rendering import references
from reverse_etl.systems.stripe.units import timestamp_day

INVOICES, INVOICE_LINES = "raw.platform_invoices", "raw.platform_invoice_lines"
CREDIT_NOTES, CREDIT_NOTE_LINES = "raw.platform_credit_notes", "raw.platform_credit_note_lines"
PAYMENTS, USAGE = "raw.platform_payments", "raw.platform_usage"
SUBSCRIPTION_ID, CHARGE_ID = "tieout_subscription_id", "tieout_charge_id"
HALF_A_DAY = int(timedelta(hours=12).total_seconds())
Record = tuple[str, Mapping[str, Any]]


def read_platform(client: StripeClient, period: str, windows: Sequence[UsageWindow]) -> list[Record]:
    """Everything created since before the period; whatever was created before is no longer read, and counts as it was read last.

    Raises:
        DestinationError: a page, a line or a price could not be read.
    """
    since = created_since(date.fromisoformat(f"{period}-01"))
    get = cache(lambda path: _required(client, path))
    records: list[Record] = []
    for page in client.pages("/v1/invoices", since):
        for item in page:
            if not any(references(item.get("metadata") or {})):
                records.append((INVOICES, _invoice(item)))
                records.extend((INVOICE_LINES, _invoice_line(get, item, line)) for line in client.all_lines(item))
    for page in client.pages("/v1/credit_notes", since):
        for item in page:
            if not any(references(item.get("metadata") or {})):
                records.append((CREDIT_NOTES, _header(item) | {"invoice_remote_id": item["invoice"], "voided_on": _day(item.get("voided_at"))}))
                records.extend((CREDIT_NOTE_LINES, _credit_note_line(item, line)) for line in client.all_lines(item))
    records.extend((PAYMENTS, _payment(item)) for page in client.pages("/v1/invoice_payments", since) for item in page)
    records.extend((USAGE, record) for record in _usage(client, windows))
    return records


def _required(client: StripeClient, path: str) -> Object:
    found = client.get(path)
    if found is None:
        raise DestinationError(f"stripe: {path} is named by an invoice, but is not there")
    return found


def _header(item: Object) -> dict[str, Any]:
    return {
        "remote_id": item["id"],
        "number": item.get("number"),
        "status": item["status"],
        "currency": currency_of(item),
        "document_date": document_day(item),
        "subtotal_minor": minor_of(item, item["subtotal"]),
        "tax_minor": minor_of(item, exclusive_tax(item.get("total_taxes"))),
        "total_minor": minor_of(item, item["total"]),
    }


def _invoice(item: Object) -> dict[str, Any]:
    details = (item.get("parent") or {}).get("subscription_details") or {}
    transitions = item.get("status_transitions") or {}
    return _header(item) | {
        "customer_remote_id": item["customer"],
        "subscription_remote_id": details.get("subscription"),
        "subscription_id": (details.get("metadata") or {}).get(SUBSCRIPTION_ID),
        "finalized_on": _day(transitions.get("finalized_at")),
        "voided_on": _day(transitions.get("voided_at")),
        "period_start": _midnight(item.get("period_start")),
        "period_end": _midnight(item.get("period_end")),
        "amount_remaining_minor": minor_of(item, item["amount_remaining"]),
    }


def _invoice_line(get: Callable[[str], Object], item: Object, line: Object) -> dict[str, Any]:
    price_id = ((line.get("pricing") or {}).get("price_details") or {}).get("price")
    price = get(f"/v1/prices/{price_id}") if price_id else {}
    rates = [details["tax_rate"] for tax in line.get("taxes") or () if (details := tax.get("tax_rate_details"))]
    percentages = [Decimal(str(get(f"/v1/tax_rates/{rate}")["percentage"])) for rate in rates]
    return {
        "remote_id": item["id"],
        "remote_line_id": line["id"],
        "subscription_id": (line.get("metadata") or {}).get(SUBSCRIPTION_ID),
        "charge_id": (price.get("metadata") or {}).get(CHARGE_ID),
        "usage_type": (price.get("recurring") or {}).get("usage_type"),
        "quantity": line.get("quantity_decimal") or (None if line.get("quantity") is None else str(line["quantity"])),
        "amount_minor": minor_of(item, line["amount"]),
        "tax_minor": minor_of(item, exclusive_tax(line.get("taxes"))),
        "tax_percentage": format(sum(percentages, Decimal(0)), "f"),
        "period_start": _midnight(line["period"]["start"]),
        "period_end": _midnight(line["period"]["end"]),
        "description": line.get("description"),
    }


def _credit_note_line(item: Object, line: Object) -> dict[str, Any]:
    return {
        "remote_id": item["id"],
        "remote_line_id": line["id"],
        "invoice_line_remote_id": line.get("invoice_line_item"),
        "amount_minor": minor_of(item, line["amount"]),
        "tax_minor": minor_of(item, exclusive_tax(line.get("taxes"))),
        "description": line.get("description"),
    }


def _payment(item: Object) -> dict[str, Any]:
    payment = item.get("payment") or {}
    method = payment.get("type")
    return {
        "remote_id": item["id"],
        "invoice_remote_id": item["invoice"],
        "status": item["status"],
        "currency": currency_of(item),
        "amount_minor": minor_of(item, item.get("amount_paid") or 0),
        "paid_on": _day((item.get("status_transitions") or {}).get("paid_at")),
        "method": method,
        "payment_remote_id": payment.get(method) if method else None,
    }


def _usage(client: StripeClient, windows: Sequence[UsageWindow]) -> list[dict[str, Any]]:
    if not windows:
        return []
    meters = {meter["event_name"]: meter["id"] for page in client.pages("/v1/billing/meters") for meter in page}
    found = []
    for window in windows:
        meter = meters.get(window.event_name)
        path = f"/v1/billing/meters/{meter}/event_summaries"
        query = {"customer": window.customer_remote_id, "start_time": window.start, "end_time": window.end}
        counted = [Decimal(str(item["aggregated_value"])) for page in client.pages(path, query) for item in page] if meter else []
        record = {"customer_remote_id": window.customer_remote_id, "event_name": window.event_name, "remote_id": meter}
        found.append(record | {"window_start": window.start, "window_end": window.end, "counted": format(sum(counted, Decimal(0)), "f")})
    return found


def _day(seconds: int | None) -> date | None:
    return None if seconds is None else timestamp_day(seconds)


def _midnight(seconds: int | None) -> date | None:
    """The day whose midnight, in whatever time zone the account has, is nearest."""
    return None if seconds is None else timestamp_day(seconds + HALF_A_DAY - 1)
