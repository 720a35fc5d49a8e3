"""What an alert is. Pure; instants are aware of their zone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any


class AlertKind(StrEnum):
    """What an alert is about."""

    SLA_BREACH = "sla_breach"
    """Something is older than it may be: an undelivered document, a break of a checkpoint, a step of the close."""
    EXCEPTIONS = "exceptions"
    """Documents, rows or lines that stopped for a person."""
    DRIFT = "drift"
    """A destination holds something else than what was sealed."""
    BLOCKED_CLOSE = "blocked_close"
    """A close was refused, or cannot go on by itself."""
    DEGRADED = "degraded"
    """Something works less than normally: a destination is held, throttled or not reached, reference data are missing, the warehouse is locked."""
    LATE_USAGE = "late_usage"
    """Usage of a closed month has landed; the next open period bills it."""
    FAILED_RUN = "failed_run"
    """A run of Dagster failed."""
    REGISTER_INTEGRITY = "register_integrity"
    """The register's chain, its anchors or the seal of a closed period do not hold."""
    TEST = "test"
    """Sent by a person to try a channel."""


class Severity(IntEnum):
    """How soon somebody must look; ordered."""

    INFO = 10
    WARNING = 20
    ERROR = 30
    CRITICAL = 40

    @property
    def label(self) -> str:
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> Severity:
        """Raises ``KeyError``: there is no such severity."""
        return cls[label.upper()]


@dataclass(frozen=True, slots=True, order=True)
class MoneyAtRisk:
    """``amount_minor`` in minor units; ``exponent``: how many of its digits are behind the point (ISO 4217)."""

    currency: str
    amount_minor: int
    exponent: int = 2

    def __str__(self) -> str:
        return f"{self.currency} {Decimal(self.amount_minor).scaleb(-self.exponent):,f}"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that holds and that people should know of.

    ``subject``: what it is about, in words that stay the same as long as it holds (``stripe/northlight_us``, ``K7``, a job's name): with kind,
    entity and period it makes the identity, under which an alert is sent once, reminded of, and told to be over. ``cause``: one plain sentence
    that names the cause; it may change meanwhile. ``at_risk``: at most one per currency. ``since``: when it began. ``next_command``: what to run
    next. ``link``: where to look. ``correlation_id``: the run, or the correlation id that log lines, requests and register rows carry. ``count``: how
    many things it is about; when they become more, it is told again.
    """

    kind: AlertKind
    severity: Severity
    subject: str
    cause: str
    since: datetime
    entity: str | None = None
    period: str | None = None
    at_risk: tuple[MoneyAtRisk, ...] = ()
    next_command: str | None = None
    link: str | None = None
    correlation_id: str | None = None
    count: int = 1

    def __post_init__(self) -> None:
        if self.since.tzinfo is None:
            raise ValueError(f"since of the alert on {self.subject} says no zone: {self.since}")
        if len({money.currency for money in self.at_risk}) != len(self.at_risk):
            raise ValueError(f"the alert on {self.subject} has two amounts of one currency: {self.at_risk}")

    @property
    def identity(self) -> str:
        """The same for the same thing, whoever finds it, however it has grown meanwhile: 32 hexadecimal digits."""
        parts = json.dumps([self.kind.value, self.entity, self.period, self.subject], ensure_ascii=True)
        return hashlib.sha256(parts.encode()).hexdigest()[:32]

    @property
    def title(self) -> str:
        """One line: what kind, about what, of which period and legal entity."""
        where = " ".join(part for part in (self.entity, self.period) if part and part not in self.subject)
        return f"{self.kind.value.replace('_', ' ')}: {self.subject}" + (f" ({where})" if where else "")

    def to_record(self) -> dict[str, Any]:
        """As it is sent and kept; the shape that docs/alerts.schema.json describes."""
        return {
            "identity": self.identity,
            "kind": self.kind.value,
            "severity": self.severity.label,
            "entity": self.entity,
            "period": self.period,
            "subject": self.subject,
            "title": self.title,
            "cause": self.cause,
            "count": self.count,
            "at_risk": [{"currency": money.currency, "amount_minor": money.amount_minor, "exponent": money.exponent} for money in self.at_risk],
            "since": self.since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "next_command": self.next_command,
            "link": self.link,
            "correlation_id": self.correlation_id,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Alert:
        """The inverse of ``to_record``. Raises ``KeyError``, ``TypeError`` or ``ValueError`` for anything else."""
        return cls(
            kind=AlertKind(record["kind"]),
            severity=Severity.named(record["severity"]),
            subject=record["subject"],
            cause=record["cause"],
            since=datetime.fromisoformat(record["since"]),
            entity=record["entity"],
            period=record["period"],
            at_risk=tuple(MoneyAtRisk(money["currency"], money["amount_minor"], money["exponent"]) for money in record["at_risk"]),
            next_command=record["next_command"],
            link=record["link"],
            correlation_id=record["correlation_id"],
            count=record["count"],
        )


def money_at_risk(amounts: Iterable[tuple[str, int]], exponents: Mapping[str, int]) -> tuple[MoneyAtRisk, ...]:
    """Amounts (currency, minor units) added up by currency; a sum of zero is none. ``exponents``: those that differ from 2 must be there."""
    sums: dict[str, int] = {}
    for currency, minor in amounts:
        sums[currency] = sums.get(currency, 0) + minor
    return tuple(MoneyAtRisk(currency, minor, exponents.get(currency, 2)) for currency, minor in sorted(sums.items()) if minor)


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """By severity, then money at risk, then age; alerts of one identity are one, the most severe."""
    chosen: dict[str, Alert] = {}
    for alert in alerts:
        standing = chosen.get(alert.identity)
        if standing is None or alert.severity > standing.severity:
            chosen[alert.identity] = alert
    return sorted(chosen.values(), key=_urgency)


def _urgency(alert: Alert) -> tuple[int, Decimal, datetime, str]:
    # Amounts of several currencies cannot be added; the largest one orders well enough.
    largest = max((abs(Decimal(money.amount_minor).scaleb(-money.exponent)) for money in alert.at_risk), default=Decimal(0))
    return -alert.severity, -largest, alert.since, alert.identity
