"""Customers: https://docs.stripe.com/api/customers."""

from __future__ import annotations

from reverse_etl.sandbox.stripe.errors import missing
from reverse_etl.sandbox.stripe.listing import page_of
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Object, Store, new_id

URL = "/v1/customers"
_TEXTS = ("name", "email", "phone", "description")
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


def create(store: Store, parameters: Parameters) -> str:
    fields, metadata = _fields(parameters), parameters.metadata()
    parameters.finish()
    customer: Object = {"id": new_id("cus"), "object": "customer", "created": int(store.now()), "address": None, "livemode": False}
    customer |= {"balance": 0, "currency": None, "invoice_credit_balance": {}}
    customer |= dict.fromkeys(_TEXTS) | fields | {"metadata": merged_metadata({}, metadata)}
    store.insert(customer)
    return store.text(customer, URL)


def update(store: Store, parameters: Parameters, identifier: str) -> str:
    fields, metadata = _fields(parameters), parameters.metadata()
    parameters.finish()
    customer = require_customer(store, identifier, None)
    customer |= fields
    customer["metadata"] = merged_metadata(customer["metadata"], metadata)
    store.update(customer)
    return store.text(customer, URL)


def retrieve(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    return store.text(require_customer(store, identifier, None), URL)


def list_page(store: Store, parameters: Parameters) -> str:
    email = parameters.text("email")
    return page_of(store, parameters, "customer", URL, {"email = ?": email})


def require_customer(store: Store, identifier: str, param: str | None) -> Object:
    customer = store.find("customer", identifier)
    if customer is None:
        raise missing("customer", identifier, param)
    return customer


def _fields(parameters: Parameters) -> Object:
    fields: Object = {name: parameters.text(name) for name in _TEXTS if parameters.has(name)}
    address = parameters.child("address")
    if address is not None:
        fields["address"] = {name: address.text(name) for name in _ADDRESS}
    return fields


def merged_metadata(before: dict[str, str], change: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in (before | change).items() if value != ""}
