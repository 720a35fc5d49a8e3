"""Sealing: re-check, compare-and-swap on heads, number and insert, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, case, func, insert, select, update

from reverse_etl.documents import OutboxRow, SealedDocument, State, canonical_json, external_reference
from reverse_etl.errors import OutboxContractError
from reverse_etl.register import schema
from reverse_etl.register.approvals import unapproved
from reverse_etl.register.contract import CARRIED_OVER, MASTER_DATA, NUMBER_PREFIXES, violations
from reverse_etl.register.deliveries import save_delivery
from reverse_etl.register.exceptions import resolve_open
from reverse_etl.register.log import LogWriter
from reverse_etl.register.periods import PeriodStanding, renew_seal, require_changeable, standing_of
from reverse_etl.register.reads import sealed_document
from reverse_etl.register.records.deliveries import (
    CLOSED_PERIOD,
    CONTRACT,
    CORRECTION_CAUSES,
    NOT_APPROVED,
    STALE_HEAD,
    WRONG_INCARNATION,
    Delivery,
    Refusal,
    SealReport,
)

KEYS_AT_ONCE = 500
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Known:
    """A document of the same business key that is sealed already."""

    position: int
    entity: str
    period: str
    revision: int
    content_hash: str
    number: str | None
    state: State
    remote_id: str | None
    generation: int

    @property
    def replaceable(self) -> bool:
        """Cancelled, or finally rejected without a trace at the destination: other content may take its place and number."""
        return self.state is State.CANCELLED or (self.state is State.REJECTED and self.remote_id is None)


@dataclass(frozen=True, slots=True)
class _Head:
    """The last position sealed under a subtracted key, and the last that still counts as issued: later ones are all cancelled."""

    sealed: int = 0
    issued: int = 0


@dataclass(slots=True)
class _Batch:
    """What one seal knows of the register before it changes anything."""

    incarnation: str
    heads: Mapping[str, _Head]
    issued_since: Mapping[str, tuple[int, str]]
    known: Mapping[str, list[_Known]]
    periods: Mapping[tuple[str, str], PeriodStanding]
    unapproved: Mapping[str, str]
    correcting: bool
    unchanged: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def seal_rows(writer: LogWriter, rows: Sequence[OutboxRow], *, correcting: bool = False) -> SealReport:
    """``correcting``: the rows are what an approved correction consists of, which nothing else may seal."""
    connection = writer.connection
    groups: dict[str, list[OutboxRow]] = {}
    hashes: dict[int, str] = {}
    seen: set[tuple[str, int]] = set()
    checked = [(row, _contract_refusal(row, seen, hashes)) for row in rows]
    sound = [row for row, reason in checked if reason is None]
    batch = _Batch(
        incarnation=str(connection.scalar(select(schema.register.c.incarnation))),
        heads=_heads(connection, {row.subtracted_key for row in sound}),
        issued_since=_issued_since(connection, sound),
        known=_known(connection, {row.business_key for row in sound}),
        periods={key: standing_of(connection, *key) for key in {(row.entity, row.period) for row in sound}},
        unapproved={} if correcting else _uncorrected(sound) | unapproved(connection, sound),
        correcting=correcting,
    )
    for row, reason in checked:
        if reason is None and _unchanged(row, batch, hashes[id(row)]):
            continue
        groups.setdefault(row.subtracted_key, []).append(row)
        if reason is not None:
            batch.refused.append(Refusal(row, CONTRACT, reason))
        elif row.business_key in batch.unapproved:
            batch.refused.append(Refusal(row, NOT_APPROVED, batch.unapproved[row.business_key]))
        elif (refusal := _refusal(row, batch)) is not None:
            batch.refused.append(refusal)
    accepted = _whole_groups(groups, batch)
    replaced = {(known.entity, known.period) for row in accepted for known in _replaced(row, batch)}
    for key in sorted(replaced):
        require_changeable(connection, *key)
    sealed = _insert(writer, accepted, batch, hashes)
    for key in sorted(replaced | {(row.entity, row.period) for row in accepted}):
        renew_seal(writer, *key)
    return SealReport(tuple(sealed), tuple(sealed_documents(connection, batch.unchanged)), tuple(batch.refused))


def _uncorrected(rows: Iterable[OutboxRow]) -> dict[str, str]:
    """Business key -> why it may not be sealed, of everything that would correct what is posted without anybody's approval."""
    return {
        row.business_key: "what corrects a posting is sealed by whoever approves it ('tieout repost')"
        for row in rows
        if row.cause in CORRECTION_CAUSES or (row.revision > 1 and row.document_type not in MASTER_DATA)
    }


