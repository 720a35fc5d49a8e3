"""Reference data as it was delivered up to a file: of the rows of one natural key, the last one delivered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reverse_etl.reperformance.delivered import read_reference
from reverse_etl.reperformance.facts import LandedFile

Row = Mapping[str, str]
Item = TypeVar("Item")
Key = TypeVar("Key")
LARGEST_QUANTITY = Decimal(10) ** 10
RATE_DAYS = timedelta(days=7)
FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Entity:
    functional_currency: str
    cutover_on: date
    tax_rounding: str


@dataclass(frozen=True, slots=True)
class Customer:
    customer_id: str
    entity: str
    country: str
    currency: str
    time_zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Meter:
    aggregation: str
    largest_quantity: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    charge_id: str
    plan_id: str
    kind: str
    model: str
    meter: str
    in_advance: bool
    product: str
    tax_code: str
    applies_to: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subscription:
    subscription_id: str
    customer_id: str
    plan_id: str
    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Tier:
    up_to: Decimal | None
    unit_price: Decimal
    flat_fee: Decimal
    block_size: Decimal | None


@dataclass(frozen=True, slots=True)
class Price:
    """One version of a price; ``tiers`` in ascending order. ``customer_id``: None for everybody."""

    price_id: str
    charge_id: str
    currency: str
    customer_id: str | None
    effective_from: date
    effective_to: date | None
    tiers: tuple[Tier, ...]
    terms: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TaxRate:
    component: str
    rate: Decimal
    effective_from: date
    effective_to: date | None


@dataclass(frozen=True, slots=True)
class Mapped:
    mapping_id: str
    entity: str
    role: str
    product: str
    account: str
    effective_from: date


@dataclass(frozen=True)
class References:
    """``rows``: the latest rows by source, for whatever must be known beyond what is typed."""

    rows: Mapping[str, Sequence[Row]]
    entities: Mapping[str, Entity]
    customers: Mapping[str, Customer]
    meters: Mapping[str, Meter]
    charges: Mapping[str, Sequence[Charge]]
    subscriptions: Sequence[Subscription]
    prices: Mapping[tuple[str, str], Sequence[Price]]
    tax_rates: Mapping[tuple[str, str, str], Sequence[TaxRate]]
    exchange_rates: Mapping[tuple[str, str], Mapping[date, Decimal]]
    mappings: Sequence[Mapped]

    def price(self, charge_id: str, customer: Customer, day: date) -> Price | None:
        """The version that is effective on a day: the customer's own before that of everybody."""
        effective = [
            price
            for price in self.prices.get((charge_id, customer.currency), ())
            if price.customer_id in (None, customer.customer_id)
            and price.effective_from <= day
            and (price.effective_to is None or day < price.effective_to)
        ]
        own = [price for price in effective if price.customer_id is not None] or effective
        return own[0] if len(own) == 1 else None

    def taxes(self, entity: str, country: str, tax_code: str, day: date) -> list[TaxRate]:
        return [
            tax
            for tax in self.tax_rates.get((entity, country, tax_code), ())
            if tax.effective_from <= day and (tax.effective_to is None or day < tax.effective_to)
        ]

    def exchange_rate(self, currency: str, functional_currency: str, day: date) -> Fraction | None:
        """The latest rate of the week that ends with a day."""
        if currency == functional_currency:
            return Fraction(1)
        rates = self.exchange_rates.get((currency, functional_currency), {})
        known = [found for found in rates if day - RATE_DAYS <= found <= day]
        return Fraction(rates[max(known)]) if known else None

    def account(self, entity: str, role: str, product: str, last_day: date) -> str | None:
        """The account of a role: a mapping of the product before that of all, one of the entity before that of all, a later one before an earlier."""
        serving = [
            mapped
            for mapped in self.mappings
            if mapped.role == role and mapped.entity in (entity, "*") and mapped.product in (product, "*") and mapped.effective_from <= last_day
        ]
        if not serving:
            return None
        by_id = sorted(serving, key=lambda mapped: mapped.mapping_id)
        return max(by_id, key=lambda mapped: (mapped.product != "*", mapped.entity != "*", mapped.effective_from)).account


