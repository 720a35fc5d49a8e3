"""Metered subscriptions and the invoices of their periods: https://docs.stripe.com/api/subscriptions."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from decimal import Decimal

from reverse_etl.sandbox.stripe.billing.meters import counted_usage, require_meter
from reverse_etl.sandbox.stripe.billing.prices import require_price, require_tax_rate
from reverse_etl.sandbox.stripe.billing.rating import RatedTier, rate, whole
from reverse_etl.sandbox.stripe.customers import merged_metadata, require_customer
from reverse_etl.sandbox.stripe.errors import invalid_parameter, missing
from reverse_etl.sandbox.stripe.invoices import finalize_at, new_invoice, recompute
from reverse_etl.sandbox.stripe.listing import page_of
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Object, Store, new_id

URL = "/v1/subscriptions"
SECONDS_PER_DAY = 86400


def create(store: Store, parameters: Parameters) -> str:
    customer, metadata = parameters.required_text("customer"), parameters.metadata()
    start = parameters.integer("backdate_start_date") or int(store.now())
    days, method = parameters.integer("days_until_due"), parameters.choice("collection_method", ("charge_automatically", "send_invoice"))
    tax_rates = parameters.texts("default_tax_rates")
    prices = [item.required_text("price") for item in parameters.children("items")]
    if not prices:
        raise invalid_parameter("Missing required param: items.", "items", "parameter_missing")
    parameters.finish()
    require_customer(store, customer, "customer")
    for identifier in tax_rates:
        require_tax_rate(store, identifier, "default_tax_rates")
    items = [require_price(store, price, "items[price]") for price in prices]
    subscription: Object = {
        "id": new_id("sub"),
        "object": "subscription",
        "collection_method": method or "charge_automatically",
        "created": int(store.now()),
        "currency": items[0]["currency"],
        "customer": customer,
        "days_until_due": days,
        "default_tax_rates": tax_rates,
        "items": {"object": "list", "data": [{"id": new_id("si"), "price": price["id"]} for price in items]},
        "livemode": False,
        "metadata": merged_metadata({}, metadata),
        "start_date": start,
        "billed_periods": 0,
        "status": "active",
    }
    store.insert(subscription)
    return store.text(subscription, URL)


def retrieve(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    subscription = store.find("subscription", identifier)
    if subscription is None:
        raise missing("subscription", identifier)
    return store.text(subscription, URL)


def list_page(store: Store, parameters: Parameters) -> str:
    return page_of(store, parameters, "subscription", URL, {"customer = ?": parameters.text("customer")})


def bill(store: Store, finalize: bool) -> list[str]:
    """Make the invoice of every period that has ended by now, final or left as a draft; the ids of the invoices.

    Stripe does it by itself at the end of the period, and makes the draft final an hour later.
    """
    made: list[str] = []
    for subscription in store.every("subscription"):
        while (end := boundary(subscription, subscription["billed_periods"] + 1)) <= store.now():
            start = boundary(subscription, subscription["billed_periods"])
            made.append(_invoice(store, subscription, start, end, finalize))
            subscription["billed_periods"] += 1
            store.update(subscription)
    return made


def boundary(subscription: Object, months: int) -> int:
    """The start of the period after ``months`` months, counted from the first start, so that the 31st stays the 31st."""
    first = datetime.fromtimestamp(subscription["start_date"], UTC)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    day = min(first.day, monthrange(year, month + 1)[1])
    return int(first.replace(year=year, month=month + 1, day=day).timestamp())


def _invoice(store: Store, subscription: Object, start: int, end: int, finalize: bool) -> str:
    now = int(store.now())
    due = now + (subscription["days_until_due"] or 0) * SECONDS_PER_DAY if subscription["collection_method"] == "send_invoice" else None
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    invoice = new_invoice(subscription["customer"], subscription["currency"], now) | {
        "billing_reason": "subscription_cycle",
        "collection_method": subscription["collection_method"],
        "due_date": due,
        "metadata": {},
        "parent": {"type": "subscription_details", "subscription_details": details},
        "period_start": start,
        "period_end": end,
    }
    store.insert(invoice)
    for item in subscription["items"]["data"]:
        price = require_price(store, item["price"])
        meter = require_meter(store, price["recurring"]["meter"])
        counted = counted_usage(store, meter, subscription["customer"], start, end) or 0
        lines = [_line(store, subscription, item, price, tier, (start, end)) for tier in rate(price, counted)]
        store.add_lines(invoice["id"], [line | {"invoice": invoice["id"]} for line in lines])
    recompute(store, invoice)
    if finalize:
        finalize_at(store, invoice, now)
    store.update(invoice)
    return str(invoice["id"])


def _line(store: Store, subscription: Object, item: Object, price: Object, tier: RatedTier, period: tuple[int, int]) -> Object:
    amount = tier.amount
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": f"{tier.quantity} x {price['nickname']}",
        "discountable": True,
        "discounts": [],
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": {"proration": False, "subscription": subscription["id"], "subscription_item": item["id"]},
        },
        "period": {"start": period[0], "end": period[1]},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": format(tier.unit_amount, "f"),
        },
        "quantity": tier.quantity,
        "quantity_decimal": str(tier.quantity),
        "subtotal": amount,
        "taxes": [_tax(store, identifier, amount) for identifier in subscription["default_tax_rates"]],
    }


def _tax(store: Store, identifier: str, amount: int) -> Object:
    rate_of = require_tax_rate(store, identifier, None)
    return {
        "amount": whole(Decimal(amount) * Decimal(rate_of["percentage"]) / 100),
        "tax_behavior": "inclusive" if rate_of["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": identifier},
        "taxability_reason": "standard_rated",
        "taxable_amount": amount,
        "type": "tax_rate_details",
    }
