"""What the published warehouse says that people must look at. A copy that lacks a relation has nothing to say of it yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from dagster_project.alerting.facts import BrokenCheckpoint, HeldLines, Listed
from dagster_project.published.held_back import published
from dagster_project.quantities import number, quantity
from reverse_etl.alerting.memory import Memory
from reverse_etl.warehouse import Warehouse

SHOWN_EXAMPLES = 3
SPIKE = "usage_spike"
# A month that is still going on has drafts and no close: what is missing for it is nobody's task yet.
_ENDED = "(select max(landed_on) from raw.landed_files)"
_BREAKS = f"""
    select breaks.checkpoint, catalogue.title, breaks.entity, breaks.period, catalogue.owner, catalogue.sla_hours, breaks.measure, breaks.unit,
        count(*) as breaks,
        cast(sum(abs(breaks.difference)) as varchar) as difference, max(case when currencies.currency is not null then 1 else 0 end) as is_money,
        list(struct_pack(
            measure := breaks.measure, subject := breaks.subject, left_value := cast(breaks.left_value as varchar),
            right_value := cast(breaks.right_value as varchar)
        ) order by abs(breaks.difference) desc, breaks.subject)[:{SHOWN_EXAMPLES}] as examples
    from reconciliation.checkpoint_breaks as breaks
    inner join constants.checkpoint_catalogue as catalogue on breaks.checkpoint = catalogue.checkpoint
    left join constants.currencies as currencies on breaks.unit = currencies.currency
    where breaks.period in (select period from register.documents) and try_cast(breaks.period || '-01' as date) + interval 1 month <= {_ENDED}
    group by all
    order by breaks.period, breaks.checkpoint, breaks.entity, breaks.measure, breaks.unit
"""
_HELD = f"""
    select lines.entity, strftime(lines.document_month, '%Y-%m') as period, lines.hold_reason as reason, max(lines.meaning) as meaning,
        max(lines.what_to_do) as what_to_do, lines.currency, count(*) as lines, count(distinct lines.customer_id) as customers,
        cast(sum(coalesce(lines.delta_minor, 0)) as bigint) as amount_minor, list(distinct customers.country) as countries,
        max(lines.document_month + interval 1 month) as since
    from invoicing.held_lines as lines
    left join staging.stg_crm__customers as customers on coalesce(lines.bill_to_customer_id, lines.customer_id) = customers.customer_id
    where lines.document_month + interval 1 month <= {_ENDED} and lines.hold_reason <> '{SPIKE}'
    group by all
    order by lines.entity, period, reason, lines.currency
"""
_QUARANTINED = """
    select reason, max(meaning) as meaning, count(*) as events, min(events.landed_on) as first_landed_on, max(events.what_to_do) as what_to_do
    from usage.quarantined_usage_events as events
    inner join raw.landed_files as files on events.file_name = files.file_name
    where files.position > ?
    group by reason
    order by events desc, reason
"""
_REFUSED = """
    select file_name, line_number, subject, rule, meaning from staging.refused_reference_rows order by file_name desc, line_number, rule
"""
_SPIKES = f"""
    select lines.entity, strftime(lines.document_month, '%Y-%m') as period, spikes.customer_id, spikes.meter,
        strftime(spikes.service_period_start, '%Y-%m') as used_in, cast(spikes.quantity as varchar) as quantity,
        cast(spikes.norm_total as varchar) as norm_total, spikes.norm_periods, lines.currency, coalesce(lines.delta_minor, 0) as amount_minor,
        lines.document_month + interval 1 month as since
    from approvals.usage_spikes as spikes
    inner join invoicing.held_lines as lines on spikes.line_key = lines.line_key
    where lines.hold_reason = '{SPIKE}' and lines.blocks_document and lines.document_month + interval 1 month <= {_ENDED}
    order by lines.entity, period, spikes.quantity desc, spikes.line_key
"""
_GATES = f"""
    select entity, strftime(document_month, '%Y-%m') as period, subject, functional_currency as currency, gross_minor as amount_minor, line_count,
        plan_hash, document_month + interval 1 month as since
    from approvals.run_gates
    where is_stopped and document_month + interval 1 month <= {_ENDED}
    order by entity, document_month, subject
