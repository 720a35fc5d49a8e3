"""Reading the register: documents, deliveries, attempts and what was appended since a position."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from reverse_etl.documents import SealedDocument, State
from reverse_etl.register import schema
from reverse_etl.register.contract import CARRIED_OVER
from reverse_etl.register.deliveries import load_delivery
from reverse_etl.register.log import from_text, to_text
from reverse_etl.register.records.deliveries import Attempt, Delivery, DocumentEntry, Transition, WaitingDocuments
from reverse_etl.register.records.periods import PeriodDocuments

POSITIONS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents; None = any."""

    system: str | None = None
    entity: str | None = None
    period: str | None = None
    document_type: str | None = None
    states: Sequence[State] | None = None
    business_key: str | None = None
    number: str | None = None
    reference: str | None = None
    subtracted_key: str | None = None
    natural_id: str | None = None
    position: int | None = None
    cause: str | None = None
    positions: Sequence[int] | None = None
    sealed_since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        table = schema.documents
        equal = {
            table.c.system: self.system,
            table.c.entity: self.entity,
            table.c.period: self.period,
            table.c.document_type: self.document_type,
            table.c.business_key: self.business_key,
            table.c.number: self.number,
            table.c.reference: self.reference,
            table.c.subtracted_key: self.subtracted_key,
            table.c.natural_id: self.natural_id,
            table.c.position: self.position,
            table.c.cause: self.cause,
        }
        conditions = [column == value for column, value in equal.items() if value is not None]
        if self.states is not None:
            conditions.append(schema.deliveries.c.state.in_([state.value for state in self.states]))
        if self.positions is not None:
            conditions.append(table.c.position.in_(self.positions))
        if self.sealed_since is not None:
            since = select(schema.log.c.position).where(schema.log.c.at >= to_text(self.sealed_since), schema.log.c.kind == "document")
            conditions.append(table.c.position.in_(since))
        return conditions

    def slices(self) -> Iterator[Filters]:
        """The same, in as many parts as a statement's parameters need."""
        if self.positions is None:
            yield self
        else:
            ordered = sorted(self.positions)
            yield from (replace(self, positions=ordered[start : start + POSITIONS_AT_ONCE]) for start in range(0, len(ordered), POSITIONS_AT_ONCE))


def sealed_document(row: Mapping[Any, Any]) -> SealedDocument:
    return SealedDocument(
        position=row["position"],
        system=row["system"],
        entity=row["entity"],
        document_type=row["document_type"],
        natural_id=row["natural_id"],
        business_key=row["business_key"],
        revision=row["revision"],
        operation=row["operation"],
        number=row["number"],
        document_date=date.fromisoformat(row["document_date"]),
        posting_date=date.fromisoformat(row["posting_date"]),
        period=row["period"],
        currency=row["currency"],
        total_minor=row["total_minor"],
        depends_on=tuple(json.loads(row["depends_on"])),
        sensitivity=row["sensitivity"],
        cause=row["cause"],
        content_hash=row["content_hash"],
        payload=json.loads(row["payload"]),
        correlation_id=row["correlation_id"],
    )


def documents(connection: Connection, filters: Filters) -> list[tuple[SealedDocument, Delivery]]:
    """Documents with their deliveries, by position."""
    return [entry for some in filters.slices() for entry in _documents(connection, some)]


def positions(connection: Connection, filters: Filters) -> array[int]:
    """The positions of documents, in order."""
    document, delivery = schema.documents, schema.deliveries
    found = array("q")
    for some in filters.slices():
        statement = (
            select(document.c.position)
            .join(delivery, delivery.c.document_position == document.c.position)
            .where(*some.conditions())
            .order_by(document.c.position)
        )
        for rows in connection.execution_options(yield_per=10_000).execute(statement).partitions():
            found.extend(row.position for row in rows)
    return found


def states(connection: Connection, filters: Filters) -> list[tuple[str, State]]:
    """Document type and state of documents."""
    document, delivery = schema.documents, schema.deliveries
    found: list[tuple[str, State]] = []
    for some in filters.slices():
        statement = select(document.c.document_type, delivery.c.state).join(delivery, delivery.c.document_position == document.c.position)
        found.extend((row.document_type, State(row.state)) for row in connection.execute(statement.where(*some.conditions())))
    return found


def _documents(connection: Connection, filters: Filters) -> list[tuple[SealedDocument, Delivery]]:
    document, delivery, log = schema.documents, schema.deliveries, schema.log
    statement = (
        select(document, log.c.correlation_id, *[column.label(f"delivery_{column.name}") for column in delivery.columns])
        .join(log, log.c.position == document.c.position)
        .join(delivery, delivery.c.document_position == document.c.position)
        .where(*filters.conditions())
        .order_by(document.c.position)
    )
    names = [column.name for column in delivery.columns]
    return [
        (sealed_document(row), load_delivery({name: row[f"delivery_{name}"] for name in names})) for row in connection.execute(statement).mappings()
    ]


def totals(connection: Connection, filters: Filters) -> dict[tuple[str, State, str], tuple[int, int]]:
    """(document type, state, currency) -> number of documents and their total in minor units."""
    document, delivery = schema.documents, schema.deliveries
    columns = (document.c.document_type, delivery.c.state, document.c.currency)
    statement = (
        select(*columns, func.count().label("documents"), func.sum(document.c.total_minor).label("total_minor"))
        .join(delivery, delivery.c.document_position == document.c.position)
        .where(*filters.conditions())
        .group_by(*columns)
    )
    return {(row.document_type, State(row.state), row.currency): (int(row.documents), int(row.total_minor)) for row in connection.execute(statement)}


