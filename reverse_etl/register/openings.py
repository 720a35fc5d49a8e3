"""What a former system leaves at cutover: sealed as a whole, as two people approved it, before anything else of its legal entity."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from reverse_etl.documents import OutboxRow, State, sha256_hex
from reverse_etl.register import schema
from reverse_etl.register.contract import CARRIED_OVER, MASTER_DATA, OPENING


def opening_hash(rows: Iterable[OutboxRow]) -> str:
    """What an approval of an opening is of: every document that would open, whatever their order.

    Raises:
        OutboxContractError: a payload holds what JSON cannot carry exactly.
    """
    return sha256_hex("\n".join(sorted(row.content_hash for row in rows)).encode())


def by_entity(rows: Iterable[OutboxRow]) -> dict[str, list[OutboxRow]]:
    """The opening documents of each legal entity."""
    found: dict[str, list[OutboxRow]] = {}
    for row in rows:
        if row.document_type == OPENING:
            found.setdefault(row.entity, []).append(row)
    return found


def is_opened(connection: Connection, entity: str) -> bool:
    """Whether an opening of the entity is sealed."""
    document = schema.documents
    statement = select(func.count()).where(document.c.entity == entity, document.c.document_type == OPENING)
    return bool(connection.scalar(statement))


def issued_before(connection: Connection, entity: str) -> str | None:
    """A document of the entity that is sealed already, master data and what was opened aside: there is nothing left to open then."""
    document, delivery = schema.documents, schema.deliveries
    statement = (
        select(func.min(document.c.business_key))
        .join(delivery, delivery.c.document_position == document.c.position)
        .where(document.c.entity == entity, document.c.system != CARRIED_OVER, document.c.document_type.not_in(MASTER_DATA))
        .where(delivery.c.state != State.CANCELLED.value)
    )
    key = connection.scalar(statement)
    return None if key is None else str(key)
