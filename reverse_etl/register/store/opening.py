"""Which store a URL names."""

from __future__ import annotations

from importlib.util import find_spec

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from reverse_etl.errors import RegisterError
from reverse_etl.postgresql_url import is_postgresql, with_driver
from reverse_etl.register.store.postgresql import PostgreSQLStore
from reverse_etl.register.store.sqlite import SQLiteStore
from reverse_etl.register.store.store import Store


def open_store(url: str) -> Store:
    """A store whose transactions are durable when they return; connects when it is first used.

    Raises:
        RegisterError: the URL is not understood, or its driver is not installed.
    """
    # The URL is never repeated: what is not understood may hold a password.
    advice = "use sqlite:///<path> or postgresql://<user>@<host>/<database>"
    on_server = is_postgresql(url)
    try:
        parsed = make_url(with_driver(url, "psycopg", "the register's URL") if on_server else url)
    except (ArgumentError, ValueError):
        raise RegisterError(f"the register's URL is not understood; {advice}") from None
    if parsed.get_backend_name() == "sqlite":
        return SQLiteStore(parsed)
    if not on_server:
        raise RegisterError(f"the register's URL names {parsed.drivername}, which is not supported; {advice}")
    if find_spec("psycopg") is None:
        raise RegisterError("the register is on PostgreSQL, whose driver is not installed; pip install 'tieout[postgresql]'")
    return PostgreSQLStore(parsed)
