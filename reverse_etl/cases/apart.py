"""Scenarios side by side in one installation: those that state different exchange rates of one currency need days of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from reverse_etl.cases.scenario import RATED_MONTHS, Scenario


def moved_apart(scenarios: Mapping[str, Scenario]) -> dict[str, Scenario]:
    """A rate is of a day and two currencies. Whoever states the second rate of a currency is moved so many months back that no
    document of it is dated at the first one, and so on; such scenarios are of one month, and do not say which."""
    rates: defaultdict[str, list[str]] = defaultdict(list)
    apart = {}
    for key, scenario in scenarios.items():
        stated = rates[scenario.currency]
        if scenario.exchange_rate and scenario.exchange_rate not in stated:
            stated.append(scenario.exchange_rate)
        place = stated.index(scenario.exchange_rate) if scenario.exchange_rate else 0
        apart[key] = _moved(scenario, place * (RATED_MONTHS + 1)) if place else scenario
    return apart


def _moved(scenario: Scenario, months: int) -> Scenario:
    def earlier(day: date) -> date:
        month = day.year * 12 + day.month - 1 - months
        return day.replace(year=month // 12, month=month % 12 + 1)

    def earlier_at(instant: datetime) -> datetime:
        day = earlier(instant.date())
        return instant.replace(year=day.year, month=day.month)

    return replace(
        scenario,
        subscriptions=[
            replace(subscription, starts_on=earlier(subscription.starts_on), ends_on=subscription.ends_on and earlier(subscription.ends_on))
            for subscription in scenario.subscriptions
        ],
        events=[replace(event, occurred_at=earlier_at(event.occurred_at)) for event in scenario.events],
        day=scenario.day and earlier(scenario.day),
    )
