"""One transaction of the register, for every method of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from reverse_etl.correlation import current
from reverse_etl.documents import SealedDocument
from reverse_etl.errors import RegisterError
from reverse_etl.register import deliveries, schema
from reverse_etl.register.deliveries import DeliveryTransaction
from reverse_etl.register.log import LogWriter
from reverse_etl.register.records.deliveries import Delivery, Lane
from reverse_etl.register.store import Store


def utc_now() -> datetime:
    return datetime.now(UTC)


class Transactions:
    """Writing appends to the log under the store's one write lock; reading is consistent and takes none."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._clock = clock

    @contextmanager
    def _writing(self, actor: str, correlation_id: str = "") -> Iterator[LogWriter]:
        """Without a ``correlation_id`` the facts are those of the current run or command."""
        correlation_id = correlation_id or current().correlation_id
        with self._store.writing() as connection:
            writer = LogWriter(connection, self._clock(), actor, correlation_id)
            yield writer
            writer.flush()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._store.reading() as connection:
            yield connection

    def _one_delivery(self, writer: LogWriter, document: SealedDocument) -> Delivery:
        table = schema.deliveries
        row = writer.connection.execute(select(table).where(table.c.document_position == document.position)).mappings().first()
        if row is None:
            raise RegisterError(f"{document.business_key} at position {document.position} is not in this register")
        return deliveries.load_delivery(row)

    def _save(self, writer: LogWriter, before: Delivery, after: Delivery) -> None:
        lane = Lane("", "", 0, "")
        transaction = DeliveryTransaction(writer, lane)
        transaction.save(before, after)
        transaction.flush()
