"""The queue of what a person must look at: one open entry per (kind, subject)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, select

from reverse_etl.errors import RegisterError
from reverse_etl.register import schema
from reverse_etl.register.log import LogWriter, from_text
from reverse_etl.register.records.exceptions import ExceptionRecord, NewException

SUBJECTS_AT_ONCE = 500


def record(writer: LogWriter, entries: Sequence[NewException]) -> int:
    """Open what is not open yet; returns how many are new."""
    writer.flush()
    known = set(_open_subjects(writer.connection, sorted({entry.subject for entry in entries})))
    new = 0
    for entry in entries:
        if (entry.kind, entry.subject) in known:
            continue
        known.add((entry.kind, entry.subject))
        writer.append("exception", **asdict(entry))
        new += 1
    return new


def resolve(writer: LogWriter, position: int, resolution: str) -> None:
    """Close one exception. Raises ``RegisterError`` when it does not exist or is closed already."""
    table, closed = schema.exceptions, schema.resolutions
    statement = select(table.c.position, closed.c.resolution).outerjoin(closed, closed.c.exception_position == table.c.position)
    found = writer.connection.execute(statement.where(table.c.position == position)).first()
    if found is None:
        raise RegisterError(f"there is no exception {position}; list them with 'tieout exceptions'")
    if found.resolution is not None:
        raise RegisterError(f"exception {position} is resolved already: {found.resolution}")
    writer.append("resolution", exception_position=position, resolution=resolution)


def resolve_open(writer: LogWriter, kinds: Sequence[str], subjects: Sequence[str], resolution: str) -> int:
    """Close every open exception of these kinds and subjects, because what it reported is over."""
    writer.flush()
    table, closed = schema.exceptions, schema.resolutions
    done = 0
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        statement = (
            select(table.c.position)
            .outerjoin(closed, closed.c.exception_position == table.c.position)
            .where(closed.c.position.is_(None), table.c.kind.in_(kinds), table.c.subject.in_(subjects[start : start + SUBJECTS_AT_ONCE]))
        )
        for row in writer.connection.execute(statement).all():
            writer.append("resolution", exception_position=row.position, resolution=resolution)
            done += 1
    return done


def listed(connection: Connection, state: str | None) -> list[ExceptionRecord]:
    table, closed, log = schema.exceptions, schema.resolutions, schema.log
    closing = schema.log.alias("closing")
    statement = (
        select(table, log.c.at.label("recorded_at"), closing.c.at.label("resolved_at"), closed.c.resolution, closing.c.actor.label("resolved_by"))
        .join(log, log.c.position == table.c.position)
        .outerjoin(closed, closed.c.exception_position == table.c.position)
        .outerjoin(closing, closing.c.position == closed.c.position)
        .order_by(table.c.position)
    )
    if state == "open":
        statement = statement.where(closed.c.position.is_(None))
    elif state == "resolved":
        statement = statement.where(closed.c.position.is_not(None))
    elif state is not None:
        raise RegisterError(f"exceptions are open or resolved, not {state!r}")
    return [
        ExceptionRecord(
            **{
                **row,
                "recorded_at": from_text(row["recorded_at"]),
                "resolved_at": None if row["resolved_at"] is None else from_text(row["resolved_at"]),
            }
        )
        for row in connection.execute(statement).mappings()
    ]


def _open_subjects(connection: Connection, subjects: Sequence[str]) -> list[tuple[str, str]]:
    table, closed = schema.exceptions, schema.resolutions
    found: list[tuple[str, str]] = []
    for start in range(0, len(subjects), SUBJECTS_AT_ONCE):
        statement = (
            select(table.c.kind, table.c.subject)
            .outerjoin(closed, closed.c.exception_position == table.c.position)
            .where(closed.c.position.is_(None), table.c.subject.in_(subjects[start : start + SUBJECTS_AT_ONCE]))
        )
        found.extend((row.kind, row.subject) for row in connection.execute(statement))
    return found
