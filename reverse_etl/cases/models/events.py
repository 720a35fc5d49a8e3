"""Cases that are about single events: percentages with allowances, levels over time, identities, months."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from reverse_etl.cases.case import Case, CaseError, decimal_of, plain
from reverse_etl.cases.compiling import MAIN, Answered, compiles, rounding_word, stated
from reverse_etl.cases.models.plans import planned
from reverse_etl.cases.models.terms import (
    DAY,
    aggregation_of,
    day_of,
    first_day,
    instant,
    metered,
    number,
    price_terms,
    text,
    tier_terms,
    tiers_of,
    whole,
    zone_of,
)
from reverse_etl.cases.scenario import Charge, Scenario, Tier, UsageEvent, of_charge, quantity_event

MAIN_PRICE = "1"
MOST_EVENTS = 100_000


@compiles("percentage")
def percentage(case: Case) -> Answered:
    """``running_totals`` are those of the first events; the last event brings the rest of the units."""
    if case.events is not None:
        return _percentage(case, metered(case, Charge("percentage", ()))[1])
    usage = case.usage if isinstance(case.usage, dict) else {"units": case.usage}
    units, stated_count = decimal_of(usage.get("units"), "units"), decimal_of(usage.get("event_count") or 1, "event_count")
    if not 0 < stated_count <= MOST_EVENTS or stated_count % 1:
        raise CaseError(f"event_count is to be a whole number up to {MOST_EVENTS}: {usage.get('event_count')!r}")
    count = int(stated_count)
    totals = [Decimal(0), *(decimal_of(total, "running_totals") for total in usage.get("running_totals") or [])]
    if len(totals) > count:
        raise CaseError("running_totals are those of the events before the last one")
    quantities = [after - before for before, after in pairwise(totals)]
    quantities += [Decimal(0)] * (count - len(quantities) - 1) + [units - totals[-1]]
    return _percentage(case, [quantity_event(DAY, quantity, minutes=place) for place, quantity in enumerate(quantities)])


@compiles("percentage_per_transaction")
def percentage_per_transaction(case: Case) -> Answered:
    return _percentage(case, metered(case, Charge("percentage", ()))[1])


def _percentage(case: Case, events: Sequence[UsageEvent]) -> Answered:
    free_units = number(case, "free_units")
    terms = {
        # Nought means that there is no such allowance.
        "free_events": whole(case, "free_events", 0) or None,
        "free_units": free_units or None,
        "fixed_fee_per_event": number(case, "fixed_fee_per_event"),
        "transaction_minimum": number(case, "per_transaction_min"),
        "transaction_maximum": number(case, "per_transaction_max"),
    }
    limits = {name: value for name, value in price_terms(case).items() if name != "free_units"}
    charge = Charge("percentage", (Tier(rate_percent=text(case.parameter("rate_percent"), "rate_percent")),), {**limits, **stated(terms)})
    return planned(case, charge, events)


@compiles("weighted_sum")
def weighted_sum(case: Case) -> Answered:
    """A level over a period; ``initial_value`` is what it was before."""
    _period(case)
    tiers = tiers_of(case) if "tiers" in case.params else (Tier(None, text(case.params.get("unit_price", MAIN_PRICE), "unit_price")),)
    model = "graduated" if "tiers" in case.params else "per_unit"
    charge = Charge(model, tiers, price_terms(case), aggregation="weighted_sum")
    return planned(case, *metered(replace(case, events=case.events or ()), charge))


@compiles("prorated_sum")
def prorated_sum(case: Case) -> Answered:
    """A level that counts for the whole days that are left of the period; ``carried`` is what it was before."""
    _period(case)
    rounding = re.fullmatch(r"(\w+) (\d+) dp", str(case.params.get("rounding", "half_up 13 dp")))
    if rounding is None:
        raise CaseError(f"the rounding {case.params['rounding']!r} is not known; state it as 'ceil 5 dp'")
    terms = {"quantity_rounding": rounding_word(rounding[1]), "quantity_precision": rounding[2]}
    events = _carried(case)
    events += [
        quantity_event(day_of(event.get("date")), decimal_of(event.get("value"), "value"), place) for place, event in enumerate(case.events or ())
    ]
    price = text(case.params.get("unit_price", MAIN_PRICE), "unit_price")
    return planned(case, Charge("per_unit", (Tier(None, price),), terms, aggregation="prorated_sum"), events)


def _carried(case: Case) -> list[UsageEvent]:
    """What was there before the period."""
    level = number(case, "carried", "initial_value")
    return [quantity_event(first_day(case) - timedelta(days=1), level)] if level else []


@compiles("graduated_prorated", "volume_prorated")
def prorated_tiers(case: Case) -> Answered:
    """Units that come and go within the period, tiers being counted on the full units. An event says how many of its units count for the
    period (``prorated_units``), or in a case with a period on which day it came (``date``)."""
    basis = str(case.params.get("tier_selected_by", "full_units"))
    priced = str(case.params.get("priced_quantity", "prorated_units"))
    if basis not in ("full_units", "prorated_units") or priced not in ("full_units", "prorated_units"):
        raise CaseError("tier_selected_by and priced_quantity are full_units or prorated_units")
    start = first_day(case) if case.period else DAY
    changes = case.events or ([case.usage] if isinstance(case.usage, dict) else [])
    if not changes:
        raise CaseError("the case has neither events of units and prorated_units nor a usage of full_units and prorated_units")
    events = _carried(replace(case, events=None))
    events += [_prorated(case, change, start, place, priced) for place, change in enumerate(changes)]
    terms = {
        **tier_terms(case),
        "tiers_counted_on": "full_units" if basis == "full_units" else "priced_units",
        # Nobody has less than nothing of what is counted here.
        "negative_usage": "zero",
    }
    charge = Charge(case.model.removesuffix("_prorated"), tiers_of(case), terms, aggregation="prorated_sum", counted_attribute="prorated_units")
    # Prorated units are rounded numbers themselves, so that no more digits than those of the currency mean anything.
    main = planned(replace(case, events=None), charge, events)
    return Answered(main.scenarios, {**main.says, "amount": lambda rated: plain(rated[MAIN].amount_rounded)})


def _prorated(case: Case, change: Mapping[str, Any], start: date, place: int, priced: str) -> UsageEvent:
    units = text(next((change[name] for name in ("units", "full_units", "value") if name in change), None), "units")
    if priced == "full_units":
        return quantity_event(start, units, place)
    if "prorated_units" in change:
        return quantity_event(start, units, place, prorated_units=text(change["prorated_units"], "prorated_units"))
    if not case.period or "date" not in change:
        raise CaseError("an event has neither prorated_units nor, in a case with a period, a date")
    return quantity_event(day_of(change["date"]), units, place)


@compiles("dedupe")
def dedupe(case: Case) -> Mapping[str, Scenario]:
    """Events in the order of their arrival, each in a delivery of its own day."""
    if tuple(case.params.get("key", ("source", "id"))) != ("source", "id"):
        raise CaseError("the identity of an event is its source and id (CloudEvents 1.0)")
    events = []
    for place, event in enumerate(case.events or ()):
        single = quantity_event(DAY, decimal_of(event.get("value"), "value"))
        data = {"value": plain(decimal_of(event.get("value"), "value"))}
        events.append(
            UsageEvent(single.occurred_at, single.quantity, data, (str(event.get("source")), str(event.get("id"))), arrives_after_days=place)
        )
    charge = Charge("per_unit", (Tier(None, "1"),), aggregation=aggregation_of(case, "sum"), counted_attribute="value")
    return {MAIN: of_charge(charge, events)}


@compiles("period_assignment")
def period_assignment(case: Case) -> Mapping[str, Scenario]:
    if case.params.get("interval", "month") != "month":
        raise CaseError("usage is summarised by local month")
    case.parameter("timezone")
    times = [instant(event.get("timestamp")) for event in case.events or ()]
    if not times:
        raise CaseError("the case has no events")
    charge = Charge("per_unit", (Tier(None, "1"),))
    events = [UsageEvent(time, "1", identity=("case", str(place))) for place, time in enumerate(times)]
    first = min(times).date().replace(day=1)
    return {MAIN: of_charge(charge, events, first, time_zone=zone_of(case).key, starts_on=first - timedelta(days=31))}


def _period(case: Case) -> Mapping[str, str]:
    if not case.period:
        raise CaseError("the case has no period")
    return case.period