"""


def broken_checkpoints(warehouse: Warehouse, memory: Memory | None, exponents: Mapping[str, int], now: datetime) -> tuple[BrokenCheckpoint, ...]:
    """The checkpoints of ended months that do not tie, as last published."""
    groups: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in published(warehouse, _BREAKS):
        groups[row["checkpoint"], row["entity"], row["period"]].append(row)
    names = {key: " ".join(key) for key in groups}
    since = {} if memory is None else memory.observed("broken checkpoints", list(names.values()), now)
    return tuple(
        BrokenCheckpoint(
            checkpoint=key[0],
            title=rows[0]["title"],
            entity=key[1],
            period=key[2],
            owner=rows[0]["owner"],
            sla_hours=rows[0]["sla_hours"],
            breaks=sum(row["breaks"] for row in rows),
            amounts=_largest(rows),
            examples=tuple(_example(example, row["unit"], exponents) for row in rows for example in row["examples"])[:SHOWN_EXAMPLES],
            since=since.get(names[key], now),
        )
        for key, rows in groups.items()
    )


def held_lines(warehouse: Warehouse) -> tuple[HeldLines, ...]:
    """Lines of ended months that wait for input, by legal entity, month and reason; not those that only wait for a decision."""
    groups: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in published(warehouse, _HELD):
        groups[row["entity"], row["period"], row["reason"]].append(row)
    return tuple(
        HeldLines(
            entity=entity,
            period=period,
            reason=reason,
            meaning=str(rows[0]["meaning"]),
            what_to_do=str(rows[0]["what_to_do"]),
            lines=sum(row["lines"] for row in rows),
            customers=sum(row["customers"] for row in rows),
            countries=tuple(sorted({country for row in rows for country in row["countries"] if country})),
            amounts={row["currency"]: row["amount_minor"] for row in rows if row["currency"]},
            since=_aware(rows[0]["since"]),
        )
        for (entity, period, reason), rows in groups.items()
    )


def listed(warehouse: Warehouse, memory: Memory | None, accepted_until: int, now: datetime) -> tuple[Listed, ...]:
    """Rows that wait for a person; events set aside since the landing position ``accepted_until``, which a close has accepted as they are."""
    return (*_quarantined(warehouse, accepted_until), *_refused(warehouse, memory, now), *_gates(warehouse), *_spikes(warehouse))


def _quarantined(warehouse: Warehouse, accepted_until: int) -> tuple[Listed, ...]:
    rows = published(warehouse, _QUARANTINED, [accepted_until])
    if not rows:
        return ()
    events = sum(row["events"] for row in rows)
    reasons = ", ".join(f"{row['events']:,} {row['reason']}" for row in rows)
    set_aside = f"{events:,} usage {'event is' if events == 1 else 'events are'} set aside and not billed"
    cause = f"{set_aside}: {reasons}. The most frequent: {rows[0]['meaning']}. To do: {rows[0]['what_to_do']}"
    since = datetime.combine(min(row["first_landed_on"] for row in rows), time(), UTC)
    return (Listed("quarantined usage events", events, cause, "tieout exceptions", since),)


def _refused(warehouse: Warehouse, memory: Memory | None, now: datetime) -> tuple[Listed, ...]:
    rows = published(warehouse, _REFUSED)
    since = {} if memory is None else memory.observed("refused rows", ["reference data"] if rows else [], now)
    if not rows:
        return ()
    said = "; ".join(f"{row['file_name']} line {row['line_number']}: {row['meaning']} ({row['rule']})" for row in rows[:SHOWN_EXAMPLES])
    cause = f"{len(rows):,} rows of reference data break a rule and are not used: {said}"
    return (Listed("refused reference data", len(rows), cause, "tieout exceptions", since.get("reference data", now)),)


def _gates(warehouse: Warehouse) -> tuple[Listed, ...]:
    return tuple(
        Listed(
            f"run gate {row['subject']}",
            row["line_count"],
            f"{row['line_count']:,} proposed lines are beyond the limits of the run gate {row['subject']} and wait for another user's approval",
            f"tieout approve {row['plan_hash']}",
            _aware(row["since"]),
            entity=row["entity"],
            period=row["period"],
            amounts={row["currency"]: row["amount_minor"]},
        )
        for row in published(warehouse, _GATES)
    )


def _largest(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """By currency, what the measure with the largest difference misses: measures of a checkpoint see the same money from several sides."""
    found: dict[str, int] = {}
    for row in rows:
        if row["is_money"]:
            found[row["unit"]] = max(found.get(row["unit"], 0), int(Decimal(row["difference"] or 0)))
    return found


def _spikes(warehouse: Warehouse) -> Iterator[Listed]:
    groups: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in published(warehouse, _SPIKES):
        groups[row["entity"], row["period"]].append(row)
    for (entity, period), rows in groups.items():
        said = "; ".join(map(_spike, rows[:SHOWN_EXAMPLES])) + (f"; and {len(rows) - SHOWN_EXAMPLES} more" if len(rows) > SHOWN_EXAMPLES else "")
        amounts: defaultdict[str, int] = defaultdict(int)
        for row in rows:
            amounts[row["currency"]] += row["amount_minor"]
        cause = f"usage far above its norm waits for another user's approval, and so does the document that it is on: {said}"
        yield Listed("usage spikes", len(rows), cause, "tieout approvals", _aware(rows[0]["since"]), entity=entity, period=period, amounts=amounts)


def _spike(row: Mapping[str, Any]) -> str:
    used, before = (number(row[name]) for name in ("quantity", "norm_total"))
    periods = f"{row['norm_periods']} periods" if row["norm_periods"] > 1 else "period"
    return f"{row['customer_id']} used {used} of {row['meter']} in {row['used_in']}, and {before} in the {periods} before"


def _example(example: Mapping[str, Any], unit: str, exponents: Mapping[str, int]) -> str:
    left, right = ("nothing" if example[side] is None else quantity(example[side], unit, exponents) for side in ("left_value", "right_value"))
    return f"{example['measure']} of {example['subject']}: {left} on one side, {right} on the other"


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
