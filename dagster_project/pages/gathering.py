"""Reads the report of a close from the register and the published warehouse. Waits for no writer, and has an answer for a period of which nothing is
known."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from itertools import groupby
from typing import Any

import yaml

from dagster_project.checklist.gathering import checklists_of
from dagster_project.checklist.step import Money
from dagster_project.close.installation import Installation
from dagster_project.close.partitions import CloseKey
from dagster_project.close.steps import Checkpoint
from dagster_project.pages.queue import counted
from dagster_project.pages.queue_gathering import company_of, gather_queue, one_publication
from dagster_project.pages.report import (
    Break,
    CloseReport,
    Control,
    DocumentCount,
    DocumentLink,
    EntityClose,
    InvoiceStatus,
    Movement,
    Waterfall,
    WaterfallStep,
)
from dagster_project.published.held_back import published
from dagster_project.published.sub_ledgers import rolled_forward
from dagster_project.quantities import exponents
from dagster_project.shipped import DBT_PROJECT
from reverse_etl.documents import SealedDocument
from reverse_etl.posting.pacing.overview import destination_states
from reverse_etl.register import ApprovalRequest, Delivery, PeriodChange
from reverse_etl.register.records.periods import OPEN
from reverse_etl.systems.registry import document_url_of
from reverse_etl.warehouse import Warehouse

SHOWN_BREAKS, SHOWN_ROWS, SHOWN_DOCUMENTS, SHOWN_MOVEMENTS, SHOWN_PERIODS = 50, 10, 15, 4, 12

_NAMES = "select entity, entity_name from staging.stg_crm__legal_entities"
_CHECKPOINTS = """
    select checkpoint, title, entity, period, measure, unit, left_side, right_side, cast(left_value as varchar) as left_value,
        cast(right_value as varchar) as right_value, cast(excused_value as varchar) as excused_value, cast(difference as varchar) as difference,
        break_count, status
    from reconciliation.checkpoints where period = ? order by checkpoint, entity, measure, unit
"""
_BREAKS = """
    select checkpoint, entity, measure, unit, subject, cast(left_value as varchar) as left_value, cast(right_value as varchar) as right_value,
        cast(difference as varchar) as difference, explanation
    from reconciliation.checkpoint_breaks where period = ? order by checkpoint, entity, measure, abs(difference) desc, subject
"""
_WATERFALL = """
    select entity, currency, step, kind, title, amount_minor, item_count
    from reconciliation.tie_out_waterfall where period = ? order by entity, currency, position
"""
_HISTORY = """
    select entity, currency, period, amount_minor
    from reconciliation.tie_out_waterfall where step = 'ledger' and period <= ? order by entity, currency, period
"""
_INVOICES = """
    select entity, currency, document_type, status, document_count, total_minor, open_minor
    from analytics.invoices_by_status where period = ? order by entity, currency, document_type desc, document_count desc, status
"""
_MOVEMENTS = """
    select entity, currency, dimension, subject, subject_name, amount_minor, previous_minor, change_minor
    from analytics.movements_against_last_month
    where period = ? and change_minor <> 0
    qualify row_number() over (partition by entity, currency, dimension, sign(change_minor) order by abs(change_minor) desc, subject) <= ?
    order by entity, currency, dimension, change_minor desc, subject
