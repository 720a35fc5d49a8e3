"""A store: durable write transactions one after the other, consistent reads, and every failure a ``RegisterError``."""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reverse_etl.errors import RegisterError

SECRET_PARAMETERS = frozenset({"password", "sslpassword", "passfile", "sslkey"})
NOTHING_RECORDED = "nothing of this step was recorded"
_open: weakref.WeakSet[Store] = weakref.WeakSet()


class Store(ABC):
    """The database of one register. Safe to share between threads; a forked process makes connections of its own."""

    def __init__(self, writer: Engine, reader: Engine) -> None:
        self._writer = writer
        self._reader = reader
        _open.add(self)

    @property
    def url(self) -> str:
        """Names the store without any secret."""
        return told(self._writer.url)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction, durable when it ends, after those before it; a failure of the store leaves nothing of it."""
        with self._typed_errors(), self._writer.connect() as connection, connection.begin():
            self._lock(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent read; takes no write lock."""
        with self._typed_errors(), self._reader.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self._writer.dispose()
        self._reader.dispose()

    @abstractmethod
    def weaknesses(self) -> tuple[str, ...]:
        """What the store's settings leave to chance in a power cut, each with what to do; empty when nothing."""

    @abstractmethod
    def lane(self, system: str, entity: str, holder: str) -> AbstractContextManager[None]:
        """Hold the right to deliver, among all machines that share the store; it ends with the process. Raises ``LaneBusyError`` at once."""

    @abstractmethod
    def _lock(self, connection: Connection) -> None:
        """Wait for the write transactions that are under way, and keep others out until this one ends."""

    @abstractmethod
    def _advice(self, error: DBAPIError) -> str:
        """What to do about an error of the database."""

    @contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise RegisterError(f"the register {self.url}: {' '.join(str(error.orig).split())}; {self._advice(error)}") from error
        except SQLAlchemyError as error:
            raise RegisterError(f"the register {self.url}: {error}") from error

    def forget_connections(self) -> None:
        """Leave the connections that a forked process has inherited to its parent."""
        self._writer.dispose(close=False)
        self._reader.dispose(close=False)


def told(url: URL) -> str:
    """A URL without its secrets."""
    return url.difference_update_query(SECRET_PARAMETERS & set(url.query)).render_as_string(hide_password=True)


def _forked() -> None:
    for store in list(_open):
        store.forget_connections()


os.register_at_fork(after_in_child=_forked)
