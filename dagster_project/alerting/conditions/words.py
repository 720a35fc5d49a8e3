"""How causes are put into words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from reverse_etl.alerting import MoneyAtRisk
from reverse_etl.alerting.alert import money_at_risk
from reverse_etl.alerting.settings import AlertSettings

LONGEST_CAUSE = 800
SHOWN = 3


def listing(parts: Sequence[str], shown: int = SHOWN) -> str:
    """The first of them, and how many more there are."""
    more = len(parts) - shown
    return "; ".join(parts[:shown]) + (f"; and {more} more" if more > 0 else "")


def sentence(text: str) -> str:
    """Text on one line, cut where nobody would read on."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_CAUSE else line[: LONGEST_CAUSE - 1] + "…"


def at(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def amounts(sums: Mapping[str, int], exponents: Mapping[str, int]) -> tuple[MoneyAtRisk, ...]:
    return money_at_risk(sums.items(), exponents)


def entity_or_none(entity: str | None) -> str | None:
    """The warehouse's word for all entities is none of them."""
    return None if entity in (None, "*") else entity


def run_link(settings: AlertSettings, run_id: str) -> str | None:
    return None if settings.link is None else f"{settings.link.rstrip('/')}/runs/{run_id}"


def asset_link(settings: AlertSettings, asset_key: str, entity: str | None = None, period: str | None = None) -> str | None:
    """To the asset, or to what it says of an entity and period, if both are known."""
    partition = f"?view=partitions&partition={entity}%7C{period}" if entity_or_none(entity) and period else ""
    return None if settings.link is None else f"{settings.link.rstrip('/')}/assets/{asset_key}{partition}"
