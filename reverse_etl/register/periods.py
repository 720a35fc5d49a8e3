"""Accounting periods per entity: open until closed; every change is a fact of the log."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from reverse_etl.documents import State
from reverse_etl.errors import RegisterError
from reverse_etl.register import schema
from reverse_etl.register.log import LogWriter, from_text
from reverse_etl.register.records import HARD_CLOSED, OPEN, PERIOD_STATUSES, PeriodChange

FINAL = (State.VERIFIED.value, State.CANCELLED.value, State.REVERSED.value)


def status_of(connection: Connection, entity: str, period: str) -> str:
    latest = latest_change(connection, entity, period)
    return OPEN if latest is None else latest.status


def latest_change(connection: Connection, entity: str, period: str) -> PeriodChange | None:
    changes = _changes(connection, schema.periods.c.entity == entity, schema.periods.c.period == period)
    return changes[-1] if changes else None


def changes_since(connection: Connection, position: int) -> list[PeriodChange]:
    return _changes(connection, schema.periods.c.position > position)


def change_status(writer: LogWriter, entity: str, period: str, status: str, landing_position: int | None) -> bool:
    """Record the status; False when it already is so (then nothing is written and the first cutoff stands).

    Raises:
        RegisterError: unknown status, a hard-closed period, or a hard close with undelivered documents.
    """
    current = latest_change(writer.connection, entity, period)
    before = OPEN if current is None else current.status
    if status not in PERIOD_STATUSES:
        raise RegisterError(f"period {period} of {entity}: status {status!r} is unknown; use one of {', '.join(PERIOD_STATUSES)}")
    if before == status:
        return False
    if before == HARD_CLOSED:
        raise RegisterError(f"period {period} of {entity} is hard closed and cannot become {status}")
    if status == HARD_CLOSED:
        _require_delivered(writer.connection, entity, period)
    cutoff = landing_position if landing_position is not None else (current.landing_position if current else None)
    writer.append("period", entity=entity, period=period, status=status, landing_position=cutoff)
    return True


def first_open(connection: Connection, entity: str, default: str) -> str:
    """The first period from ``default`` on that is open."""
    period = default
    while status_of(connection, entity, period) != OPEN:
        period = next_period(period)
    return period


def next_period(period: str) -> str:
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def _require_delivered(connection: Connection, entity: str, period: str) -> None:
    document, delivery = schema.documents, schema.deliveries
    open_documents = (
        select(func.count(), func.min(document.c.business_key))
        .join(delivery, delivery.c.document_position == document.c.position)
        .where(document.c.entity == entity, document.c.period == period, delivery.c.state.not_in(FINAL))
    )
    count, example = connection.execute(open_documents).one()
    if count:
        raise RegisterError(
            f"period {period} of {entity} cannot be hard closed: {count} documents are not verified, {example} among them; push or resolve them first"
        )


def _changes(connection: Connection, *conditions: object) -> list[PeriodChange]:
    table, log = schema.periods, schema.log
    statement = select(table, log.c.at, log.c.actor).join(log, log.c.position == table.c.position).where(*conditions)  # type: ignore[arg-type]
    return [
        PeriodChange(row.position, row.entity, row.period, row.status, row.landing_position, row.actor, from_text(row.at))
        for row in connection.execute(statement.order_by(table.c.position))
    ]
