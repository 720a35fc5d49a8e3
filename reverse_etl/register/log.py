"""The append-only log: rising positions without gaps, SHA-256 chained over every field of every fact."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, func, select, update

from reverse_etl.documents import sha256_hex
from reverse_etl.register import schema
from reverse_etl.register.records.history import ChainReport
from reverse_etl.register.records.storable import storable

FIRST_HASH = "0" * 64
VERIFIED_AT_ONCE = 5_000


def to_text(instant: datetime) -> str:
    """A UTC instant as text that sorts by time (microseconds always present)."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_text(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def chained_hash(previous: str, entry: Sequence[str | int], fact: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash, the entry (position, kind, at, actor, correlation id) and every field of the fact.

    Bytes enter as their own SHA-256.
    """
    fields = [[name, sha256_hex(value) if isinstance(value, bytes) else value] for name, value in sorted(fact.items())]
    content = json.dumps([previous, *entry, fields], ensure_ascii=True, separators=(",", ":"))
    return sha256_hex(content.encode())


class LogWriter:
    """Appends facts within one write transaction. Rows are inserted in bulk by ``flush``, which the transaction's owner calls."""

    def __init__(self, connection: Connection, now: datetime, actor: str, correlation_id: str) -> None:
        self.connection = connection
        self.now = now
        self._at = to_text(now)
        self._actor = actor
        self.correlation_id = correlation_id
        # Locks the one row on databases with concurrent writers; positions then never race.
        head = connection.execute(select(schema.register.c.position, schema.register.c.head_hash).with_for_update()).one()
        self.position: int = head.position
        self._hash: str = head.head_hash
        self._entries: list[dict[str, Any]] = []
        self._facts: dict[str, list[dict[str, Any]]] = {}

    def append(self, kind: str, /, **values: Any) -> int:
        """Append one fact (every column of its relation except the position, absent = null) and return its position."""
        table = schema.FACTS[kind]
        fact = {column.name: values.pop(column.name, None) for column in table.columns if column.name != "position"}
        if values:
            raise TypeError(f"{table.name} has no columns {sorted(values)}")
        fact = {name: storable(value) if type(value) is str else value for name, value in fact.items()}
        self.position += 1
        self._hash = chained_hash(self._hash, (self.position, kind, self._at, self._actor, self.correlation_id), fact)
        self._entries.append(
            {
                "position": self.position,
                "kind": kind,
                "at": self._at,
                "actor": self._actor,
                "correlation_id": self.correlation_id,
                "hash": self._hash,
            }
        )
        self._facts.setdefault(kind, []).append({"position": self.position, **fact})
        return self.position

    def flush(self) -> None:
        if not self._entries:
            return
        self.connection.execute(schema.log.insert(), self._entries)
        for kind, rows in self._facts.items():
            self.connection.execute(schema.FACTS[kind].insert(), rows)
        self.connection.execute(
            update(schema.register).where(schema.register.c.id == bindparam("only")),
            {"only": 1, "position": self.position, "head_hash": self._hash},
        )
        self._entries = []
        self._facts = {}


def verify_chain(connection: Connection) -> ChainReport:
    """Recompute the whole chain from the stored facts and name the first position that does not hold."""
    head = connection.execute(select(schema.register)).one()
    previous, expected = FIRST_HASH, 0
    while True:
        entries = connection.execute(
            select(schema.log).where(schema.log.c.position > expected).order_by(schema.log.c.position).limit(VERIFIED_AT_ONCE)
        ).all()
        if not entries:
            break
        facts = _facts_between(connection, expected, entries[-1].position)
        for entry in entries:
            expected += 1
            reason, previous = _check(entry, expected, previous, facts)
            if reason:
                return ChainReport(expected, head.head_hash, expected, reason)
    if expected != head.position or previous != head.head_hash:
        return ChainReport(
            expected, head.head_hash, expected + 1, f"the log ends at {expected}, the register says {head.position}: its end was cut off"
        )
    return _check_strays(connection, ChainReport(expected, previous, None, None))


def _facts_between(connection: Connection, after: int, up_to: int) -> dict[int, tuple[str, dict[str, Any]]]:
    facts: dict[int, tuple[str, dict[str, Any]]] = {}
    for kind, table in schema.FACTS.items():
        for row in connection.execute(select(table).where(table.c.position > after, table.c.position <= up_to)).mappings():
            fact = {name: value for name, value in row.items() if name != "position"}
            if row["position"] in facts:
                facts[row["position"]] = ("two relations", {})
            else:
                facts[row["position"]] = (kind, fact)
    return facts


def _check(entry: Row[Any], expected: int, previous: str, facts: Mapping[int, tuple[str, dict[str, Any]]]) -> tuple[str | None, str]:
    if entry.position != expected:
        return f"position {expected} is missing from the log", previous
    kind, fact = facts.get(expected, ("nothing", {}))
    if kind != entry.kind:
        return f"the log says {entry.kind}, the relations hold {kind}", previous
    computed = chained_hash(previous, (expected, kind, entry.at, entry.actor, entry.correlation_id), fact)
    if computed != entry.hash:
        return f"the {kind} does not hash to what the log says: it, or an entry before it, was changed", previous
    return None, computed


def _check_strays(connection: Connection, report: ChainReport) -> ChainReport:
    """Facts outside the log, and delivery states that the last transition does not give."""
    for kind, table in schema.FACTS.items():
        stray = connection.scalar(select(func.min(table.c.position)).where(table.c.position.not_in(select(schema.log.c.position))))
        if stray is not None:
            return ChainReport(report.positions, report.head_hash, stray, f"a {kind} that the log does not know")
    last = _last_transitions()
    wrong = connection.execute(
        select(last.c.position, last.c.state, schema.deliveries.c.state.label("delivered"))
        .join(schema.deliveries, schema.deliveries.c.document_position == last.c.document_position)
        .where(schema.deliveries.c.state != last.c.state)
        .order_by(last.c.position)
        .limit(1)
    ).first()
    if wrong is not None:
        return ChainReport(
            report.positions, report.head_hash, wrong.position, f"the delivery says {wrong.delivered}, its last transition {wrong.state}"
        )
    return report


def _last_transitions() -> Any:
    table: Table = schema.transitions
    latest = select(func.max(table.c.position)).group_by(table.c.document_position)
    return select(table).where(table.c.position.in_(latest)).subquery()