"""
_RELATIONS = "select table_schema || '.' || table_name as relation from information_schema.tables"
_TESTED = "select table_name as name from information_schema.tables where table_schema = 'breaks'"


def gather_report(installation: Installation, period: str, now: datetime, run_id: str | None = None) -> CloseReport:
    """The report of a period over all legal entities, as things stand at ``now`` (aware). ``run_id``: of the run that asks for it."""
    with one_publication(installation):
        return _gathered(installation, period, now, run_id)


def _gathered(installation: Installation, period: str, now: datetime, run_id: str | None) -> CloseReport:
    warehouse = installation.warehouse
    is_published = installation.settings.published_path.is_file()
    with closing(installation.open_register()) as register:
        seen = register.seen()
        changes = {change.entity: change for change in register.periods() if change.period == period}
        documents = register.deliveries(period=period)
        approvals = register.approval_requests()
    checkpoints = tuple(_checkpoints(warehouse, period)) if is_published else ()
    breaks = _breaks(warehouse, period) if is_published else []
    queue = gather_queue(installation, now)
    # A warehouse may rate what is delivered of legal entities that this installation does not close.
    ours = {*installation.settings.entities, "*"}
    checkpoints = tuple(one for one in checkpoints if one.entity in ours)
    breaks = [one for one in breaks if one.entity in ours]
    exceptions = tuple(item for item in queue.items if item.period == period)
    return CloseReport(
        period=period,
        generated_at=now,
        company=company_of(installation),
        run_id=run_id or _last_run(documents),
        register_position=seen.position,
        head_hash=seen.head_hash,
        published_at=installation.warehouse.published_at(),
        exponents=exponents(),
        entities=tuple(_entities(installation, changes, checkpoints, is_published)),
        waterfalls=tuple(one for one in _waterfalls(warehouse, period) if one.entity in ours) if is_published else (),
        rolled=tuple(row for row in rolled_forward(warehouse, period) if row.period == period and row.entity in ours) if is_published else (),
        exceptions=exceptions,
        other_exceptions=queue.count - counted(exceptions),
        invoices=tuple(one for one in _invoices(warehouse, period) if one.entity in ours) if is_published else (),
        movements=tuple(one for one in _movements(warehouse, period) if one.entity in ours) if is_published else (),
        checkpoints=checkpoints,
        breaks=tuple(_shown(breaks)),
        break_count=len(breaks),
        controls=tuple(_controls(warehouse)) if is_published else (),
        checklist=checklists_of(installation, [CloseKey(entity, period) for entity in installation.settings.entities], now),
        approvals=tuple(_approvals(approvals, period, documents)),
        destinations=tuple(destination_states(installation.settings)),
        document_counts=tuple(_counts(documents)),
        documents=tuple(_links(installation, documents)),
        not_computed=frozenset(_not_computed(warehouse)) if is_published else frozenset(),
    )


def _entities(
    installation: Installation, changes: Mapping[str, PeriodChange], checkpoints: Sequence[Checkpoint], is_published: bool
) -> Iterator[EntityClose]:
    names = {row["entity"]: row["entity_name"] for row in published(installation.warehouse, _NAMES)} if is_published else {}
    for entity in installation.settings.entities:
        change = changes.get(entity)
        own = [one for one in checkpoints if one.entity in (entity, "*")]
        told = {one.checkpoint for one in own}
        broken = {one.checkpoint for one in own if not one.tied}
        yield EntityClose(
            entity=entity,
            name=names.get(entity) or entity,
            status=change.status if change else OPEN,
            changed_by=change.actor if change else None,
            changed_at=change.at if change else None,
            checkpoints=len(told),
            tied=len(told - broken),
            breaks=sum(one.break_count for one in own),
        )


def _not_computed(warehouse: Warehouse) -> set[str]:
    read = set(re.findall(r"from (\w+\.\w+)", " ".join((_CHECKPOINTS, _WATERFALL, _INVOICES, _MOVEMENTS))))
    return read - {row["relation"] for row in warehouse.read_published(_RELATIONS).to_pylist()}


def _checkpoints(warehouse: Warehouse, period: str) -> Iterator[Checkpoint]:
    found = [Checkpoint(**{**row, "break_count": int(row["break_count"])}) for row in published(warehouse, _CHECKPOINTS, [period])]
    return iter(sorted(found, key=lambda one: (int(one.checkpoint[1:]), one.entity, one.measure, one.unit)))


def _breaks(warehouse: Warehouse, period: str) -> list[Break]:
    return [Break(**row) for row in published(warehouse, _BREAKS, [period])]


def _shown(breaks: Sequence[Break]) -> Iterator[Break]:
    by_checkpoint: Counter[str] = Counter()
    for one in sorted(breaks, key=lambda found: int(found.checkpoint[1:])):
        by_checkpoint[one.checkpoint] += 1
        if by_checkpoint[one.checkpoint] <= SHOWN_BREAKS:
            yield one


def _waterfalls(warehouse: Warehouse, period: str) -> Iterator[Waterfall]:
    history: defaultdict[tuple[str, str], list[tuple[str, Money]]] = defaultdict(list)
    for row in published(warehouse, _HISTORY, [period]):
        history[row["entity"], row["currency"]].append((row["period"], _money(row, "amount_minor")))
    for (entity, currency), group in groupby(published(warehouse, _WATERFALL, [period]), key=lambda row: (row["entity"], row["currency"])):
        steps = tuple(WaterfallStep(row["step"], row["kind"], row["title"], _money(row, "amount_minor"), int(row["item_count"])) for row in group)
        # What is only eliminated between entities, or was never sold in, is no way of its own.
        if any(step.money.minor for step in steps):
            yield Waterfall(entity, currency, steps, tuple(history[entity, currency][-SHOWN_PERIODS:]))


def _invoices(warehouse: Warehouse, period: str) -> Iterator[InvoiceStatus]:
    for row in published(warehouse, _INVOICES, [period]):
        amounts = (_money(row, "total_minor"), _money(row, "open_minor"))
        yield InvoiceStatus(row["entity"], row["document_type"], row["status"], int(row["document_count"]), *amounts)


def _movements(warehouse: Warehouse, period: str) -> Iterator[Movement]:
    for row in published(warehouse, _MOVEMENTS, [period, SHOWN_MOVEMENTS]):
        amounts = (_money(row, name) for name in ("amount_minor", "previous_minor", "change_minor"))
        yield Movement(row["entity"], row["dimension"], row["subject"], row["subject_name"], *amounts)


def _controls(warehouse: Warehouse) -> Iterator[Control]:
    """Every test that is a control, with what its break list holds since it was last asked."""
    told = yaml.safe_load((DBT_PROJECT / "tests" / "_tests.yml").read_text())["data_tests"]
    asked = {row["name"] for row in warehouse.read_published(_TESTED).to_pylist()}
    names = [test["name"] for test in told if test["name"] in asked]
    counts: dict[str, int] = {}
    if names:
        statement = " union all ".join(f"select '{name}' as name, count(*) as break_count from breaks.{name}" for name in names)
        counts = {row["name"]: int(row["break_count"]) for row in warehouse.read_published(statement).to_pylist()}
    for test in sorted(told, key=lambda one: str(one["config"]["meta"]["control"])):
        meta, name = test["config"]["meta"], test["name"]
        rows = warehouse.read_published(f"select * from breaks.{name} limit {SHOWN_ROWS}").to_pylist() if counts.get(name) else []
        yield Control(meta["control"], name, test["description"], meta["owner"], meta["severity"], counts.get(name), tuple(rows))


def _approvals(requests: Sequence[ApprovalRequest], period: str, documents: Sequence[tuple[SealedDocument, Delivery]]) -> Iterator[ApprovalRequest]:
    """What was asked for about the period or one of its documents, or was asked or decided within it."""
    keys = {document.business_key for document, _ in documents} | {document.natural_id for document, _ in documents}
    for request in requests:
        moments = [request.requested_at, *([request.verdict.at] if request.verdict else [])]
        about = period in (request.subject, request.line_key) or period in request.subject.split("/") or request.subject in keys
        if about or f"decision:{request.request_id}" in keys or any(f"{moment:%Y-%m}" == period for moment in moments):
            yield request


def _counts(documents: Sequence[tuple[SealedDocument, Delivery]]) -> Iterator[DocumentCount]:
    groups: defaultdict[tuple[str, str, str, str, str], list[int]] = defaultdict(list)
    for document, delivery in documents:
        groups[document.document_type, document.entity, document.currency, document.system, delivery.state.value].append(document.total_minor)
    for (document_type, entity, currency, system, state), minor in sorted(groups.items()):
        yield DocumentCount(entity, system, document_type, state, len(minor), Money.of(sum(minor), currency))


def _links(installation: Installation, documents: Sequence[tuple[SealedDocument, Delivery]]) -> Iterator[DocumentLink]:
    """The largest documents of each type and currency, and where they are."""
    ordered = sorted(
        documents, key=lambda pair: (pair[0].system, pair[0].document_type, pair[0].currency, -abs(pair[0].total_minor), pair[0].position)
    )
    pages = {system: document_url_of(installation.settings, system) for system in {document.system for document, _ in documents}}
    for _, group in groupby(ordered, key=lambda pair: (pair[0].system, pair[0].document_type, pair[0].currency)):
        for document, delivery in list(group)[:SHOWN_DOCUMENTS]:
            if document.total_minor:
                yield DocumentLink(
                    entity=document.entity,
                    system=document.system,
                    document_type=document.document_type,
                    number=document.number or delivery.remote_number or document.natural_id,
                    customer_id=document.payload.get("customer_id"),
                    state=delivery.state.value,
                    money=Money.of(document.total_minor, document.currency),
                    remote_id=delivery.remote_id,
                    url=pages[document.system](document.entity, document.document_type, delivery.remote_id) if delivery.remote_id else None,
                )


def _last_run(documents: Sequence[tuple[SealedDocument, Delivery]]) -> str | None:
    last = max((document for document, _ in documents), key=lambda document: document.position, default=None)
    return getattr(last, "correlation_id", None) or None


def _money(row: Mapping[str, Any], name: str) -> Money:
    return Money.of(int(row[name]), row["currency"])
