"""Payments of invoices: https://docs.stripe.com/api/invoice-payment."""

from __future__ import annotations

from reverse_etl.sandbox.stripe.listing import page_of
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Store

URL = "/v1/invoice_payments"


def list_page(store: Store, parameters: Parameters) -> str:
    invoice, status = parameters.text("invoice"), parameters.choice("status", ("open", "paid", "canceled"))
    return page_of(store, parameters, "invoice_payment", URL, {"invoice = ?": invoice, "status = ?": status})
