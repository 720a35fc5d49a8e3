"""The register in a schema of a PostgreSQL database: writers queue for one advisory lock, readers see one snapshot."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from reverse_etl.documents import sha256_hex
from reverse_etl.errors import LaneBusyError, RegisterError
from reverse_etl.register.store.store import NOTHING_RECORDED, Store

LOCK_TIMEOUT, WRITE_TIMEOUT, READ_TIMEOUT = "30s", "30s", "10min"
# A writer that was stopped in the middle of a transaction must not keep the others out for ever.
IDLE_TIMEOUT = "60s"
CONNECT_TIMEOUT_SECONDS = 10
# The first half of the key of the lock that writers queue for; the second is of the schema, so that registers in one database do not wait.
WRITERS = 0x7130
DURABLE_COMMITS = ("on", "remote_apply")
LONGEST_APPLICATION_NAME = 63
# A machine that vanishes gives its lanes back after this: 30 s of silence, then three probes.
KEEPALIVES = {"idle": 30, "interval": 10, "count": 3}
# SQLSTATE -> what to do.
STOOD_STILL = f"this process stood still within a transaction, which the server ended; run again, {NOTHING_RECORDED}"
EXHAUSTED = f"free space, memory or connections on the server and run again, {NOTHING_RECORDED}"
NOT_ALLOWED = "have the server's administrator give this user the database and a schema to write to (docs/register.md)"
ADVICE = {
    "55P03": f"another process has held it for {LOCK_TIMEOUT}; wait or stop that process (pg_stat_activity names it), then run again",
    "57014": f"the server took too long; see what it is busy with (pg_stat_activity), then run again, {NOTHING_RECORDED}",
    "25P03": STOOD_STILL,
    "25P04": STOOD_STILL,
    "25006": "the server or this connection is read-only: a standby cannot keep the register; use the primary",
    **dict.fromkeys(("53100", "53200", "53300"), EXHAUSTED),
    **dict.fromkeys(("28P01", "28000", "42501", "3D000", "3F000"), NOT_ALLOWED),
}


class PostgreSQLStore(Store):
    def __init__(self, url: URL) -> None:
        writer = create_engine(url, connect_args=_connecting(url, WRITE_TIMEOUT, "tieout"), pool_pre_ping=True, hide_parameters=True)
        reader = create_engine(
            url,
            connect_args=_connecting(url, READ_TIMEOUT, "tieout reading", "-c default_transaction_read_only=on"),
            isolation_level="REPEATABLE READ",
            pool_pre_ping=True,
            hide_parameters=True,
        )
        event.listen(writer, "connect", _require_durability)
        self._connection_url = url
        super().__init__(writer, reader)

    def weaknesses(self) -> tuple[str, ...]:
        risks = {"fsync": "a power cut may destroy the register", "full_page_writes": "a power cut may leave half a page of it"}
        with self.reading() as connection:
            off = [name for name in risks if connection.scalar(text("select current_setting(:name)"), {"name": name}) == "off"]
        return tuple(f"{name} is off on the PostgreSQL server: {risks[name]}; set it on in postgresql.conf" for name in off)

    @contextmanager
    def lane(self, system: str, entity: str, holder: str) -> Iterator[None]:
        named = f"tieout {system}/{entity} {holder}@{socket.gethostname()}"[:LONGEST_APPLICATION_NAME]
        # A connection of its own: the lock is the session's, and must neither wait in a pool nor end with a transaction.
        engine = create_engine(
            self._connection_url,
            connect_args=_connecting(self._connection_url, WRITE_TIMEOUT, named, "-c idle_session_timeout=0"),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            hide_parameters=True,
        )
        with self._typed_errors():
            connection = engine.connect()
        try:
            with self._typed_errors():
                schema = connection.scalar(text("select current_schema()"))
                key = int(sha256_hex(f"{schema}\n{system}\n{entity}".encode())[:15], 16)
                if not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": key}):
                    raise LaneBusyError(
                        f"{system}/{entity} is being pushed by {_holder(connection, key)}; wait until it is done or stop it, then push again"
                    )
            yield
        finally:
            connection.close()

    def _lock(self, connection: Connection) -> None:
        connection.execute(text("select pg_advisory_xact_lock(:writers, hashtext(current_schema()))"), {"writers": WRITERS})

    def _advice(self, error: DBAPIError) -> str:
        state: str = getattr(error.orig, "sqlstate", None) or ""
        if state in ADVICE:
            return ADVICE[state]
        if error.connection_invalidated or not state or state.startswith(("08", "57P")):
            return "make sure that the server runs and can be reached, then run again: what was recorded before the connection broke is recognised"
        return NOTHING_RECORDED


def _connecting(url: URL, statement_timeout: str, application_name: str, *more: str) -> dict[str, Any]:
    given = url.query.get("options", "")
    options = [
        given if isinstance(given, str) else " ".join(given),
        f"-c lock_timeout={LOCK_TIMEOUT}",
        f"-c statement_timeout={statement_timeout}",
        f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT}",
        *(f"-c tcp_keepalives_{name}={value}" for name, value in KEEPALIVES.items()),
        *more,
    ]
    return {
        "options": " ".join(option for option in options if option),
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "application_name": application_name,
        **{f"keepalives_{name}": value for name, value in KEEPALIVES.items()},
    }


def _require_durability(connection: Any, _record: Any) -> None:
    """A commit that returns before it is on disk could forget what is sent next."""
    with connection.cursor() as cursor:
        found = cursor.execute("show synchronous_commit").fetchone()[0]
        if found not in DURABLE_COMMITS:
            cursor.execute("set synchronous_commit = on")
            found = cursor.execute("show synchronous_commit").fetchone()[0]
    connection.commit()
    if found not in DURABLE_COMMITS:
        raise RegisterError(f"PostgreSQL keeps synchronous_commit={found}; the register needs 'on', otherwise a power cut could lose what was sent")


def _holder(connection: Connection, key: int) -> str:
    statement = (
        "select activity.application_name, activity.pid from pg_locks as held inner join pg_stat_activity as activity on activity.pid = held.pid"
        " where held.locktype = 'advisory' and held.granted and held.objsubid = 1"
        " and (held.classid::bigint << 32) | held.objid::bigint = :key"
    )
    row = connection.execute(text(statement), {"key": key}).first()
    return "another poster" if row is None else f"{row.application_name} (server process {row.pid})"
