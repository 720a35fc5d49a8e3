"""The register's mirror in the warehouse: appended by position, rebuilt from nothing where it cannot be continued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from reverse_etl.documents import canonical_json, sha256_hex
from reverse_etl.errors import DestinationError
from reverse_etl.landing.register_relations import REGISTER_RELATIONS
from reverse_etl.register import ApprovalRequest, DocumentEntry, NewException, PeriodChange, PeriodSeal, Register, Transition, Verdict
from reverse_etl.register.records.exceptions import LOST
from reverse_etl.warehouse.listed import LISTED
from reverse_etl.warehouse.port import Warehouse, WarehouseTransaction

MIRROR = "register.mirror"
DOCUMENTS = "register.documents"
TRANSITIONS = "register.transitions"
PERIODS = "register.periods"
SEALS = "register.period_seals"
REQUESTS = "register.approval_requests"
VERDICTS = "register.verdicts"
LAYOUT = sha256_hex(canonical_json(REGISTER_RELATIONS))[:16]
"""Stands for the columns of the mirror, so that one of other columns is rebuilt."""
ARROW_TYPES: Mapping[str, pa.DataType] = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """Where the mirror stands now; ``appended`` counts rows by relation, ``rebuilt`` says that it was emptied first."""

    incarnation: str
    position: int
    rebuilt: bool
    appended: Mapping[str, int]


def mirror(register: Register, warehouse: Warehouse) -> MirrorReport:
    """Append what the register holds beyond the mirror, in one transaction under the warehouse's writer lock.

    A mirror of another incarnation or layout, or one that is ahead of the register, is emptied and rebuilt in that same transaction. Only a
    restored backup can be behind its mirror: such a register gets a new incarnation first, so that destinations are looked up before
    anything is sent to them. A run that finds nothing new writes nothing.

    Raises:
        WarehouseBusyError: the warehouse was held by another writer for too long.
    """
    with warehouse.writing("mirror of the register"):
        warehouse.create_relations(REGISTER_RELATIONS)
        with warehouse.session("mirror of the register") as session, session.transaction() as transaction:
            mirrored = _mirrored(transaction)
            # Read under the lock: of two mirrors at once the second continues where the first ended.
            if mirrored is not None and mirrored.incarnation == register.incarnation and mirrored.position > register.position:
                register.renew_incarnation("mirror", f"restored: the mirror holds position {mirrored.position}, the register {register.position}")
                register.record_exceptions(_lost(transaction, register), "mirror")
            now = _Mirrored(register.incarnation, register.position, LAYOUT)
            incarnation, position = now.incarnation, now.position
            if mirrored == now:
                return MirrorReport(incarnation, position, False, {})
            rebuilt = mirrored is not None and not mirrored.can_be_continued_to(now)
            if rebuilt or mirrored is None:
                for relation in REGISTER_RELATIONS:
                    transaction.write(f"delete from {relation}")
            start = 0 if rebuilt or mirrored is None else mirrored.position
            entries = [entry for entry in register.documents_since(start) if entry.document.position <= position]
            documents = [entry.document for entry in entries]
            appended = {
                DOCUMENTS: [_document(entry) for entry in entries],
                **{listed.relation: listed.rows(documents) for listed in LISTED},
                TRANSITIONS: [_transition(entry) for entry in register.transitions_since(start) if entry.position <= position],
                PERIODS: [_period(entry) for entry in register.periods_since(start) if entry.position <= position],
                SEALS: [_seal(at, entry) for at, entry in register.seals_since(start) if at <= position],
                REQUESTS: [_request(entry) for entry in register.approval_requests_since(start) if entry.position <= position],
                VERDICTS: [_verdict(entry) for entry in register.verdicts_since(start) if entry.position <= position],
                # Written last: an older mirror row never claims rows that are not there.
                MIRROR: [{"incarnation": incarnation, "position": position, "mirrored_at": _utc(datetime.now(UTC)), "layout": LAYOUT}],
            }
            for relation, rows in appended.items():
                _append(transaction, relation, rows)
    return MirrorReport(incarnation, position, rebuilt, {relation: len(rows) for relation, rows in appended.items() if rows})


def mirror_is_ahead(register: Register, warehouse: Warehouse) -> bool:
    """Whether the mirror knows more than the register, which only a backup that was put back can be behind; reads only."""
    try:
        rows = warehouse.read(f"select incarnation, position from {MIRROR} order by position desc limit 1").to_pylist()
    except DestinationError:
        return False
    return any(row["incarnation"] == register.incarnation and row["position"] > register.position for row in rows)


@dataclass(frozen=True, slots=True)
class _Mirrored:
    incarnation: str
    position: int
    layout: str | None

    def can_be_continued_to(self, other: _Mirrored) -> bool:
        return (self.incarnation, self.layout) == (other.incarnation, other.layout) and self.position <= other.position


def _mirrored(transaction: WarehouseTransaction) -> _Mirrored | None:
    # By position, not by time: positions only rise until a rebuild removes them all, clocks can be set back.
    rows = transaction.read(f"select incarnation, position, layout from {MIRROR} order by position desc limit 1").to_pylist()
    return _Mirrored(**rows[0]) if rows else None


def _lost(transaction: WarehouseTransaction, register: Register) -> list[NewException]:
    """What the mirror knows to be posted, of documents that the register no longer has as they were."""
    rows = transaction.read(
        "select documents.position, documents.business_key, documents.revision, documents.content_hash, documents.entity, documents.period,"
        f" documents.system, transitions.state, transitions.remote_id from {DOCUMENTS} as documents"
        f" inner join {TRANSITIONS} as transitions on transitions.document_position = documents.position"
        f" where transitions.position = (select max(position) from {TRANSITIONS} where document_position = documents.position)"
        " and transitions.state in ('posted', 'verified', 'reversed') order by documents.position"
    ).to_pylist()
    known = {(document.business_key, document.revision, document.content_hash) for document in register.documents()} if rows else set()
    return [
        NewException(
            LOST,
            row["business_key"],
            f"{row['system']} holds it as {row['remote_id']} ({row['state']}); the register was put back from a backup that does not have it",
            "build and seal again: the same content is adopted, not sent; what is not proposed again is to be taken back at the destination",
            row["entity"],
            row["period"],
        )
        for row in rows
        if (row["business_key"], row["revision"], row["content_hash"]) not in known
    ]


def _append(transaction: WarehouseTransaction, relation: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in REGISTER_RELATIONS[relation].items()])
    columns = ", ".join(f'"{name}"' for name in schema.names)
    transaction.write(
        f"insert into {relation} ({columns}) select {columns} from delivered", delivered=pa.Table.from_pylist(list(rows), schema=schema)
    )


def _document(entry: DocumentEntry) -> dict[str, Any]:
    document = entry.document
    return {
        "position": document.position,
        "business_key": document.business_key,
        "system": document.system,
        "entity": document.entity,
        "document_type": document.document_type,
        "natural_id": document.natural_id,
        "revision": document.revision,
        "operation": document.operation,
        "number": document.number,
        "document_date": document.document_date,
        "posting_date": document.posting_date,
        "period": document.period,
        "currency": document.currency,
        "total_minor": document.total_minor,
        "subtracted_key": entry.subtracted_key,
        "cause": document.cause,
        "content_hash": document.content_hash,
        "reference": document.reference,
        "payload": entry.payload_json,
        "correlation_id": document.correlation_id,
        "sealed_at": _utc(entry.sealed_at),
    }


def _transition(entry: Transition) -> dict[str, Any]:
    return {
        "position": entry.position,
        "document_position": entry.document_position,
        "state": entry.state.value,
        "remote_id": entry.remote_id,
        "remote_number": entry.remote_number,
        "reason": entry.reason,
        "at": _utc(entry.at),
    }


def _period(entry: PeriodChange) -> dict[str, Any]:
    return {
        "position": entry.position,
        "entity": entry.entity,
        "period": entry.period,
        "status": entry.status,
        "landing_position": entry.landing_position,
        "at": _utc(entry.at),
    }


def _seal(position: int, entry: PeriodSeal) -> dict[str, Any]:
    [measure] = entry.measures
    return {"position": position, "entity": entry.entity, "period": entry.period, "register_position": entry.register_position, **asdict(measure)}


def _request(entry: ApprovalRequest) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in REGISTER_RELATIONS[REQUESTS] if name != "at"} | {"at": _utc(entry.requested_at)}


def _verdict(entry: Verdict) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in REGISTER_RELATIONS[VERDICTS]} | {"at": _utc(entry.at)}


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
