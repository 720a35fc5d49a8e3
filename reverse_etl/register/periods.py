"""Accounting periods per entity: open, soft closed, hard closed; in order, each sealed when it closes. Every change is a fact of the log."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from reverse_etl.documents import State, sha256_hex
from reverse_etl.errors import PeriodError
from reverse_etl.register import approvals, schema, seals, sign_offs
from reverse_etl.register.log import LogWriter, from_text
from reverse_etl.register.records.approvals import PERIOD_REOPEN, ApprovalRequest, NewApprovalRequest
from reverse_etl.register.records.periods import (
    HARD_CLOSED,
    OPEN,
    PERIOD_STATUSES,
    SOFT_CLOSE_CAUSES,
    SOFT_CLOSED,
    LandedFiles,
    PeriodChange,
    SealBreak,
)

FINAL = (State.VERIFIED.value, State.CANCELLED.value, State.REVERSED.value)


@dataclass(frozen=True, slots=True)
class PeriodStanding:
    """What sealing into a period depends on: its status, the first open one of the entity, and whether a soft closed one still is what was sealed."""

    entity: str
    period: str
    status: str
    first_open: str | None
    broken: SealBreak | None

    def refusal_of(self, document_type: str, cause: str) -> str | None:
        """Why it does not take a document; None where it does. The one rule of posting dates at the seal: nothing is posted before the first
        open period, and a soft closed one takes only what ends it."""
        named = f"period {self.period} of {self.entity}"
        if self.status == SOFT_CLOSED and document_type == "journal_entry" and cause in SOFT_CLOSE_CAUSES:
            return None if self.broken is None else f"the seal of {named} is broken ({self.broken}); see 'tieout periods verify'"
        if self.status != OPEN:
            return f"{named} is {self.status}; build again for the first open period"
        if self.first_open is not None and self.period < self.first_open:
            return f"{named} is before {self.first_open}, its first open period; build again for that"
        return None


def status_of(connection: Connection, entity: str, period: str) -> str:
    latest = latest_change(connection, entity, period)
    return OPEN if latest is None else latest.status


def latest_change(connection: Connection, entity: str, period: str) -> PeriodChange | None:
    found = changes(connection, entity, period)
    return found[-1] if found else None


def changes(connection: Connection, entity: str, period: str) -> list[PeriodChange]:
    """Every change of the period's status, the first one first."""
    return _changes(connection, schema.periods.c.entity == entity, schema.periods.c.period == period)


def change_named(connection: Connection, request: ApprovalRequest) -> PeriodChange | None:
    """The latest change of the period that a request is about."""
    return latest_change(connection, request.entity, request.subject.removeprefix(f"{request.entity}/"))


def changes_since(connection: Connection, position: int) -> list[PeriodChange]:
    return _changes(connection, schema.periods.c.position > position)


def latest_changes(connection: Connection) -> list[PeriodChange]:
    """The latest change of every period that was ever closed, by entity and period."""
    latest = {(change.entity, change.period): change for change in _changes(connection)}
    return [latest[key] for key in sorted(latest)]


def change_status(
    writer: LogWriter, entity: str, period: str, status: str, landing_position: int | None, landed_files: LandedFiles | None = None
) -> bool:
    """Close the period and seal what it holds; False when it already is so (then nothing is written and the first cutoff stands).

    Raises:
        PeriodError: unknown status, out of order, a hard close of what is not soft closed, delivered and signed off, anything of a hard closed one.
        BrokenSealError: a hard close of a period that is not what was soft closed.
    """
    current = latest_change(writer.connection, entity, period)
    before = OPEN if current is None else current.status
    if status not in PERIOD_STATUSES:
        raise PeriodError(f"period {period} of {entity}: status {status!r} is unknown; use one of {', '.join(PERIOD_STATUSES)}")
    if before == status:
        return False
    if before == HARD_CLOSED:
        raise PeriodError(f"period {period} of {entity} is hard closed and cannot become {status}; what is wrong in it is corrected in an open one")
    if status == OPEN:
        raise PeriodError(
            f"period {period} of {entity} is {before}; two people reopen it: ask with 'tieout periods reopen {period} --entity {entity}'"
        )
    if status == HARD_CLOSED:
        if before != SOFT_CLOSED:
            raise PeriodError(f"period {period} of {entity} is {before}; close it first ('tieout close {period}'), then hard close it")
        _require_delivered(writer.connection, entity, period)
        seals.require_intact(writer.connection, entity, period)
        assert current is not None
        sign_offs.require(writer.connection, current)
    else:
        _require_order(writer.connection, entity, period)
    cutoff = landing_position if landing_position is not None else (current.landing_position if current else None)
    writer.append("period", entity=entity, period=period, status=status, landing_position=cutoff)
    seals.take(writer, entity, period, landed_files)
    return True


