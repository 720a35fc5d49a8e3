"""Transactions of a stand-in's SQLite store, whose connection is in autocommit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done within, or nothing of it."""
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Undo what a refused operation began, inside the transaction that remembers its answer."""
    connection.execute("savepoint operation")
    try:
        yield
    except BaseException:
        connection.execute("rollback to operation")
        connection.execute("release operation")
        raise
    connection.execute("release operation")
