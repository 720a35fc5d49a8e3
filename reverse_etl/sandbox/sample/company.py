"""Who Northlight sells to: legal entities, customers, subscriptions, rates, taxes and accounts (all invented)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import product as pairs

import numpy as np

from reverse_etl.sandbox.sample.catalogue import FEE_TAX_CODE, PLANS, USAGE_TAX_CODE, Plan, Row

FIRST_DAY = date(2026, 1, 1)
END_DAY = date(2026, 4, 1)
RATES_FROM, RATES_TO = date(2025, 12, 25), date(2026, 4, 10)

ENTITIES: Sequence[Row] = (
    ("northlight_us", "Northlight Inc.", "US", "USD", "2026-01-01"),
    ("northlight_eu", "Northlight GmbH", "DE", "EUR", "2026-01-01"),
)


@dataclass(frozen=True, slots=True)
class Market:
    """A country that one entity sells to, in one currency; ``share`` of 100 customers."""

    entity: str
    country: str
    currency: str
    time_zones: Sequence[str]
    tax_rate: str
    gateway: str
    share: int


_US, _EU = "northlight_us", "northlight_eu"
MARKETS: Sequence[Market] = (
    Market(_US, "US", "USD", ("America/New_York", "America/Chicago", "America/Los_Angeles", "Pacific/Honolulu"), "0", "us-1", 28),
    Market(_US, "CA", "USD", ("America/Toronto", "America/Vancouver"), "0.05", "us-1", 6),
    Market(_US, "BR", "USD", ("America/Sao_Paulo",), "0", "us-1", 3),
    Market(_US, "AU", "USD", ("Australia/Sydney",), "0.1", "ap-1", 4),
    Market(_US, "IN", "USD", ("Asia/Kolkata",), "0.18", "ap-1", 4),
    Market(_US, "JP", "JPY", ("Asia/Tokyo",), "0.1", "ap-1", 13),
    Market(_EU, "DE", "EUR", ("Europe/Berlin",), "0.19", "eu-1", 12),
    Market(_EU, "FR", "EUR", ("Europe/Paris",), "0.2", "eu-1", 7),
    Market(_EU, "ES", "EUR", ("Europe/Madrid", "Atlantic/Canary"), "0.21", "eu-1", 5),
    Market(_EU, "FI", "EUR", ("Europe/Helsinki",), "0.255", "eu-1", 4),
    Market(_EU, "GB", "USD", ("Europe/London",), "0", "eu-1", 7),
    Market(_EU, "CH", "USD", ("Europe/Zurich",), "0.081", "eu-1", 4),
    Market(_EU, "AE", "USD", ("Asia/Dubai",), "0", "ap-1", 3),
)

_FIRST_WORDS = ("Amber", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper")
_SECOND_WORDS = ("Analytics", "Robotics", "Foods", "Logistics", "Health", "Media", "Energy", "Retail", "Software", "Mobility")
_LEGAL_FORMS = {"US": "Inc.", "CA": "Ltd.", "BR": "Ltda.", "AU": "Pty Ltd", "IN": "Pvt Ltd", "JP": "KK", "DE": "GmbH", "FR": "SAS", "ES": "SL"}
_STARTS = (
    (date(2026, 1, 1), 76),
    (date(2026, 1, 15), 6),
    (date(2026, 1, 20), 3),
    (date(2026, 2, 1), 7),
    (date(2026, 2, 11), 3),
    (date(2026, 3, 1), 5),
)
_ENDS = ((None, 90), (date(2026, 3, 1), 4), (date(2026, 3, 16), 3), (date(2026, 3, 31), 3))
_SIZES = (1, 1, 1, 2, 2, 3, 5, 8)
_TERMS = ("14", "30", "30", "45")


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer with its one subscription; ``size`` weighs its share of the usage."""

    customer_id: str
    name: str
    market: Market
    time_zone: str
    terms: str
    plan: Plan
    starts_on: date
    ends_on: date | None
    size: int

    @property
    def subscription_id(self) -> str:
        return f"S{self.customer_id[1:]}"


def build_customers(count: int, seed: int) -> tuple[Customer, ...]:
    random = np.random.RandomState((seed * 7919 + 1) % 2**32)
    markets = [market for market in MARKETS for _ in range(market.share)]
    starts = [start for start, share in _STARTS for _ in range(share)]
    ends = [end for end, share in _ENDS for _ in range(share)]
    customers = []
    for number in range(1, count + 1):
        # The shares repeat every hundred customers, so that every market and currency is met whatever the seed is.
        market = markets[(number * 37) % 100]
        starts_on, ends_on = starts[random.randint(100)], ends[random.randint(100)]
        first, second = _FIRST_WORDS[random.randint(10)], _SECOND_WORDS[random.randint(10)]
        customers.append(
            Customer(
                customer_id=f"C{number:04d}",
                name=f"{first} {second} {number} {_LEGAL_FORMS.get(market.country, 'Ltd')}",
                market=market,
                time_zone=market.time_zones[random.randint(len(market.time_zones))],
                terms=_TERMS[random.randint(len(_TERMS))],
                plan=PLANS[random.randint(len(PLANS))],
                starts_on=starts_on,
                ends_on=ends_on if ends_on is None or starts_on < ends_on else None,
                size=_SIZES[random.randint(len(_SIZES))],
            )
        )
    return tuple(customers)


