"""The audit: recompute everything that the register says of itself, and compare it with what was said of it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from reverse_etl.register import schema
from reverse_etl.register.anchors import Anchor, totals_at
from reverse_etl.register.log import verify_chain
from reverse_etl.register.periods import broken_seals


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Something that does not hold. ``part`` is chain, deliveries, numbers, seals or anchors; ``position`` is of the log."""

    part: str
    position: int | None
    reason: str

    def __str__(self) -> str:
        return f"{self.part}{'' if self.position is None else f' at position {self.position}'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """``findings``: what does not hold, the first position first; ``notes``: what holds and should be known all the same."""

    positions: int
    head_hash: str
    anchors: int
    findings: tuple[AuditFinding, ...]
    notes: tuple[str, ...]

    @property
    def intact(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody else knows of the register. ``lanes``: system and entity -> epoch, where it knows them."""

    told_by: str
    incarnation: str
    position: int
    head_hash: str | None = None
    lanes: Mapping[tuple[str, str], int] | None = None

    @classmethod
    def in_anchor(cls, anchor: Anchor, told_by: str) -> Seen:
        return cls(told_by, anchor.incarnation, anchor.position, anchor.head_hash)


def seen_now(connection: Connection) -> Seen:
    head = connection.execute(select(schema.register)).one()
    lanes = {(row.system, row.entity): row.epoch for row in connection.execute(select(schema.lanes))}
    return Seen("the register", head.incarnation, head.position, head.head_hash, lanes)


def audit(connection: Connection, anchors: Sequence[Anchor], told_by: str = "the anchor") -> AuditReport:
    """Everything in one consistent read."""
    chain = verify_chain(connection)
    findings = [] if chain.first_broken is None else [AuditFinding("chain", chain.first_broken, str(chain.reason))]
    findings += [*_deliveries(connection), *_numbers(connection)]
    findings += [AuditFinding("seals", None, str(one)) for one in broken_seals(connection)]
    notes: list[str] = []
    for anchor in anchors:
        named = f"{told_by} of {anchor.at}"
        seen = Seen.in_anchor(anchor, named)
        reason = contradiction(connection, seen)
        lost = lost_since(connection, seen)
        if reason is not None:
            findings.append(AuditFinding("anchors", anchor.position, reason))
        elif lost is not None:
            notes.append(lost)
        elif totals_at(connection, anchor.position) != anchor.totals:
            findings.append(AuditFinding("anchors", anchor.position, f"{named} counts or sums other documents up to there"))
    ordered = sorted(findings, key=lambda finding: (finding.position is None, finding.position or 0))
    return AuditReport(chain.positions, chain.head_hash, len(anchors), tuple(ordered), tuple(dict.fromkeys(notes)))


def contradiction(connection: Connection, seen: Seen) -> str | None:
    """Why the register cannot be the one that was seen then, grown since; None where it can, or where it says itself that it was put back."""
    born = {row.incarnation: row.position for row in connection.execute(select(schema.incarnations))}
    if seen.incarnation not in born:
        return f"{seen.told_by} is of an incarnation that this register has never been ({seen.incarnation})"
    if lost_since(connection, seen) is not None:
        return None
    position = int(connection.scalar(select(schema.register.c.position)) or 0)
    if seen.position > position:
        return f"{seen.told_by} knows position {seen.position}, the register ends at {position}: it is older"
    found = connection.scalar(select(schema.log.c.hash).where(schema.log.c.position == seen.position))
    if seen.head_hash is not None and found != seen.head_hash:
        return f"{seen.told_by} knows another hash of position {seen.position}: what is there, or before it, is not what was there"
    lane = schema.lanes
    epochs = {(row.system, row.entity): row.epoch for row in connection.execute(select(lane))}
    for (system, entity), epoch in (seen.lanes or {}).items():
        if epoch > epochs.get((system, entity), 0):
            return f"{seen.told_by} knows epoch {epoch} of {system}/{entity}, the register {epochs.get((system, entity), 0)}: it is older"
    return None


def lost_since(connection: Connection, seen: Seen) -> str | None:
    """What the register says itself was lost: it was put back from a backup after it was seen, and has recorded that."""
    born = connection.execute(select(schema.incarnations).order_by(schema.incarnations.c.position)).all()
    own = [row.position for row in born if row.incarnation == seen.incarnation]
    successor = next((row for row in born if own and row.position > own[0]), None)
    if successor is None or seen.position < successor.position:
        return None
    return (
        f"positions {successor.position} to {seen.position} that {seen.told_by} knows were lost when the register was put back ({successor.reason})"
    )


def _deliveries(connection: Connection) -> list[AuditFinding]:
    """Documents without a delivery, deliveries without a document, and remote ids that the last transition does not give."""
    document, delivery, transition = schema.documents, schema.deliveries, schema.transitions
    bare = connection.scalar(select(func.min(document.c.position)).where(document.c.position.not_in(select(delivery.c.document_position))))
    found = [] if bare is None else [AuditFinding("deliveries", bare, "the document has no delivery")]
    stray = connection.scalar(select(func.min(delivery.c.document_position)).where(delivery.c.document_position.not_in(select(document.c.position))))
    found += [] if stray is None else [AuditFinding("deliveries", stray, "a delivery of no document")]
    latest = select(func.max(transition.c.position)).group_by(transition.c.document_position)
    wrong = connection.execute(
        select(transition.c.position, transition.c.remote_id, delivery.c.remote_id.label("delivered"))
        .join(delivery, delivery.c.document_position == transition.c.document_position)
        .where(transition.c.position.in_(latest), transition.c.remote_id.is_distinct_from(delivery.c.remote_id))
        .order_by(transition.c.position)
        .limit(1)
    ).first()
    if wrong is not None:
        found.append(
            AuditFinding("deliveries", wrong.position, f"the delivery says remote id {wrong.delivered}, its last transition {wrong.remote_id}")
        )
    return found


def _numbers(connection: Connection) -> list[AuditFinding]:
    """Series that have counted further, or less far, than documents have numbers."""
    document, table = schema.documents, schema.number_series
    keys = (document.c.entity, document.c.series)
    statement = select(*keys, func.count(document.c.number.distinct()).label("used")).where(document.c.number.is_not(None)).group_by(*keys)
    used = {(row.entity, row.series): row.used for row in connection.execute(statement)}
    last = {(row.entity, row.series): row.last_number for row in connection.execute(select(table))}
    found: list[AuditFinding] = []
    for entity, series in sorted({*used, *last}):
        counted, reached = used.get((entity, series), 0), last.get((entity, series), 0)
        if counted != reached:
            found.append(AuditFinding("numbers", None, f"{series} of {entity}: {counted} numbers are used, the series is at {reached}"))
    return found