def _contract_refusal(row: OutboxRow, seen: set[tuple[str, int]], hashes: dict[int, str]) -> str | None:
    broken = violations(row)
    if broken:
        return "; ".join(broken)
    try:
        hashes[id(row)] = row.content_hash
    except OutboxContractError as error:
        return str(error)
    if (row.business_key, row.revision) in seen:
        return "the batch holds this business key and revision twice"
    seen.add((row.business_key, row.revision))
    return None


def _unchanged(row: OutboxRow, batch: _Batch, content_hash: str) -> bool:
    for known in batch.known.get(row.business_key, ()):
        if known.revision == row.revision and known.content_hash == content_hash and known.state is not State.CANCELLED:
            batch.unchanged.append(known.position)
            return True
    return False


def _refusal(row: OutboxRow, batch: _Batch) -> Refusal | None:
    known = batch.known.get(row.business_key, [])
    same = [entry for entry in known if entry.revision == row.revision and not entry.replaceable]
    latest = max((entry.revision for entry in known), default=0)
    if row.register_incarnation != batch.incarnation:
        return Refusal(
            row,
            WRONG_INCARNATION,
            f"it was computed against incarnation {row.register_incarnation}, this register is {batch.incarnation}; mirror and build again",
        )
    if same:
        return Refusal(
            row,
            CONTRACT,
            f"business key and revision {row.revision} are sealed with other content at position {same[0].position}; sealed documents never change",
        )
    if row.revision not in (latest, latest + 1):
        return Refusal(row, CONTRACT, f"revision {row.revision} does not follow revision {latest}")
    if (stale := _stale(row, batch)) is not None:
        return Refusal(row, STALE_HEAD, f"{stale}; mirror and build again")
    # What stands in the place of what has vanished changes nothing that its period holds.
    in_its_place = batch.correcting and row.cause not in CORRECTION_CAUSES
    closed = None if in_its_place else batch.periods[row.entity, row.period].refusal_of(row.document_type, row.cause)
    if closed is not None:
        return Refusal(row, CLOSED_PERIOD, closed)
    return None


def _stale(row: OutboxRow, batch: _Batch) -> str | None:
    """What was issued since the row was computed. A line moves to another account with its customer's parent, so that the head of the row's
    own account does not tell everything: its lines are looked for in every document since."""
    head = batch.heads.get(row.subtracted_key, _Head())
    if not head.issued <= row.register_head <= head.sealed:
        return f"it subtracted position {row.register_head} of {row.subtracted_key}, the register is at {head.sealed}"
    if row.register_position is not None:
        for line in row.payload["lines"]:
            position, business_key = batch.issued_since.get(line.get("rated_line_key") or "", (0, ""))
            if position > row.register_position:
                return f"it subtracted what was issued up to position {row.register_position}, and {business_key} has billed a line of it since"
    return None


def _whole_groups(groups: Mapping[str, list[OutboxRow]], batch: _Batch) -> list[OutboxRow]:
    """Rows of one subtracted key stand or fall together: half of a credit-and-rebill would bill wrongly."""
    refused = {id(refusal.row): refusal for refusal in batch.refused}
    accepted: list[OutboxRow] = []
    for key, rows in groups.items():
        cause = next((refused[id(row)] for row in rows if id(row) in refused), None)
        if cause is None:
            accepted.extend(rows)
            continue
        for row in rows:
            if id(row) not in refused:
                batch.refused.append(Refusal(row, cause.code, f"{cause.row.business_key} of the same key {key} was refused: {cause.reason}"))
    return sorted(accepted, key=lambda row: (row.document_date, row.business_key, row.revision))