def customer_rows(customers: Sequence[Customer]) -> list[Row]:
    return [
        (
            customer.customer_id,
            customer.name,
            f"billing@{customer.customer_id.lower()}.example",
            customer.market.country,
            customer.market.entity,
            customer.market.currency,
            customer.time_zone,
            "" if customer.market.country == "US" else f"{customer.market.country}{100000000 + int(customer.customer_id[1:]) * 7}",
            customer.terms,
        )
        for customer in customers
    ]


def subscription_rows(customers: Sequence[Customer]) -> list[Row]:
    return [
        (
            customer.subscription_id,
            "1",
            customer.customer_id,
            customer.plan.key,
            customer.starts_on.isoformat(),
            customer.ends_on.isoformat() if customer.ends_on else "",
        )
        for customer in customers
    ]


def tax_rate_rows() -> list[Row]:
    return [
        (market.entity, market.country, code, market.tax_rate, "2026-01-01", "") for market, code in pairs(MARKETS, (FEE_TAX_CODE, USAGE_TAX_CODE))
    ]


def exchange_rate_rows(seed: int) -> list[Row]:
    """Daily rates with eight places, the direct pair of every sales currency to every functional currency."""
    random = np.random.RandomState((seed * 7919 + 2) % 2**32)
    eur_usd, usd_jpy = Decimal("1.08735"), Decimal("149.825")
    places = Decimal("0.00000001")
    rows: list[Row] = []
    for offset in range((RATES_TO - RATES_FROM).days + 1):
        day = (RATES_FROM + timedelta(days=offset)).isoformat()
        eur_usd += Decimal(int(random.randint(-450, 451))) / 100_000
        usd_jpy += Decimal(int(random.randint(-700, 701))) / 1_000
        for source, target, rate in (
            ("EUR", "USD", eur_usd),
            ("JPY", "USD", 1 / usd_jpy),
            ("USD", "EUR", 1 / eur_usd),
            ("JPY", "EUR", 1 / (usd_jpy * eur_usd)),
        ):
            rows.append((day, source, target, str(rate.quantize(places, ROUND_HALF_UP))))
    return rows


_ACCOUNTS: Sequence[tuple[str, str, str, str]] = (
    ("1000", "Bank", "asset", "false"),
    ("1200", "Trade receivables", "asset", "true"),
    ("1250", "Unbilled receivables", "asset", "false"),
    ("1300", "Intercompany receivables", "asset", "false"),
    ("2100", "Tax payable", "liability", "false"),
    ("2300", "Intercompany payables", "liability", "false"),
    ("2400", "Deferred revenue", "liability", "false"),
    ("2500", "Contract liabilities", "liability", "false"),
    ("3000", "Retained earnings", "equity", "false"),
    ("4000", "Subscription revenue", "revenue", "false"),
    ("4100", "Usage revenue", "revenue", "false"),
    ("4110", "Usage revenue: compute", "revenue", "false"),
    ("4120", "Usage revenue: storage and transfer", "revenue", "false"),
    ("4300", "Intercompany revenue", "revenue", "false"),
    ("6300", "Intercompany expense", "expense", "false"),
    ("7800", "Unrealised exchange differences", "expense", "false"),
    ("4800", "Breakage of prepaid credits", "revenue", "false"),
    ("7810", "Realised exchange differences", "expense", "false"),
    ("7900", "Currency rounding", "expense", "false"),
)
_MAPPINGS: Sequence[tuple[str, str, str, str]] = (
    ("*", "receivable", "*", "1200"),
    ("*", "tax_payable", "*", "2100"),
    ("*", "deferred_revenue", "*", "2400"),
    ("*", "subscription_revenue", "*", "4000"),
    ("*", "currency_rounding", "*", "7900"),
    ("*", "contract_liability", "*", "2500"),
    ("*", "breakage_revenue", "*", "4800"),
    ("*", "cash", "*", "1000"),
    ("*", "realised_exchange_difference", "*", "7810"),
    (_US, "usage_revenue", "*", "4100"),
    (_EU, "usage_revenue", "*", "4100"),
    (_US, "usage_revenue", "compute", "4110"),
    (_EU, "usage_revenue", "compute", "4110"),
    (_US, "usage_revenue", "storage", "4120"),
    (_EU, "usage_revenue", "storage", "4120"),
    (_US, "usage_revenue", "transfer", "4120"),
    (_EU, "usage_revenue", "transfer", "4120"),
    ("*", "intercompany_receivable", "*", "1300"),
    ("*", "intercompany_payable", "*", "2300"),
    ("*", "intercompany_revenue", "*", "4300"),
    ("*", "intercompany_expense", "*", "6300"),
    ("*", "unbilled_receivable", "*", "1250"),
    ("*", "unrealised_exchange_difference", "*", "7800"),
)
INTERCOMPANY_AGREEMENTS: Sequence[Row] = ((_EU, "compute", _US, "0.85", "2026-01-01"),)
"""Jobs run on machines of the American entity, whoever contracts with the customer."""


def account_rows() -> list[Row]:
    return [(entity[0], *account) for entity in ENTITIES for account in _ACCOUNTS]


def account_mapping_rows() -> list[Row]:
    return [(f"M{number:02d}", *mapping, "2026-01-01") for number, mapping in enumerate(_MAPPINGS, start=1)]
