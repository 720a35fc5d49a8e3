"""A company of any size: usage by the day as Parquet, priced in every common way. The same numbers give the same events."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

FIRST_DAY = date(2025, 1, 1)
DAYS_PER_YEAR = 365
SINCE = "2024-12-01"
"""Subscriptions begin before the first day: where it is still the day before, its first hours belong to December."""
ENTITY = "volume"
ZONES = ("UTC", "UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo")
LATE_SHARE, LATE_DAYS = 200, 20
"""One event in so many happened up to so many days before it landed."""
SENT_TWICE_SHARE, SENT_AGAIN_SHARE = 500, 1000
"""One event in so many is sent twice on its day, one in so many again on the next."""


@dataclass(frozen=True, slots=True)
class MeterOfVolume:
    """``share``: of ten events, how many are of the meter; ``decimals`` of its quantities. ``tiers``: (up to, unit price, block size)."""

    name: str
    share: int
    decimals: int
    aggregation: str
    charge_model: str
    tiers: tuple[tuple[str, str, str], ...]


METERS = (
    MeterOfVolume("api_calls", 5, 0, "sum", "graduated", (("10000", "0.002", ""), ("100000", "0.0015", ""), ("", "0.001", ""))),
    MeterOfVolume("storage", 2, 6, "sum", "per_unit", (("", "0.000123", ""),)),
    MeterOfVolume("messages", 1, 0, "sum", "package", (("", "0.75", "1000"),)),
    MeterOfVolume("compute", 1, 3, "sum", "volume", (("1000", "0.09", ""), ("10000", "0.08", ""), ("", "0.07", ""))),
    MeterOfVolume("peak", 1, 2, "max", "per_unit", (("", "0.11", ""),)),
)
ROLES = ("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding")


@dataclass(frozen=True, slots=True)
class Volume:
    """So many events in 365 days; ``customers`` share them unevenly."""

    events: int
    customers: int = 2_000

    @property
    def events_per_day(self) -> int:
        return max(1, self.events // DAYS_PER_YEAR)

    def day(self, number: int) -> date:
        return FIRST_DAY + timedelta(days=number)

    def deliver_days(self, inbox: Path, numbers: Iterable[int]) -> None:
        """One Parquet file for each day; memory holds one day at a time."""
        with duckdb.connect() as connection:
            for number in numbers:
                path = inbox / "usage" / self.day(number).isoformat() / "events.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists():
                    connection.execute(f"copy ({self._day_query(number)}) to '{path}' (format parquet)")

    def deliver_reference(self, inbox: Path) -> None:
        for source, (header, rows) in self._reference().items():
            path = inbox / source / SINCE / f"{source}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as stream:
                csv.writer(stream, lineterminator="\n").writerows([header.split(","), *rows])

    def customer_rows(self) -> list[tuple[str, str]]:
        """(customer, time zone)"""
        return [(f"C{number:06}", ZONES[number % len(ZONES)]) for number in range(self.customers)]

    def _day_query(self, number: int) -> str:
        sent = [self._events_query(number, ""), self._events_query(number, f"where number % {SENT_TWICE_SHARE} = 0")]
        if number:
            sent.append(self._events_query(number - 1, f"where number % {SENT_AGAIN_SHARE} = 1"))
        return " union all ".join(sent)

    def _events_query(self, day_number: int, condition: str) -> str:
        first = day_number * self.events_per_day
        starts = f"timestamp '{self.day(day_number).isoformat()}'"
        kinds = [meter for meter in METERS for _ in range(meter.share)]
        meter = "case chance % 10 " + " ".join(f"when {place} then '{kind.name}'" for place, kind in enumerate(kinds)) + " end"
        quantity = "case chance % 10 " + " ".join(f"when {place} then {_quantity(kind)}" for place, kind in enumerate(kinds)) + " end"
        late = f"case when chance % {LATE_SHARE} = 7 then least({day_number}, 1 + chance % {LATE_DAYS}) else 0 end"
        return f"""
            select '1.0' as specversion, md5('event ' || number) as id, 'volume/gateway-' || (customer % 8) as source,
                'com.example.usage.recorded.v1' as type, 'C' || lpad(cast(customer as varchar), 6, '0') as subject,
                strftime({starts} - to_days(cast({late} as integer)) + to_milliseconds((chance // 7) % 86400000), '%Y-%m-%dT%H:%M:%S.%gZ') as time,
                '{{"meter":"' || {meter} || '","quantity":"' || {quantity} || '"}}' as data
            from (
                select number, hash(number, 'chance') % 1000000007 as chance, (hash(number, 'amount') % 1000003) as amount,
                    ((hash(number, 'customer') % {self.customers}) * (hash(number, 'weight') % 1000)) // 1000 as customer
                from (select {first} + range as number from range({self.events_per_day})) {condition}
            )
        """

    def _reference(self) -> dict[str, tuple[str, Sequence[Sequence[str]]]]:
        return {
            "legal_entities": ("entity_id,name,country,functional_currency,cutover_on", [(ENTITY, "Volume", "US", "USD", SINCE)]),
            "customers": (
                "customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days",
                [(customer, customer, "", "US", ENTITY, "USD", zone, "", "30") for customer, zone in self.customer_rows()],
            ),
            "meters": ("meter,unit,aggregation,description", [(meter.name, "unit", meter.aggregation, "") for meter in METERS]),
            "plans": ("plan_id,name,description", [("plan", "Plan", "")]),
            "charges": (
                "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description",
                [(meter.name, "plan", "usage", meter.charge_model, meter.name, "arrears", "usage", "standard", meter.name) for meter in METERS],
            ),
            "prices": (
                "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee,block_size",
                [(meter.name, "1", meter.name, "USD", SINCE, "", up_to, price, "", block) for meter in METERS for up_to, price, block in meter.tiers],
            ),
            "subscriptions": (
                "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
                [(f"S-{customer}", "1", customer, "plan", SINCE, "") for customer, _ in self.customer_rows()],
            ),
            "tax_rates": ("entity_id,country,tax_code,rate,effective_from,effective_to", [(ENTITY, "US", "standard", "0.07", SINCE, "")]),
            "accounts": (
                "entity_id,account_code,name,account_type,is_receivable",
                [(ENTITY, role, role, "asset", str(role == "receivable").lower()) for role in ROLES],
            ),
            "account_mappings": (
                "mapping_id,entity_id,role,product,account_code,effective_from",
                [(role, ENTITY, role, "*", role, SINCE) for role in ROLES],
            ),
        }


def _quantity(meter: MeterOfVolume) -> str:
    """SQL text of a quantity above zero with the meter's decimals."""
    if not meter.decimals:
        return "cast(1 + amount % 100 as varchar)"
    return f"cast(cast(1 + amount as decimal(18, 0)) * cast(power(0.1, {meter.decimals}) as decimal(18, {meter.decimals})) as varchar)"
