"""A platform's own catalogue for tests and demos: meters, prices and subscriptions, as somebody keeps them at Stripe.

What Tieout needs of them is in their metadata: ``tieout_charge_id`` on prices, ``tieout_subscription_id`` on subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import httpx

from reverse_etl.errors import DestinationError

CUSTOMER_ID, CHARGE_ID, SUBSCRIPTION_ID = "tieout_customer_id", "tieout_charge_id", "tieout_subscription_id"
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class PlatformTier:
    """``up_to`` None is open; amounts in minor units and their fractions."""

    up_to: int | None
    unit_amount: str
    flat_amount: str = "0"


@dataclass(frozen=True, slots=True)
class PlatformPrice:
    """The price of a charge of ours; one open tier is a price per unit, ``mode`` is graduated or volume."""

    charge_id: str
    event_name: str
    currency: str
    tiers: Sequence[PlatformTier]
    mode: str = "graduated"


@dataclass(frozen=True, slots=True)
class PlatformSubscription:
    """A subscription of ours, on a customer that Tieout has posted already."""

    subscription_id: str
    customer_id: str
    charge_ids: Sequence[str]
    starts_on: date
    tax_percentage: str | None = None


def provision_prices(stripe: httpx.Client, prices: Sequence[PlatformPrice]) -> Mapping[str, str]:
    """Create meters and prices; our charge id -> the platform's price. Usage of a meter that is not there yet is lost.

    Raises:
        DestinationError: the platform refuses something.
    """
    meters = {name: _create(stripe, "billing/meters", _meter(name)) for name in sorted({price.event_name for price in prices})}
    return {price.charge_id: _create(stripe, "prices", _price(price, meters[price.event_name])) for price in prices}


def provision_subscriptions(stripe: httpx.Client, prices: Mapping[str, str], subscriptions: Sequence[PlatformSubscription]) -> Mapping[str, str]:
    """Create subscriptions of customers that are there; our subscription id -> the platform's.

    Raises:
        DestinationError: a customer is not there, or the platform refuses something.
    """
    customers = _customers(stripe)
    created = {}
    for subscription in subscriptions:
        if subscription.customer_id not in customers:
            raise DestinationError(f"stripe: no customer carries {CUSTOMER_ID} {subscription.customer_id}: report its usage first")
        form = {
            "customer": customers[subscription.customer_id],
            "backdate_start_date": int(datetime.combine(subscription.starts_on, time(), UTC).timestamp()),
            f"metadata[{SUBSCRIPTION_ID}]": subscription.subscription_id,
            **{f"items[{place}][price]": prices[charge_id] for place, charge_id in enumerate(subscription.charge_ids)},
        }
        if subscription.tax_percentage is not None:
            rate = {"display_name": "tax", "percentage": subscription.tax_percentage, "inclusive": "false"}
            form["default_tax_rates[0]"] = _create(stripe, "tax_rates", rate)
        created[subscription.subscription_id] = _create(stripe, "subscriptions", form)
    return created


def _meter(event_name: str) -> dict[str, Any]:
    return {"display_name": event_name, "event_name": event_name, "default_aggregation[formula]": "sum"}


def _price(price: PlatformPrice, meter: str) -> dict[str, Any]:
    form: dict[str, Any] = {
        "currency": price.currency.lower(),
        "product_data[name]": price.charge_id,
        "recurring[interval]": "month",
        "recurring[usage_type]": "metered",
        "recurring[meter]": meter,
        f"metadata[{CHARGE_ID}]": price.charge_id,
    }
    if len(price.tiers) == 1:
        return form | {"unit_amount_decimal": price.tiers[0].unit_amount}
    form |= {"billing_scheme": "tiered", "tiers_mode": price.mode}
    for place, tier in enumerate(price.tiers):
        form |= {
            f"tiers[{place}][up_to]": "inf" if tier.up_to is None else tier.up_to,
            f"tiers[{place}][unit_amount_decimal]": tier.unit_amount,
            f"tiers[{place}][flat_amount_decimal]": tier.flat_amount,
        }
    return form


def _customers(stripe: httpx.Client) -> dict[str, str]:
    """Our customer id -> the platform's."""
    found: dict[str, str] = {}
    query: dict[str, Any] = {"limit": PAGE_SIZE}
    while True:
        page = _content(stripe.get("/v1/customers", params=query))
        found |= {item["metadata"][CUSTOMER_ID]: item["id"] for item in page["data"] if CUSTOMER_ID in item["metadata"]}
        if not page["has_more"]:
            return found
        query["starting_after"] = page["data"][-1]["id"]


def _create(stripe: httpx.Client, collection: str, form: Mapping[str, Any]) -> str:
    return str(_content(stripe.post(f"/v1/{collection}", data=dict(form)))["id"])


def _content(answer: httpx.Response) -> Any:
    if answer.status_code != httpx.codes.OK:
        raise DestinationError(f"stripe: {answer.request.method} {answer.request.url.path}: HTTP {answer.status_code} {answer.text[:300]}")
    return answer.json()