def read_references(inbox: Path, files: Sequence[LandedFile]) -> References:
    """The reference data of these files."""
    rows = {
        source: _latest(read_reference(inbox, files, source), key)
        for source, key in {
            "legal_entities": ("entity_id",),
            "customers": ("customer_id",),
            "meters": ("meter",),
            "plans": ("plan_id",),
            "plan_patterns": ("plan_id", "effective_from"),
            "charges": ("charge_id",),
            "price_terms": ("price_id", "price_version", "term"),
            "subscriptions": ("subscription_id", "version"),
            "tax_rates": ("entity_id", "country", "tax_code", "tax_component", "effective_from"),
            "exchange_rates": ("rate_date", "from_currency", "to_currency"),
            "account_mappings": ("mapping_id",),
            "key_aliases": ("kind", "old_key", "effective_from"),
            "credit_grants": ("grant_id",),
            "tax_exemptions": ("exemption_id",),
            "tax_registrations": ("registration_id",),
        }.items()
    }
    rows["prices"] = _latest_versions(read_reference(inbox, files, "prices"))
    return References(
        rows=rows,
        entities={
            row["entity_id"]: Entity(row["functional_currency"], _day(row, "cutover_on") or FIRST_DAY, (row.get("tax_rounding") or "group").lower())
            for row in rows["legal_entities"]
        },
        customers={
            row["customer_id"]: Customer(row["customer_id"], row["entity_id"], row["country"], row["currency"].upper(), _time_zone(row["time_zone"]))
            for row in rows["customers"]
        },
        meters={row["meter"]: Meter(row["aggregation"].lower(), Decimal(row.get("largest_quantity") or LARGEST_QUANTITY)) for row in rows["meters"]},
        charges=_grouped((_charge(row) for row in rows["charges"]), lambda charge: charge.plan_id),
        subscriptions=[
            Subscription(row["subscription_id"], row["customer_id"], row["plan_id"], starts_on, _day(row, "ends_on"))
            for row in rows["subscriptions"]
            if (starts_on := _day(row, "starts_on")) is not None
        ],
        prices=_grouped(_prices(rows["prices"], rows["price_terms"]), lambda price: (price.charge_id, price.currency)),
        tax_rates=_tax_rates(rows["tax_rates"]),
        exchange_rates=_exchange_rates(rows["exchange_rates"]),
        mappings=[
            Mapped(row["mapping_id"], row["entity_id"], row["role"], row["product"] or "*", row["account_code"], effective_from)
            for row in rows["account_mappings"]
            if (effective_from := _day(row, "effective_from")) is not None
        ],
    )


def _charge(row: Row) -> Charge:
    return Charge(
        row["charge_id"],
        row["plan_id"],
        row["kind"].lower(),
        row["charge_model"].lower(),
        row.get("meter", ""),
        row.get("billing_timing", "").lower() == "advance",
        row["product"],
        row["tax_code"],
        frozenset(filter(None, row.get("applies_to", "").split("|"))),
    )


def _prices(rows: Sequence[Row], terms: Sequence[Row]) -> Iterable[Price]:
    stated: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in terms:
        stated[row["price_id"], row["price_version"]][row["term"].lower()] = row["value"]
    versions = _grouped(
        rows, lambda row: (row["price_id"], row["price_version"], row["charge_id"], row["currency"].upper(), row.get("customer_id", ""))
    )
    for (price_id, version, charge_id, currency, customer_id), tiers in versions.items():
        starts = min(filter(None, (_day(row, "effective_from") for row in tiers)), default=FIRST_DAY)
        ends = min(filter(None, (_day(row, "effective_to") for row in tiers)), default=None)
        found = [
            Tier(
                _number(row, "tier_up_to"),
                _number(row, "unit_price") or Decimal(0),
                _number(row, "flat_fee") or Decimal(0),
                _number(row, "block_size"),
            )
            for row in tiers
        ]
        ordered = sorted(found, key=lambda tier: (tier.up_to is None, tier.up_to or 0))
        yield Price(price_id, charge_id, currency.upper(), customer_id or None, starts, ends, tuple(ordered), stated.get((price_id, version), {}))


def _tax_rates(rows: Sequence[Row]) -> Mapping[tuple[str, str, str], Sequence[TaxRate]]:
    rates: defaultdict[tuple[str, str, str], list[TaxRate]] = defaultdict(list)
    for row in rows:
        effective_from, rate = _day(row, "effective_from"), _number(row, "rate")
        if effective_from is not None and rate is not None and 0 <= rate <= 1:
            tax = TaxRate(row.get("tax_component") or "tax", rate, effective_from, _day(row, "effective_to"))
            rates[row["entity_id"], row["country"], row["tax_code"]].append(tax)
    return rates


def _exchange_rates(rows: Sequence[Row]) -> Mapping[tuple[str, str], Mapping[date, Decimal]]:
    rates: defaultdict[tuple[str, str], dict[date, Decimal]] = defaultdict(dict)
    for row in rows:
        day, rate = _day(row, "rate_date"), _number(row, "rate")
        if day is not None and rate is not None and rate > 0:
            rates[row["from_currency"].upper(), row["to_currency"].upper()][day] = rate
    return rates


def _latest(rows: Sequence[Row], key: Sequence[str]) -> list[Row]:
    return list({tuple(row.get(column, "") for column in key): row for row in rows}.values())


def _latest_versions(rows: Sequence[Row]) -> list[Row]:
    """A price version is delivered whole: the tiers of a later delivery take the place of equal ones."""
    return _latest(rows, ("price_id", "price_version", "charge_id", "currency", "tier_up_to", "customer_id", "dimensions"))


def _grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    grouped: defaultdict[Key, list[Item]] = defaultdict(list)
    for item in items:
        grouped[key(item)].append(item)
    return dict(grouped)


def _day(row: Row, column: str) -> date | None:
    try:
        return date.fromisoformat(row.get(column, ""))
    except ValueError:
        return None


def _number(row: Row, column: str) -> Decimal | None:
    text = row.get(column, "")
    try:
        return Decimal(text) if text else None
    except ArithmeticError:
        return None


def _time_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
