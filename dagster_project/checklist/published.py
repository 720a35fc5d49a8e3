"""What the published copy of the warehouse says of a close. No query waits for a writer; what no run has computed yet has nothing to show."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dagster_project.checklist.standing import Hold, Landing, LateUsage, Measure, ReadBackState, Refusal, StoppedPlan
from dagster_project.checklist.step import Money
from dagster_project.quantities import exponents, quantity
from reverse_etl.errors import DestinationError
from reverse_etl.warehouse import Warehouse

_RELATIONS = "select table_schema || '.' || table_name as relation from information_schema.tables"
_MIRROR = "select position from register.mirror order by position desc limit 1"
_CUTOVERS = """
    select entity_id, try_cast(cutover_on as date) as cutover_on from raw.legal_entities
    qualify row_number() over (partition by entity_id order by landed_on desc, line_number desc) = 1
"""
_LEDGER = "select ledger from staging.stg_crm__legal_entities where entity = ?"
_FILES = """
    select count(*) filter (where relation = 'raw.usage_events' and landed_on >= ? and landed_on < ?) as files,
        coalesce(sum(row_count) filter (where relation = 'raw.usage_events' and landed_on >= ? and landed_on < ?), 0) as rows,
        max(landed_on) as last_day, coalesce(max(position), 0) as position
    from raw.landed_files
"""
_PROBLEMS = "select distinct file_name, reason from raw.landing_problems order by file_name"
_QUARANTINED = "select count(*) as events from usage.quarantined_usage_events where landed_on >= ? and landed_on < ?"
_CHECKPOINTS = """
    select checkpoint, title, entity, measure, unit, cast(difference as varchar) as difference, break_count
    from reconciliation.checkpoints where period = ? and entity in (?, '*')
    order by cast(substr(checkpoint, 2) as integer), entity, measure, unit
"""
_MISSING = """
    select distinct subject from reconciliation.checkpoint_breaks where checkpoint = 'K0' and period = ? and entity in (?, '*') order by subject
"""
_REFUSED = """
    select rule, min(meaning) as meaning, count(*) as rows, min(file_name || ' line ' || line_number) as example
    from staging.refused_reference_rows group by rule order by rule
"""
_HELD = """
    select hold_reason, min(meaning) as meaning, count(*) as lines, count(distinct customer_id) as customers, currency,
        coalesce(sum(delta_minor), 0) as amount_minor
    from invoicing.held_lines where entity = ? and document_month = ? group by hold_reason, currency order by hold_reason, currency
"""
_HELD_REPORTS = """
    select hold_reason, min(meaning) as meaning, count(*) as lines, count(distinct customer_id) as customers
    from platform.held_usage_reports where entity = ? and document_month = ? group by hold_reason order by hold_reason
"""
_STOPPED = """
    select cause, plan_hash, line_count, functional_currency, gross_minor
    from approvals.run_gates where entity = ? and document_month = ? and is_stopped order by cause, plan_hash
"""
_UNSEALED = """
    select count(*) as documents from {relation} as proposed
    left join register.documents as sealed on proposed.business_key = sealed.business_key and proposed.revision = sealed.revision
    where proposed.entity = ? and proposed.period = ? and sealed.position is null
"""
_PROPOSED: Mapping[str, Sequence[str]] = {
    "billing": ("outbox.outbox_customers", "outbox.outbox_invoices", "outbox.outbox_credit_memos"),
    "journals": ("outbox.outbox_journal_entries",),
}
_READ_BACKS = """
    select system, document_count, completed_at from raw.read_backs where entity = ? and period = ?
    qualify row_number() over (partition by system order by read_id desc) = 1 order by system
"""
_RATED_BY_PLATFORM = "select count(*) as lines from platform.platform_rated_lines where entity = ? and billing_month = ?"
_NOT_INVOICED = """
    select unit, count(*) as lines, cast(sum(difference) as varchar) as difference from reconciliation.checkpoint_breaks
    where checkpoint = 'K3' and entity = ? and period = ? and explanation like 'not invoiced by the platform yet%' group by unit order by unit
"""
_LATE = """
    select count(*) as events, count(distinct events.customer_id) as customers, max(events.landed_on) as last_landed_on
    from usage.usage_event_dispositions as events
    inner join staging.stg_crm__customers as customers on events.customer_id = customers.customer_id
    where customers.entity = ? and events.disposition = 'kept' and events.occurred_on >= ? and events.occurred_on < ?
        and events.landing_position > ? and events.landing_position <= coalesce(?, events.landing_position)
