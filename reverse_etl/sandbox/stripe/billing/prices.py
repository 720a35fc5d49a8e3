"""Metered prices and tax rates: https://docs.stripe.com/api/prices, https://docs.stripe.com/api/tax_rates."""

from __future__ import annotations

import json

from reverse_etl.sandbox.stripe.billing.meters import require_meter
from reverse_etl.sandbox.stripe.customers import merged_metadata
from reverse_etl.sandbox.stripe.errors import invalid_parameter, missing
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Object, Store, new_id

URL = "/v1/prices"


def create(store: Store, parameters: Parameters) -> str:
    currency, metadata = parameters.required_text("currency").lower(), parameters.metadata()
    product = parameters.child("product_data")
    recurring = parameters.child("recurring")
    if recurring is None or recurring.choice("interval", ("month",)) is None or recurring.choice("usage_type", ("metered",)) is None:
        raise invalid_parameter("This stand-in knows prices that are metered by the month.", "recurring", "parameter_missing")
    meter = recurring.required_text("meter")
    name = product.required_text("name") if product else "product"
    scheme = parameters.choice("billing_scheme", ("per_unit", "tiered")) or "per_unit"
    mode = parameters.choice("tiers_mode", ("graduated", "volume"))
    unit_amount = parameters.decimal("unit_amount_decimal")
    tiers = [_tier(tier) for tier in parameters.children("tiers")]
    parameters.finish()
    if scheme == "tiered" and (not tiers or mode is None or tiers[-1]["up_to"] is not None):
        raise invalid_parameter("Tiered prices need tiers_mode and tiers, the last one up to inf.", "tiers")
    if scheme == "per_unit" and unit_amount is None:
        raise invalid_parameter("Missing required param: unit_amount_decimal.", "unit_amount_decimal", "parameter_missing")
    require_meter(store, meter, "recurring[meter]")
    price: Object = {
        "id": new_id("price"),
        "object": "price",
        "active": True,
        "billing_scheme": scheme,
        "created": int(store.now()),
        "currency": currency,
        "livemode": False,
        "metadata": merged_metadata({}, metadata),
        "nickname": name,
        "product": new_id("prod"),
        "recurring": {"interval": "month", "interval_count": 1, "meter": meter, "usage_type": "metered"},
        "tiers": tiers or None,
        "tiers_mode": mode,
        "type": "recurring",
        "unit_amount_decimal": unit_amount,
    }
    store.insert(price)
    return store.text(price, URL)


def retrieve(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    return store.text(require_price(store, identifier), URL)


def require_price(store: Store, identifier: str, param: str | None = None) -> Object:
    price = store.find("price", identifier)
    if price is None:
        raise missing("price", identifier, param)
    return price


def create_tax_rate(store: Store, parameters: Parameters) -> str:
    rate: dict[str, object] = {"display_name": parameters.required_text("display_name"), "percentage": parameters.percentage("percentage")}
    rate["inclusive"] = parameters.boolean("inclusive")
    parameters.finish()
    return _shown_rate(store.tax_rate(rate), rate)


def retrieve_tax_rate(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    return _shown_rate(identifier, require_tax_rate(store, identifier, None))


def require_tax_rate(store: Store, identifier: str, param: str | None) -> Object:
    rate = store.find_tax_rate(identifier)
    if rate is None:
        raise missing("tax rate", identifier, param)
    return rate


def _shown_rate(identifier: str, rate: dict[str, object]) -> str:
    return json.dumps({"id": identifier, "object": "tax_rate", "active": True, "livemode": False} | rate)


def _tier(tier: Parameters) -> Object:
    bound = tier.required_text("up_to")
    if bound != "inf" and not bound.isdecimal():
        raise invalid_parameter(f"Invalid up_to: {bound}; a whole number or inf", tier.name_of("up_to"))
    amounts = {name: tier.decimal(name) for name in ("unit_amount_decimal", "flat_amount_decimal")}
    return {"up_to": None if bound == "inf" else int(bound), **amounts}