def ask_to_reopen(writer: LogWriter, entity: str, period: str, reason: str) -> ApprovalRequest:
    """Ask for a soft closed period to be opened again; it is opened by whoever approves that.

    Raises:
        PeriodError: it is not the last period that is closed, or it is hard closed.
        ApprovalError: no reason is given.
    """
    content_hash = _reopening_hash(writer.connection, entity, period, reason)
    return approvals.ask(writer, NewApprovalRequest(PERIOD_REOPEN, entity, f"{entity}/{period}", reason, content_hash=content_hash))


def reopen(writer: LogWriter, request: ApprovalRequest) -> None:
    """Open what an approved request is about, if it still is what was closed then.

    Raises:
        PeriodError: it was closed anew since, or can no longer be opened.
    """
    period = request.subject.removeprefix(f"{request.entity}/")
    if _reopening_hash(writer.connection, request.entity, period, request.reason) != request.content_hash:
        raise PeriodError(f"period {period} of {request.entity} was closed anew since request {request.request_id} was made; ask anew")
    current = latest_change(writer.connection, request.entity, period)
    writer.append("period", entity=request.entity, period=period, status=OPEN, landing_position=current.landing_position if current else None)


def standing_of(connection: Connection, entity: str, period: str) -> PeriodStanding:
    status = status_of(connection, entity, period)
    last = _last_closed(connection, entity)
    broken = seals.breaks(connection, entity, period) if status == SOFT_CLOSED else []
    return PeriodStanding(entity, period, status, None if last is None else next_period(last), broken[0] if broken else None)


def renew_seal(writer: LogWriter, entity: str, period: str) -> None:
    """Seal a soft closed period anew, after the register itself has changed what it holds."""
    if status_of(writer.connection, entity, period) == SOFT_CLOSED:
        seals.take(writer, entity, period)


def require_changeable(connection: Connection, entity: str, period: str) -> None:
    """Raises ``PeriodError`` where the period is hard closed, or its seal is broken."""
    status = status_of(connection, entity, period)
    if status == HARD_CLOSED:
        raise PeriodError(f"period {period} of {entity} is hard closed: nothing in it changes; correct it in an open one")
    if status == SOFT_CLOSED:
        seals.require_intact(connection, entity, period)


def broken_seals(connection: Connection, entity: str | None = None) -> list[SealBreak]:
    """What differs from its seal, of every closed period (of one entity, if it is given)."""
    closed = [change for change in latest_changes(connection) if change.status != OPEN and entity in (None, change.entity)]
    return [found for change in closed for found in seals.breaks(connection, change.entity, change.period)]


def first_open(connection: Connection, entity: str, default: str) -> str:
    """The first period from ``default`` on that is open."""
    period = default
    while status_of(connection, entity, period) != OPEN:
        period = next_period(period)
    return period


def next_period(period: str) -> str:
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def _last_closed(connection: Connection, entity: str) -> str | None:
    return max((change.period for change in latest_changes(connection) if change.entity == entity and change.status != OPEN), default=None)


def _require_order(connection: Connection, entity: str, period: str) -> None:
    last = _last_closed(connection, entity)
    if last is not None and period > next_period(last):
        raise PeriodError(
            f"period {period} of {entity} cannot be closed while {next_period(last)} is open; periods are closed in order: close that first"
        )


def _reopening_hash(connection: Connection, entity: str, period: str, reason: str) -> str:
    """The hash that an approval is bound to: what was closed, when, and why it is to be opened."""
    change = latest_change(connection, entity, period)
    if change is None or change.status == OPEN:
        raise PeriodError(f"period {period} of {entity} is open; there is nothing to reopen")
    if change.status == HARD_CLOSED:
        raise PeriodError(f"period {period} of {entity} is hard closed, for ever; correct it in an open period ('tieout credit', 'void', 'adjust')")
    last = _last_closed(connection, entity)
    if last != period:
        raise PeriodError(f"period {period} of {entity} cannot be reopened while {last} is closed; periods are reopened from the last one back")
    seal = seals.latest(connection, entity, period)
    sealed = "" if seal is None else seals.content_hash_of(seal)
    return sha256_hex("\n".join((entity, period, str(change.position), sealed, reason)).encode())


def _require_delivered(connection: Connection, entity: str, period: str) -> None:
    document, delivery = schema.documents, schema.deliveries
    open_documents = (
        select(func.count(), func.min(document.c.business_key))
        .join(delivery, delivery.c.document_position == document.c.position)
        .where(document.c.entity == entity, document.c.period == period, delivery.c.state.not_in(FINAL))
    )
    count, example = connection.execute(open_documents).one()
    if count:
        raise PeriodError(
            f"period {period} of {entity} cannot be hard closed: {count} documents are not verified, {example} among them; push or resolve them first"
        )


def _changes(connection: Connection, *conditions: object) -> list[PeriodChange]:
    table, log = schema.periods, schema.log
    statement = select(table, log.c.at, log.c.actor).join(log, log.c.position == table.c.position).where(*conditions)  # type: ignore[arg-type]
    return [
        PeriodChange(row.position, row.entity, row.period, row.status, row.landing_position, row.actor, from_text(row.at))
        for row in connection.execute(statement.order_by(table.c.position))
    ]
