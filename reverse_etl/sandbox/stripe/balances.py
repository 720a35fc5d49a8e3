"""The credit balance of a customer, a ledger per currency: https://docs.stripe.com/api/customer_balance_transactions.

A negative balance is a credit. It cannot be meant for one invoice: whichever is finalized next takes it.
"""

from __future__ import annotations

from reverse_etl.sandbox.stripe.currencies import check_amount, check_currency
from reverse_etl.sandbox.stripe.customers import URL as CUSTOMERS
from reverse_etl.sandbox.stripe.customers import merged_metadata, require_customer
from reverse_etl.sandbox.stripe.listing import page_of
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Object, Store, new_id

KIND = "customer_balance_transaction"


def create(store: Store, parameters: Parameters, identifier: str) -> str:
    """An adjustment: negative credits the customer."""
    amount, currency = parameters.required_integer("amount"), parameters.required_text("currency").lower()
    description, metadata = parameters.text("description"), parameters.metadata()
    parameters.finish()
    check_amount(amount, check_currency(currency), "amount")
    transaction = record(store, identifier, currency, amount, "adjustment", description=description, metadata=merged_metadata({}, metadata))
    return store.text(transaction, f"{CUSTOMERS}/{identifier}/balance_transactions")


def list_page(store: Store, parameters: Parameters, identifier: str) -> str:
    require_customer(store, identifier, None)
    invoice = parameters.text("invoice")
    return page_of(store, parameters, KIND, f"{CUSTOMERS}/{identifier}/balance_transactions", {"customer = ?": identifier, "invoice = ?": invoice})


def balance_of(customer: Object, currency: str) -> int:
    return int(customer.get("invoice_credit_balance", {}).get(currency, 0))


def record(store: Store, identifier: str, currency: str, amount: int, kind: str, **fields: object) -> Object:
    """Move the balance of a customer by an amount; the transaction."""
    customer = require_customer(store, identifier, None)
    ending = balance_of(customer, currency) + amount
    customer["currency"] = customer.get("currency") or currency
    customer["invoice_credit_balance"] = customer.get("invoice_credit_balance", {}) | {currency: ending}
    customer["balance"] = balance_of(customer, customer["currency"])
    store.update(customer)
    transaction: Object = {
        "id": new_id("cbtxn"),
        "object": KIND,
        "created": int(store.now()),
        "customer": identifier,
        "currency": currency,
        "amount": amount,
        "ending_balance": ending,
        "type": kind,
        "invoice": None,
        "credit_note": None,
        "description": None,
        "metadata": {},
        "livemode": False,
    }
    transaction |= fields
    store.insert(transaction)
    return transaction


def apply(store: Store, invoice: Object) -> None:
    """What finalization does: the balance settles the invoice as far as it goes, and takes what an invoice below zero leaves over."""
    starting = balance_of(require_customer(store, invoice["customer"], None), invoice["currency"])
    due = max(invoice["total"] + starting, 0)
    ending = invoice["total"] + starting - due
    invoice |= {"starting_balance": starting, "ending_balance": ending, "amount_due": due, "amount_remaining": due}
    if ending != starting:
        record(store, invoice["customer"], invoice["currency"], ending - starting, "applied_to_invoice", invoice=invoice["id"])


def return_from(store: Store, invoice: Object) -> None:
    """What a void invoice took goes back."""
    taken = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    if taken:
        record(store, invoice["customer"], invoice["currency"], -taken, "unapplied_from_invoice", invoice=invoice["id"])