def waiting(connection: Connection, states: Sequence[State]) -> list[WaitingDocuments]:
    """Documents in some states, counted and summed by lane, period, state and currency; what is delivered to nobody is left out."""
    document, delivery, log = schema.documents, schema.deliveries, schema.log
    columns = (document.c.system, document.c.entity, document.c.period, delivery.c.state, document.c.currency)
    statement = (
        select(*columns, func.count().label("documents"), func.sum(document.c.total_minor).label("total_minor"), func.min(log.c.at).label("oldest"))
        .join(delivery, delivery.c.document_position == document.c.position)
        .join(log, log.c.position == document.c.position)
        .where(delivery.c.state.in_([state.value for state in states]), document.c.system != CARRIED_OVER)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        WaitingDocuments(
            row.system, row.entity, row.period, State(row.state), row.currency, int(row.documents), int(row.total_minor), from_text(row.oldest)
        )
        for row in connection.execute(statement)
    ]


def period_documents(connection: Connection, entity: str, period: str) -> list[PeriodDocuments]:
    """The documents of a legal entity and period, counted and summed; what is delivered to nobody is left out."""
    document, delivery, log, transition = schema.documents, schema.deliveries, schema.log, schema.transitions
    effect = schema.log.alias("effect")
    columns = (document.c.system, document.c.document_type, delivery.c.state, document.c.currency)
    statement = (
        select(*columns)
        .add_columns(func.count(document.c.position.distinct()).label("documents"), func.max(document.c.position).label("last"))
        .add_columns(func.max(effect.c.at).label("posted"))
        .join(delivery, delivery.c.document_position == document.c.position)
        .outerjoin(transition, and_(transition.c.document_position == document.c.position, transition.c.state == State.POSTED.value))
        .outerjoin(effect, effect.c.position == transition.c.position)
        .where(document.c.entity == entity, document.c.period == period, document.c.system != CARRIED_OVER)
        .group_by(*columns)
        .order_by(*columns)
    )
    # Summed apart: a document that was posted twice, as after a repost, would count twice.
    sums = {
        (row.system, row.document_type, row.state, row.currency): int(row.total_minor)
        for row in connection.execute(
            select(*columns, func.sum(document.c.total_minor).label("total_minor"))
            .join(delivery, delivery.c.document_position == document.c.position)
            .where(document.c.entity == entity, document.c.period == period, document.c.system != CARRIED_OVER)
            .group_by(*columns)
        )
    }
    rows = connection.execute(statement).all()
    sealed = {
        row.position: (from_text(row.at), row.correlation_id)
        for row in connection.execute(select(log.c.position, log.c.at, log.c.correlation_id).where(log.c.position.in_([row.last for row in rows])))
    }
    return [
        PeriodDocuments(
            system=row.system,
            document_type=row.document_type,
            state=State(row.state),
            currency=row.currency,
            documents=int(row.documents),
            total_minor=sums[row.system, row.document_type, row.state, row.currency],
            sealed_at=sealed[row.last][0],
            sealed_position=row.last,
            posted_at=None if row.posted is None else from_text(row.posted),
            run_id=sealed[row.last][1],
        )
        for row in rows
    ]


def sealed_at(connection: Connection, positions: Sequence[int]) -> dict[int, datetime]:
    """When documents were sealed, by position."""
    log, found = schema.log, {}
    for some in Filters(positions=positions).slices():
        statement = select(log.c.position, log.c.at).where(log.c.position.in_(some.positions or ()))
        found.update({row.position: from_text(row.at) for row in connection.execute(statement)})
    return found


def documents_since(connection: Connection, position: int) -> list[DocumentEntry]:
    document, log = schema.documents, schema.log
    statement: Select[Any] = (
        select(document, log.c.correlation_id, log.c.at).join(log, log.c.position == document.c.position).where(document.c.position > position)
    )
    return [
        DocumentEntry(sealed_document(row), row["series"], row["subtracted_key"], row["register_head"], row["payload"], from_text(row["at"]))
        for row in connection.execute(statement.order_by(document.c.position)).mappings()
    ]


def transitions_since(connection: Connection, position: int) -> list[Transition]:
    return _transitions(connection, schema.transitions.c.position > position)


def transitions_of(connection: Connection, document_position: int) -> list[Transition]:
    return _transitions(connection, schema.transitions.c.document_position == document_position)


def attempts(connection: Connection, document_position: int) -> list[Attempt]:
    """Every attempt of a document in order, with what came of it."""
    call, result, log = schema.calls, schema.call_results, schema.log
    statement = (
        select(call, log.c.at, log.c.correlation_id, result.c.outcome, result.c.reason, result.c.remote_id, result.c.reply)
        .join(log, log.c.position == call.c.position)
        .outerjoin(result, result.c.call_position == call.c.position)
        .where(call.c.document_position == document_position)
        .order_by(call.c.position)
    )
    return [
        Attempt(
            position=row.position,
            document_position=row.document_position,
            call_name=row.call_name,
            generation=row.generation,
            idempotency_key=row.idempotency_key,
            request=row.request,
            written_ahead_at=from_text(row.at),
            correlation_id=row.correlation_id,
            epoch=row.epoch,
            outcome=row.outcome,
            reason=row.reason,
            remote_id=row.remote_id,
            reply=None if row.reply is None else json.loads(row.reply),
        )
        for row in connection.execute(statement)
    ]


def _transitions(connection: Connection, condition: ColumnElement[bool]) -> list[Transition]:
    table, log = schema.transitions, schema.log
    statement = select(table, log.c.at).join(log, log.c.position == table.c.position).where(condition).order_by(table.c.position)
    return [
        Transition(row.position, row.document_position, State(row.state), row.remote_id, row.remote_number, row.reason, from_text(row.at))
        for row in connection.execute(statement)
    ]