def _insert(writer: LogWriter, rows: Sequence[OutboxRow], batch: _Batch, hashes: Mapping[int, str]) -> list[SealedDocument]:
    numbers = _numbers(writer.connection, rows, batch)
    sealed: list[SealedDocument] = []
    for row in rows:
        for known in _replaced(row, batch):
            _cancel(writer, known, row.business_key)
        number = numbers.get(id(row))
        position = writer.append("document", **_document_values(row, hashes[id(row)], number))
        sealed.append(
            SealedDocument(
                position=position,
                system=row.system,
                entity=row.entity,
                document_type=row.document_type,
                natural_id=row.natural_id,
                business_key=row.business_key,
                revision=row.revision,
                operation=row.operation,
                number=number,
                document_date=row.document_date,
                posting_date=row.posting_date,
                period=row.period,
                currency=row.currency,
                total_minor=row.total_minor,
                depends_on=row.depends_on,
                sensitivity=row.sensitivity,
                cause=row.cause,
                content_hash=hashes[id(row)],
                payload=row.payload,
                correlation_id=writer.correlation_id,
            )
        )
    for document in sealed:
        reason = "carried over" if document.system == CARRIED_OVER else "sealed"
        writer.append("transition", document_position=document.position, state=_first_state(document).value, reason=reason)
    writer.flush()
    if sealed:
        fresh = [Delivery(document.position, state=_first_state(document), generation=_generation(document, batch)) for document in sealed]
        writer.connection.execute(insert(schema.deliveries), [save_delivery(delivery) for delivery in fresh])
    return sealed


def _replaced(row: OutboxRow, batch: _Batch) -> list[_Known]:
    """The rejected documents whose place and number the row takes."""
    return [known for known in batch.known.get(row.business_key, ()) if known.revision == row.revision and known.state is State.REJECTED]


def _first_state(document: SealedDocument) -> State:
    # What was carried over stands where the former system has put it: there is nothing to deliver, and nobody to ask.
    return State.VERIFIED if document.system == CARRIED_OVER else State.PENDING


def _generation(document: SealedDocument, batch: _Batch) -> int:
    # The same content would send the same keys again, and a destination may answer those with the refusal it stored.
    before = [entry.generation for entry in batch.known.get(document.business_key, ()) if entry.content_hash == document.content_hash]
    return max(before, default=-1) + 1


def _document_values(row: OutboxRow, content_hash: str, number: str | None) -> dict[str, Any]:
    return {
        "contract_version": row.contract_version,
        "system": row.system,
        "entity": row.entity,
        "document_type": row.document_type,
        "natural_id": row.natural_id,
        "business_key": row.business_key,
        "revision": row.revision,
        "operation": row.operation,
        "series": row.series,
        "number": number,
        "document_date": row.document_date.isoformat(),
        "posting_date": row.posting_date.isoformat(),
        "period": row.period,
        "currency": row.currency,
        "total_minor": row.total_minor,
        "depends_on": canonical_json(list(row.depends_on)).decode(),
        "sensitivity": row.sensitivity,
        "cause": row.cause,
        "subtracted_key": row.subtracted_key,
        "register_head": row.register_head,
        "register_incarnation": row.register_incarnation,
        "content_hash": content_hash,
        "reference": external_reference(row.business_key, row.revision),
        "payload": canonical_json(row.payload).decode(),
    }


def _cancel(writer: LogWriter, known: _Known, business_key: str) -> None:
    writer.append("transition", document_position=known.position, state=State.CANCELLED.value, reason="replaced by a corrected document")
    writer.connection.execute(
        update(schema.deliveries).where(schema.deliveries.c.document_position == known.position).values(state=State.CANCELLED.value)
    )
    resolve_open(writer, ["document_rejected"], [business_key], "replaced by a corrected document")


