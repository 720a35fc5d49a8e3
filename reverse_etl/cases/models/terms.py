"""The words that cases of every model share: tiers, limits, conversions, and where the usage of a case comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from reverse_etl.cases.case import Case, CaseError, decimal_of
from reverse_etl.cases.compiling import ROUNDINGS, rounding_word, stated
from reverse_etl.cases.scenario import FIRST_DAY, NO_CURRENCY, Charge, Tier, UsageEvent, at, quantity_event

DAY = FIRST_DAY
AGGREGATIONS = {"unique": "unique_count", "last": "latest"} | {
    word: word for word in ("count", "sum", "max", "unique_count", "latest", "weighted_sum", "prorated_sum")
}
LEVELS = ("weighted_sum", "prorated_sum")
QUANTITY_NAMES = ("value", "units", "quantity")
CONVERSIONS = ("divide_by", "quantity_rounding", "quantity_precision", "function", "precision")
TIME_NAMES = ("timestamp", "time", "date")


EXPONENTS = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3}
"""ISO 4217 exponents other than 2, of the currencies that the models know."""


def currency_of(case: Case) -> str:
    """Raises ``CaseError`` where the exponent that the case states is not that of its currency."""
    currency = str(case.params.get("currency") or NO_CURRENCY)
    if whole(case, "exponent", exponent := EXPONENTS.get(currency, 2)) != exponent:
        raise CaseError(f"the exponent {case.params['exponent']} is not that of {currency}, which is {exponent}")
    return currency


def minor_unit(case: Case) -> Decimal:
    """What an amount in minor units is multiplied by to be one in units of the currency."""
    return Decimal(1).scaleb(-EXPONENTS.get(currency_of(case), 2))


def number(case: Case, *names: str) -> Decimal | None:
    """The first of the names that the case states."""
    return next((decimal_of(case.params[name], name) for name in names if case.params.get(name) is not None), None)


def whole(case: Case, name: str, usual: int) -> int:
    """A number of things that are counted; ``usual`` where the case does not say it."""
    value = number(case, name)
    if value is not None and value != value.to_integral_value():
        raise CaseError(f"{name} is no whole number: {value}")
    return usual if value is None else int(value)


def text(value: Any, name: str) -> str:
    return format(decimal_of(value, name), "f")


def listed(case: Case, name: str) -> Sequence[Any]:
    values = case.usage.get(name) if isinstance(case.usage, dict) else None
    if not isinstance(values, list):
        raise CaseError(f"usage lacks the list {name!r}")
    return values


def tiers_of(case: Case) -> tuple[Tier, ...]:
    """Inclusive upper bounds, as the case states them; a bound of another notation was restated there."""
    stated_tiers = case.parameter("tiers")
    if not isinstance(stated_tiers, list) or not stated_tiers or not all(isinstance(tier, dict) for tier in stated_tiers):
        raise CaseError("tiers is to be a list of objects with up_to, unit_price, flat_fee, rate_percent or block_size")
    tiers = [_tier(tier) for tier in stated_tiers]
    ends = [None if tier.up_to is None else Decimal(tier.up_to) for tier in tiers]
    for below, above in pairwise(ends):
        if below is None or (above is not None and above <= below):
            raise CaseError(
                f"the tiers overlap: up_to {above if above is not None else 'open'} follows {below if below is not None else 'an open one'}"
            )
    return tuple(tiers)


def _tier(tier: Mapping[str, Any]) -> Tier:
    known = {"up_to", "unit_price", "package_price", "block_price", "flat_fee", "rate_percent", "block_size", "package_size"}
    if unknown := sorted(set(tier) - known):
        raise CaseError(f"a tier has {', '.join(unknown)}, which is not known; known are {', '.join(sorted(known))}")
    bound, size = tier.get("up_to"), tier.get("block_size", tier.get("package_size"))
    price = next((tier[name] for name in ("unit_price", "package_price", "block_price") if tier.get(name) is not None), "0")
    return Tier(
        None if bound is None else text(bound, "up_to"),
        text(price, "unit_price"),
        text(tier.get("flat_fee") or "0", "flat_fee"),
        text(tier["rate_percent"], "rate_percent") if tier.get("rate_percent") is not None else "",
        "" if size is None else text(size, "block_size"),
    )


def package_of(case: Case) -> Tier:
    return Tier(None, text(case.parameter("package_price"), "package_price"), block_size=text(case.parameter("package_size"), "package_size"))


def tier_terms(case: Case) -> dict[str, str]:
    """A last tier that has an end is taken to go on: a case asks for an amount, not for a hold."""
    terms = {"beyond_last_tier": "last_tier"}
    if flag(case, "zero_usage_flat_fee"):
        terms["zero_usage_flat_fee"] = "true"
    return terms


def flag(case: Case, name: str) -> bool:
    value = case.params.get(name)
    if str(value).lower() not in ("none", "true", "false"):
        raise CaseError(f"{name} is true or false, not {value!r}")
    return str(value).lower() == "true"


def conversion_terms(case: Case) -> dict[str, Any]:
    """A conversion without a word about rounding is exact."""
    rounding = next((case.params[name] for name in ("quantity_rounding", "function", "rounding") if case.params.get(name) is not None), None)
    precision = number(case, "quantity_precision", "precision")
    if precision is not None and precision % 1:
        raise CaseError(f"the precision is no whole number of decimals: {precision}")
    return {
        "quantity_divisor": number(case, "divide_by"),
        "quantity_rounding": None if rounding is None else "none" if rounding == "none" else rounding_word(rounding),
        "quantity_precision": None if precision is None else int(precision),
    }


def price_terms(case: Case) -> dict[str, str]:
    """The terms that any price of usage may have: free units, a percentage off, a least and a greatest amount, units that are converted.

    In a package ``rounding`` speaks of packages, elsewhere of units where it is a word about units.
    """
    terms: dict[str, Any] = {
        "free_units": number(case, "free_units", "included_units"),
        "discount_percent": number(case, "percent", "discount_percent"),
        "minimum_amount": number(case, "minimum"),
        "maximum_amount": number(case, "maximum", "cap"),
    }
    if terms["minimum_amount"] is not None and terms["maximum_amount"] is not None and terms["minimum_amount"] > terms["maximum_amount"]:
        raise CaseError(f"the minimum {terms['minimum_amount']} is above the maximum {terms['maximum_amount']}")
    if "package_size" in case.params:
        terms["package_rounding"] = rounding_word(case.params.get("rounding") or "up")
    elif any(name in case.params for name in CONVERSIONS) or str(case.params.get("rounding")) in ROUNDINGS:
        terms |= conversion_terms(case)
    return {**tier_terms(case), **stated(terms)}


def aggregation_of(case: Case, usual: str) -> str:
    word = str(case.params.get("aggregation", usual))
    if word not in AGGREGATIONS:
        raise CaseError(f"the aggregation {word!r} is not known; known are {', '.join(AGGREGATIONS)}")
    return AGGREGATIONS[word]


def metered(case: Case, charge: Charge) -> tuple[Charge, list[UsageEvent]]:
    """The usage of a case as events, and the charge with the aggregation that the case names (default: the charge's own)."""
    charge = replace(charge, aggregation=aggregation_of(case, charge.aggregation))
    if case.events is None:
        return charge, [quantity_event(first_day(case), quantity_of(case))]
    if charge.aggregation == "unique_count":
        charge = replace(charge, counted_attribute=str(case.params.get("counted_attribute", "value")))
    events = [_event(case, event, place, charge.aggregation) for place, event in enumerate(case.events)]
    if not events and charge.aggregation not in (*LEVELS, "count", "unique_count"):
        events = [quantity_event(first_day(case), "0")]
    level = number(case, "initial_value", "carried")
    if level and charge.aggregation not in LEVELS:
        raise CaseError(f"what is carried into a period is known to {' and '.join(LEVELS)} only")
    return charge, [*([quantity_event(first_day(case) - timedelta(days=1), level)] if level else []), *events]


def _event(case: Case, event: Mapping[str, Any], place: int, aggregation: str) -> UsageEvent:
    value, moment = _stated(event, QUANTITY_NAMES), _stated(event, TIME_NAMES)
    identities = [(str(one.get("source", "case")), str(one["id"])) if "id" in one else None for one in case.events or ()]
    identity = identities[place]
    # Without a time of its own a repetition has that of what it repeats.
    first = place if identity is None else identities.index(identity)
    occurred_at = at(first_day(case), first) if moment is None else instant(moment)
    arrives_after_days = sum(one == identity for one in identities[:place]) if identity else 0
    data = {name: str(content) for name, content in event.items() if name not in ("id", "source", *TIME_NAMES)}
    if aggregation in ("unique_count", "count"):
        return UsageEvent(occurred_at, "1", data, identity, arrives_after_days=arrives_after_days)
    quantity = decimal_of(value, "value")
    return UsageEvent(occurred_at, format(quantity, "f"), data, identity, quantity < 0, arrives_after_days)


def quantity_of(case: Case) -> Decimal:
    usage = case.usage
    if isinstance(usage, dict):
        usage = next((usage[name] for name in (*QUANTITY_NAMES, "current_total") if name in usage), None)
    if usage is None or isinstance(usage, dict | list):
        raise CaseError("usage is to be one quantity")
    return decimal_of(usage, "usage")


def zone_of(case: Case) -> ZoneInfo:
    name = str(case.params.get("timezone") or "UTC")
    if name not in available_timezones():
        raise CaseError(f"the time zone {name!r} is not known; state one of the IANA database, such as Europe/Paris")
    return ZoneInfo(name)


def first_day(case: Case) -> date:
    """Of the case's period; without one of the month in which its events are, or of a month of our own where they have no time."""
    if case.period:
        return bounds(case)[0]
    moments = [moment for event in case.events or () if (moment := _stated(event, TIME_NAMES)) is not None]
    months = {(local.year, local.month) for local in (_local(moment, zone_of(case)) for moment in moments)}
    if len(months) > 1:
        raise CaseError("the events are of several months; state the period that is asked for")
    return next((date(year, month, 1) for year, month in months), DAY)


def bounds(case: Case, by_dates: bool = False) -> tuple[date, date]:
    """The first day of the case's period and the day after the last one, in its time zone; ``by_dates``: of an instant the date counts."""
    period = case.period or {}
    zone = zone_of(case)

    def day(value: Any) -> date:
        found = _local(value, zone)
        if found.time() != time(0) and not by_dates:
            raise CaseError(f"periods are of whole days in their time zone, {value!r} is within one of {zone.key}")
        return found.date()

    if period.get("start") is None or (period.get("end_exclusive") is None and period.get("end_inclusive") is None):
        raise CaseError("the period is to state its start, and end_exclusive or end_inclusive")
    start = day(period["start"])
    if period.get("end_inclusive") is not None:
        end = day(period["end_inclusive"]) + timedelta(days=1)
        if period.get("end_exclusive") is not None and day(period["end_exclusive"]) != end:
            raise CaseError("end_exclusive of the period is not the day after end_inclusive")
    else:
        end = day(period["end_exclusive"])
    if end <= start:
        raise CaseError("the period ends before it starts")
    return start, end


def _local(value: Any, zone: ZoneInfo) -> datetime:
    """What says no offset is told in the time zone."""
    found = instant(value)
    says_offset = re.search(r"(Z|[+-]\d{2}:?\d{2})$", str(value)[10:]) is not None
    return found.astimezone(zone) if says_offset else found


def _stated(values: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)


def instant(value: Any) -> datetime:
    """Raises ``CaseError`` unless the value is an ISO 8601 date or instant; a date is its midnight in UTC."""
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError as error:
        raise CaseError(f"{value!r} is no ISO 8601 instant") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def day_of(value: Any) -> date:
    return instant(value).date()