"""


@dataclass(frozen=True, slots=True)
class Published:
    """One published copy; ``relations``: what there is in it (none where nothing was ever published), ``exponents``: decimals by currency."""

    read: Callable[[str, Sequence[Any] | Mapping[str, Any]], pa.Table]
    relations: frozenset[str]
    exponents: Mapping[str, int]

    def rows(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """The rows of a query; none where a relation that it reads is not there yet."""
        if not set(re.findall(r"(?:from|join) (\w+\.\w+)", statement)) <= self.relations:
            return []
        rows: list[dict[str, Any]] = self.read(statement, list(parameters)).to_pylist()
        return rows

    def money(self, minor: int, currency: str) -> Money:
        return Money(int(minor), currency, self.exponents.get(currency, 2))

    def position(self) -> int | None:
        """How far the copy knows the register."""
        rows = self.rows(_MIRROR)
        return int(rows[0]["position"]) if rows else None

    def cutovers(self) -> dict[str, str]:
        """The first period of each legal entity that came from a former system."""
        return {row["entity_id"]: f"{row['cutover_on']:%Y-%m}" for row in self.rows(_CUTOVERS) if row["cutover_on"] is not None}

    def ledger(self, entity: str) -> str | None:
        rows = self.rows(_LEDGER, entity)
        return str(rows[0]["ledger"]) if rows else None

    def landing(self, first: date, after: date) -> Landing:
        """What arrived on the days from ``first`` until ``after``, which is not one of them."""
        rows = self.rows(_FILES, first, after, first, after)
        if not rows:
            return Landing()
        days = {f"/{first:%Y-%m}-"}
        problems = [f"{row['file_name']} ({row['reason']})" for row in self.rows(_PROBLEMS) if any(day in row["file_name"] for day in days)]
        quarantined = self.rows(_QUARANTINED, first, after)
        return Landing(
            files=rows[0]["files"],
            rows=int(rows[0]["rows"]),
            last_day=rows[0]["last_day"],
            position=rows[0]["position"],
            problems=tuple(problems),
            quarantined=quarantined[0]["events"] if quarantined else 0,
        )

    def measures(self, entity: str, period: str) -> tuple[Measure, ...]:
        return tuple(
            Measure(
                checkpoint=row["checkpoint"],
                title=row["title"] or "",
                entity=row["entity"],
                measure=row["measure"],
                difference=self._quantity(row["difference"], row["unit"]),
                break_count=int(row["break_count"]),
                money=self.money(int(Decimal(row["difference"])), row["unit"]) if row["unit"] in self.exponents else None,
            )
            for row in self.rows(_CHECKPOINTS, period, entity)
        )

    def missing_files(self, entity: str, period: str) -> tuple[str, ...]:
        return tuple(row["subject"] for row in self.rows(_MISSING, period, entity))

    def refusals(self) -> tuple[Refusal, ...]:
        return tuple(Refusal(row["rule"], row["meaning"], row["rows"], row["example"]) for row in self.rows(_REFUSED))

    def holds(self, entity: str, first: date) -> tuple[Hold, ...]:
        by_reason: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows(_HELD, entity, first):
            by_reason[row["hold_reason"]].append(row)
        lines = [
            Hold(
                what="line",
                reason=reason,
                meaning=rows[0]["meaning"],
                lines=sum(row["lines"] for row in rows),
                customers=max(row["customers"] for row in rows) if len(rows) == 1 else 0,
                amounts=tuple(self.money(row["amount_minor"], row["currency"]) for row in rows if row["currency"] and row["amount_minor"]),
                relation="invoicing/held_lines",
            )
            for reason, rows in sorted(by_reason.items())
        ]
        reports = [
            Hold("usage report", row["hold_reason"], row["meaning"], row["lines"], row["customers"], (), "platform/held_usage_reports")
            for row in self.rows(_HELD_REPORTS, entity, first)
        ]
        return (*lines, *reports)

    def stopped(self, entity: str, first: date) -> tuple[StoppedPlan, ...]:
        return tuple(
            StoppedPlan(row["cause"], row["plan_hash"], row["line_count"], self.money(row["gross_minor"] or 0, row["functional_currency"]))
            for row in self.rows(_STOPPED, entity, first)
        )

    def unsealed(self, entity: str, period: str) -> tuple[tuple[str, int], ...]:
        counts = {
            part: sum(row["documents"] for relation in relations for row in self.rows(_UNSEALED.format(relation=relation), entity, period))
            for part, relations in _PROPOSED.items()
        }
        return tuple((part, count) for part, count in counts.items() if count)

    def read_backs(self, entity: str, period: str) -> tuple[ReadBackState, ...]:
        return tuple(
            ReadBackState(row["system"], row["document_count"], _aware(row["completed_at"])) for row in self.rows(_READ_BACKS, entity, period)
        )

    def platform_lines(self, entity: str, first: date) -> int:
        rows = self.rows(_RATED_BY_PLATFORM, entity, first)
        return int(rows[0]["lines"]) if rows else 0

    def not_invoiced(self, entity: str, period: str) -> tuple[int, tuple[Money, ...]]:
        """How many lines the billing platform has not invoiced, and what we rate them at."""
        rows = self.rows(_NOT_INVOICED, entity, period)
        amounts = tuple(self.money(int(Decimal(row["difference"])), row["unit"]) for row in rows if row["unit"] in self.exponents)
        return sum(row["lines"] for row in rows), amounts

    def late_usage(self, entity: str, first: date, after: date, since: int, until: int | None = None) -> LateUsage | None:
        """Kept usage of the days from ``first`` until ``after`` that landed beyond one position, and not beyond another."""
        rows = self.rows(_LATE, entity, first, after, since, until)
        if not rows or not rows[0]["events"]:
            return None
        return LateUsage(rows[0]["events"], rows[0]["customers"], rows[0]["last_landed_on"])

    def _quantity(self, value: str, unit: str) -> str:
        return quantity(value, unit, self.exponents)


@contextmanager
def published(warehouse: Warehouse, is_there: bool) -> Iterator[Published]:
    """The published copy as it is now. ``is_there``: whether anything was ever published."""
    if not is_there:
        yield Published(_nothing, frozenset(), exponents())
        return
    with warehouse.reading_published() as read:
        relations = frozenset(row["relation"] for row in read(_RELATIONS, []).to_pylist())
        yield Published(read, relations, exponents())


def _nothing(statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> pa.Table:
    raise DestinationError(f"nothing is published that could answer {statement}")


def _aware(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC)