def _numbers(connection: Connection, rows: Sequence[OutboxRow], batch: _Batch) -> dict[int, str]:
    """Gapless numbers per (entity, series): taken and stored in the transaction that seals, inherited by replacements."""
    numbers: dict[int, str] = {}
    table = schema.number_series
    last = {(row.entity, row.series): row.last_number for row in connection.execute(select(table).with_for_update())}
    before = dict(last)
    for row in rows:
        if row.series is None:
            continue
        inherited = [known.number for known in batch.known.get(row.business_key, ()) if known.revision == row.revision and known.number]
        if inherited:
            numbers[id(row)] = inherited[-1]
            continue
        last[row.entity, row.series] = last.get((row.entity, row.series), 0) + 1
        numbers[id(row)] = f"{NUMBER_PREFIXES[row.series]}-{row.entity.upper()}-{last[row.entity, row.series]:06d}"
    for (entity, series), number in last.items():
        if (entity, series) not in before:
            connection.execute(insert(table), [{"entity": entity, "series": series, "last_number": number}])
        elif before[entity, series] != number:
            connection.execute(update(table).where(table.c.entity == entity, table.c.series == series).values(last_number=number))
    return numbers


def _heads(connection: Connection, keys: set[str]) -> dict[str, _Head]:
    table, delivery = schema.documents, schema.deliveries
    issued = case((delivery.c.state != State.CANCELLED.value, table.c.position), else_=0)
    columns = (table.c.subtracted_key, func.max(table.c.position).label("sealed"), func.max(issued).label("issued"))
    heads: dict[str, _Head] = {}
    for some in _chunks(sorted(keys)):
        statement = select(*columns).join(delivery, delivery.c.document_position == table.c.position).where(table.c.subtracted_key.in_(some))
        for row in connection.execute(statement.group_by(table.c.subtracted_key)):
            heads[row.subtracted_key] = _Head(row.sealed, row.issued)
    return heads


def _issued_since(connection: Connection, rows: Sequence[OutboxRow]) -> dict[str, tuple[int, str]]:
    """Rated line -> the last document that has held it since the rows were computed. Where the mirror is fresh there is none to look at."""
    positions = [row.register_position for row in rows if row.register_position is not None]
    if not positions:
        return {}
    table, delivery = schema.documents, schema.deliveries
    statement = (
        select(table.c.position, table.c.business_key, table.c.payload)
        .join(delivery, delivery.c.document_position == table.c.position)
        .where(table.c.position > min(positions), table.c.entity.in_({row.entity for row in rows}), table.c.document_type.in_(NUMBER_PREFIXES))
        .where(delivery.c.state != State.CANCELLED.value)
    )
    found: dict[str, tuple[int, str]] = {}
    for row in connection.execute(statement.order_by(table.c.position)):
        found.update({line.get("rated_line_key") or "": (row.position, row.business_key) for line in json.loads(row.payload)["lines"]})
    return found


def _known(connection: Connection, keys: set[str]) -> dict[str, list[_Known]]:
    known: dict[str, list[_Known]] = {}
    table, delivery = schema.documents, schema.deliveries
    columns = (table.c.business_key, table.c.position, table.c.entity, table.c.period, table.c.revision, table.c.content_hash, table.c.number)
    for some in _chunks(sorted(keys)):
        statement = (
            select(*columns, delivery.c.state, delivery.c.remote_id, delivery.c.generation)
            .join(delivery, delivery.c.document_position == table.c.position)
            .where(table.c.business_key.in_(some))
        )
        for row in connection.execute(statement.order_by(table.c.position)):
            known.setdefault(row.business_key, []).append(
                _Known(
                    row.position,
                    row.entity,
                    row.period,
                    row.revision,
                    row.content_hash,
                    row.number,
                    State(row.state),
                    row.remote_id,
                    row.generation,
                )
            )
    return known


def sealed_documents(connection: Connection, positions: Sequence[int]) -> Iterator[SealedDocument]:
    """The documents at these positions, with the correlation id of the run that sealed them."""
    table, log = schema.documents, schema.log
    for some in _chunks(positions):
        statement = select(table, log.c.correlation_id).join(log, log.c.position == table.c.position).where(table.c.position.in_(some))
        yield from (sealed_document(row) for row in connection.execute(statement.order_by(table.c.position)).mappings())


def _chunks(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (items[start : start + KEYS_AT_ONCE] for start in range(0, len(items), KEYS_AT_ONCE))
