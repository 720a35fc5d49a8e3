"""The seal of a closed period (J12): what it holds is counted, summed and hashed when it closes, and compared with that ever after."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields

from sqlalchemy import ColumnElement, Connection, Row, and_, case, not_, select

from reverse_etl.documents import State, sha256_hex
from reverse_etl.errors import BrokenSealError
from reverse_etl.register import schema
from reverse_etl.register.log import LogWriter
from reverse_etl.register.records.deliveries import CORRECTION_CAUSES
from reverse_etl.register.records.periods import (
    ACCOUNT,
    ALL_DOCUMENTS,
    DOCUMENTS,
    EVERYTHING,
    LANDED_FILES,
    LandedFiles,
    PeriodSeal,
    SealBreak,
    SealMeasure,
)

SHOWN_BREAKS = 3
MEASURED = tuple(field.name for field in fields(SealMeasure))


def take(writer: LogWriter, entity: str, period: str, landed: LandedFiles | None = None) -> None:
    """Seal what the period holds now. Without ``landed`` the files of the seal before stay those of the period."""
    writer.flush()
    before = latest(writer.connection, entity, period)
    measures = _measures(_documents(writer.connection, entity, period))
    if landed is not None:
        measures.append(SealMeasure(LANDED_FILES, EVERYTHING, None, landed.file_count, content_hash=landed.content_hash))
    elif before is not None and before.landed_files is not None:
        measures.append(before.landed_files)
    stands_at = writer.position
    for measure in measures:
        writer.append("period_seal", entity=entity, period=period, register_position=stands_at, **asdict(measure))
    writer.flush()


def latest(connection: Connection, entity: str, period: str, before: int | None = None) -> PeriodSeal | None:
    """The last seal of the period; ``before``: of those that were taken before that position."""
    table = schema.period_seals.c
    earlier = [] if before is None else [table.register_position < before]
    found = _seals(connection, table.entity == entity, table.period == period, *earlier)
    return found[-1] if found else None


def since(connection: Connection, position: int) -> list[tuple[int, PeriodSeal]]:
    """The seals beyond a position of the log, each measure as a seal of its own with its position."""
    rows = connection.execute(select(schema.period_seals).where(schema.period_seals.c.position > position).order_by(schema.period_seals.c.position))
    return [(row.position, PeriodSeal(row.entity, row.period, row.register_position, (_measure(row),))) for row in rows]


def breaks(connection: Connection, entity: str, period: str) -> list[SealBreak]:
    """How the period differs from its latest seal. One that was closed before there were seals has none, and no break."""
    seal = latest(connection, entity, period)
    if seal is None:
        return []
    rows = _documents(connection, entity, period)
    now = {(one.measure, one.subject, one.currency): one for one in _measures(rows)}
    then = {(one.measure, one.subject, one.currency): one for one in seal.measures if one.measure != LANDED_FILES}
    found = list(_named(connection, seal, rows))
    for key in sorted({*now, *then}, key=str):
        sealed, current = then.get(key), now.get(key)
        if sealed != current:
            found.append(SealBreak(entity, period, str(sealed or current), *_told(sealed, current)))
    return found


def require_intact(connection: Connection, entity: str, period: str) -> None:
    """Raises ``BrokenSealError``: sealing anew what was changed behind the register would hide it."""
    found = breaks(connection, entity, period)
    if found:
        shown = "; ".join(str(one) for one in found[:SHOWN_BREAKS])
        raise BrokenSealError(f"{shown}; find who changed it ('tieout periods verify'), and restore the register from its backup")


def content_hash_of(seal: PeriodSeal) -> str:
    """What a seal says, as one hash."""
    measured = [[getattr(measure, name) for name in MEASURED] for measure in seal.measures]
    return sha256_hex(json.dumps([seal.entity, seal.period, seal.register_position, measured], separators=(",", ":")).encode())


def landed_files_of(position: int, files: Sequence[tuple[int, str, str]]) -> LandedFiles:
    """``files``: position, name and content hash of each that landed up to ``position``, by position."""
    listed = ",".join(f"{landed}:{name}:{content}" for landed, name, content in files)
    return LandedFiles(position, len(files), sha256_hex(listed.encode()))


def _measures(rows: Sequence[Row[tuple[object, ...]]]) -> list[SealMeasure]:
    by_type: defaultdict[tuple[str, str], list[Row[tuple[object, ...]]]] = defaultdict(list)
    for row in rows:
        by_type[row.document_type, row.currency].append(row)
    of_types = [
        SealMeasure(DOCUMENTS, kind, currency, len(found), sum(row.total_minor for row in found), content_hash=_hash_of(found))
        for (kind, currency), found in sorted(by_type.items())
    ]
    return [SealMeasure(ALL_DOCUMENTS, EVERYTHING, None, len(rows), content_hash=_hash_of(rows)), *of_types, *_accounts(rows)]


def _accounts(rows: Sequence[Row[tuple[object, ...]]]) -> Iterator[SealMeasure]:
    totals: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        if row.document_type == "journal_entry":
            for line in json.loads(row.payload)["lines"]:
                sign = 1 if line["side"] == "debit" else -1
                total = totals[line["account"], row.currency]
                for place, amount in enumerate((1, sign * line["amount_minor"], sign * line["functional_minor"])):
                    total[place] += amount
    for (account, currency), (count, amount, functional) in sorted(totals.items()):
        yield SealMeasure(ACCOUNT, account, currency, count, amount, functional)


def _documents(connection: Connection, entity: str, period: str) -> Sequence[Row[tuple[object, ...]]]:
    document, delivery = schema.documents, schema.deliveries
    later = document.alias("later")
    # What has vanished at its destination is counted once: the later revision that is no correction stands in its place.
    in_its_place = select(later.c.position).where(
        later.c.business_key == document.c.business_key, later.c.revision == document.c.revision + 1, later.c.cause.not_in(CORRECTION_CAUSES)
    )
    statement = (
        select(document.c.position, document.c.document_type, document.c.currency, document.c.total_minor, document.c.content_hash)
        # Only entries are read for their lines: every close looks at all the periods before.
        .add_columns(document.c.business_key, case((document.c.document_type == "journal_entry", document.c.payload)).label("payload"))
        .outerjoin(delivery, delivery.c.document_position == document.c.position)
        .where(document.c.entity == entity, document.c.period == period, delivery.c.state.is_distinct_from(State.CANCELLED.value))
        .where(not_(and_(delivery.c.state.is_not_distinct_from(State.REVERSED.value), in_its_place.exists())))
    )
    return connection.execute(statement.order_by(document.c.position)).all()


def _hash_of(rows: Sequence[Row[tuple[object, ...]]]) -> str:
    return sha256_hex(",".join(row.content_hash for row in rows).encode())


def _named(connection: Connection, seal: PeriodSeal, rows: Sequence[Row[tuple[object, ...]]]) -> Iterator[SealBreak]:
    """The documents that the measures differ by, as far as they are still there to be named."""
    for row in rows:
        if row.position > seal.register_position:
            yield SealBreak(seal.entity, seal.period, f"{row.business_key} (sealed after the close)", "absent", f"position {row.position}")
    [sealed_count] = [measure.item_count for measure in seal.measures if measure.measure == ALL_DOCUMENTS]
    if sum(row.position <= seal.register_position for row in rows) < sealed_count:
        delivery, known = schema.deliveries, select(schema.documents.c.position)
        orphans = select(delivery.c.document_position).where(
            delivery.c.document_position <= seal.register_position, delivery.c.document_position.not_in(known)
        )
        for row in connection.execute(orphans.order_by(delivery.c.document_position)):
            yield SealBreak(seal.entity, seal.period, "a document (removed)", f"position {row.document_position}", "absent")


def _told(sealed: SealMeasure | None, now: SealMeasure | None) -> tuple[str, str]:
    then, current = ("none" if one is None else _figures(one) for one in (sealed, now))
    if then != current or sealed is None or now is None:
        return then, current
    return f"hash {str(sealed.content_hash)[:12]}", f"hash {str(now.content_hash)[:12]}"


def _figures(measure: SealMeasure) -> str:
    parts = [f"{measure.item_count} of them"]
    parts += [f"total {measure.total_minor:,} minor units"] if measure.total_minor is not None else []
    parts += [f"functional {measure.functional_minor:,} minor units"] if measure.functional_minor is not None else []
    return ", ".join(parts)


def _seals(connection: Connection, *conditions: ColumnElement[bool]) -> list[PeriodSeal]:
    table = schema.period_seals
    grouped: dict[tuple[str, str, int], list[SealMeasure]] = {}
    for row in connection.execute(select(table).where(*conditions).order_by(table.c.position)):
        grouped.setdefault((row.entity, row.period, row.register_position), []).append(_measure(row))
    return [PeriodSeal(*key, tuple(measures)) for key, measures in grouped.items()]


def _measure(row: Row[tuple[object, ...]]) -> SealMeasure:
    return SealMeasure(*(getattr(row, name) for name in MEASURED))
