"""What Northlight sells: meters, plans, charges and prices (invented figures)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

CURRENCIES = ("USD", "EUR", "JPY")
PRICES_FROM = "2026-01-01"
PRICE_RISE_ON = "2026-03-01"


@dataclass(frozen=True, slots=True)
class Meter:
    """``scale``: decimals of a quantity; ``largest``: the largest quantity of one event, in units of 10**-scale."""

    key: str
    unit: str
    scale: int
    largest: int
    product: str
    description: str


METERS: Sequence[Meter] = (
    Meter("api_calls", "call", 0, 5_000, "api", "Calls answered by the public API"),
    Meter("compute_minutes", "minute", 3, 240_000, "compute", "Minutes of job execution"),
    Meter("storage_gb_hours", "GB-hour", 6, 900_000_000, "storage", "Gigabytes stored, times hours"),
    Meter("data_transfer_gb", "GB", 4, 200_000, "transfer", "Gigabytes sent out of the platform"),
    Meter("messages_sent", "message", 0, 200, "api", "Messages delivered to subscribers"),
    Meter("reports_rendered", "report", 0, 3, "reporting", "Reports rendered to PDF"),
)
METER_POSITION: Mapping[str, int] = {meter.key: position for position, meter in enumerate(METERS)}


@dataclass(frozen=True, slots=True)
class Tier:
    """Usage up to and including ``up_to`` (None: open) costs ``unit_price`` each."""

    up_to: str | None
    unit_price: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UsageCharge:
    meter: str
    tiers: Sequence[Tier]
    tiers_after_rise: Sequence[Tier] | None = None

    @property
    def model(self) -> str:
        return "per_unit" if len(self.tiers) == 1 else "graduated"


@dataclass(frozen=True, slots=True)
class Plan:
    """``anchor``: what its months begin with, those of the calendar or the day on which a subscription starts."""

    key: str
    name: str
    fee: Mapping[str, str] | None
    usage: Sequence[UsageCharge]
    anchor: str = "calendar"

    @property
    def meters(self) -> tuple[str, ...]:
        return tuple(charge.meter for charge in self.usage)

    def first_price(self, meter: str, currency: str) -> Decimal:
        charge = next(charge for charge in self.usage if charge.meter == meter)
        return Decimal(charge.tiers[0].unit_price[currency])


def _price(usd: str, eur: str, jpy: str) -> Mapping[str, str]:
    return {"USD": usd, "EUR": eur, "JPY": jpy}


def _tier(up_to: str | None, usd: str, eur: str, jpy: str) -> Tier:
    return Tier(up_to, _price(usd, eur, jpy))


_API_SMALL = UsageCharge("api_calls", (_tier(None, "0.00135", "0.00125", "0.205"),))
_API_GROWTH = UsageCharge(
    "api_calls",
    (
        _tier("50000", "0.0012", "0.0011", "0.18"),
        _tier("250000", "0.000875", "0.000805", "0.1325"),
        _tier(None, "0.00055", "0.000505", "0.08325"),
    ),
    tiers_after_rise=(
        _tier("50000", "0.00125", "0.00115", "0.1875"),
        _tier("250000", "0.0009125", "0.00084", "0.138"),
        _tier(None, "0.000575", "0.00053", "0.087"),
    ),
)
_API_SCALE = UsageCharge(
    "api_calls",
    (
        _tier("100000", "0.00095", "0.000875", "0.1435"),
        _tier("500000", "0.00061", "0.00056", "0.0925"),
        _tier(None, "0.0004275", "0.000393", "0.064"),
    ),
)
_COMPUTE = UsageCharge("compute_minutes", (_tier(None, "0.0135", "0.01245", "2.04"),))
_COMPUTE_SCALE = UsageCharge(
    "compute_minutes",
    (_tier("5000.5", "0.012375", "0.011395", "1.87"), _tier(None, "0.0098125", "0.00903", "1.4825")),
)
_STORAGE = UsageCharge(
    "storage_gb_hours",
    (_tier("10000", "0.0001375", "0.0001265", "0.02085"), _tier(None, "0.0000975", "0.00008975", "0.01475")),
)
_TRANSFER = UsageCharge(
    "data_transfer_gb",
    (
        _tier("100", "0.09", "0.0828", "13.6"),
        _tier("500.25", "0.085", "0.0782", "12.85"),
        _tier(None, "0.0705", "0.06485", "10.65"),
    ),
)
_MESSAGES = UsageCharge("messages_sent", (_tier(None, "0.00749", "0.00689", "1.132"),))
_REPORTS = UsageCharge("reports_rendered", (_tier("25", "0.4", "0.37", "60"), _tier(None, "0.275", "0.2525", "41.5")))

PLANS: Sequence[Plan] = (
    Plan("developer", "Developer, pay as you go", None, (_API_SMALL, _COMPUTE, _REPORTS)),
    Plan("starter", "Starter", _price("49.00", "45.00", "7400"), (_API_SMALL, _STORAGE, _MESSAGES)),
    Plan("growth", "Growth", _price("199.00", "185.00", "29800"), (_API_GROWTH, _COMPUTE, _TRANSFER, _MESSAGES), anchor="subscription"),
    Plan("insight", "Insight", _price("349.90", "319.90", "52500"), (_STORAGE, _TRANSFER, _REPORTS), anchor="subscription"),
    Plan("scale", "Scale", _price("899.00", "829.00", "134800"), (_API_SCALE, _COMPUTE_SCALE, _STORAGE, _TRANSFER, _MESSAGES, _REPORTS)),
)

FEE_TAX_CODE = "saas_subscription"
USAGE_TAX_CODE = "saas_usage"

Row = tuple[str, ...]


def meter_rows() -> list[Row]:
    return [(meter.key, meter.unit, "sum", meter.description) for meter in METERS]


def plan_rows() -> list[Row]:
    return [(plan.key, plan.name, f"Northlight {plan.name}", plan.anchor) for plan in PLANS]


def charge_rows() -> list[Row]:
    rows: list[Row] = []
    for plan in PLANS:
        if plan.fee is not None:
            rows.append((f"{plan.key}.platform_fee", plan.key, "fee", "flat", "", "advance", "platform", FEE_TAX_CODE, f"{plan.name}: platform fee"))
        for charge in plan.usage:
            meter = METERS[METER_POSITION[charge.meter]]
            rows.append(
                (
                    f"{plan.key}.{charge.meter}",
                    plan.key,
                    "usage",
                    charge.model,
                    charge.meter,
                    "arrears",
                    meter.product,
                    USAGE_TAX_CODE,
                    f"{plan.name}: {meter.description.lower()}",
                )
            )
    return rows


def price_rows() -> list[Row]:
    rows: list[Row] = []
    for plan in PLANS:
        for currency in CURRENCIES:
            if plan.fee is not None:
                charge_id = f"{plan.key}.platform_fee"
                rows.append((f"{charge_id}.{currency}", "1", charge_id, currency, PRICES_FROM, "", "", "", plan.fee[currency]))
            for charge in plan.usage:
                charge_id = f"{plan.key}.{charge.meter}"
                risen = charge.tiers_after_rise
                rows += _tier_rows(charge_id, currency, "1", (PRICES_FROM, PRICE_RISE_ON if risen else ""), charge.tiers)
                if risen:
                    rows += _tier_rows(charge_id, currency, "2", (PRICE_RISE_ON, ""), risen)
    return rows


def _tier_rows(charge_id: str, currency: str, version: str, term: tuple[str, str], tiers: Sequence[Tier]) -> list[Row]:
    return [(f"{charge_id}.{currency}", version, charge_id, currency, *term, tier.up_to or "", tier.unit_price[currency], "") for tier in tiers]
