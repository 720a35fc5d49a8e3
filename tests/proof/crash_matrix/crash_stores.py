"""Registers for one run after the other: each begins as a copy of a template, which is much faster than creating and sealing it anew."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import sqlalchemy

from reverse_etl.register import Register

Fill = Callable[[Register], None]


class Store(Protocol):
    """One register at a time."""

    def fresh(self, *, sealed: bool) -> str:
        """The URL of a register that is empty, or holds the sealed documents and nothing else."""
        ...

    def back_up(self) -> None: ...

    def restore(self) -> None:
        """Replace the register by the backup, as an operator would: nobody has it open."""
        ...


class SqliteStore:
    def __init__(self, folder: Path, fill: Fill) -> None:
        self._folder = folder
        self._register = folder / "register.sqlite"
        for name, content in (("empty", None), ("sealed", fill)):
            register = Register.open(f"sqlite:///{folder / f'{name}.sqlite'}")
            if content is not None:
                content(register)
            register.close()

    def fresh(self, *, sealed: bool) -> str:
        self._replace_by(self._folder / ("sealed.sqlite" if sealed else "empty.sqlite"))
        return f"sqlite:///{self._register}"

    def back_up(self) -> None:
        source, target = sqlite3.connect(self._register), sqlite3.connect(self._folder / "backup.sqlite")
        with source, target:
            source.backup(target)
        source.close()
        target.close()

    def restore(self) -> None:
        self._replace_by(self._folder / "backup.sqlite")

    def _replace_by(self, other: Path) -> None:
        for suffix in ("-wal", "-shm"):
            self._register.with_name(self._register.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(other, self._register)


class PostgresqlStore:
    """Databases of one server; ``server_url`` names its database ``postgres``, ``prefix`` keeps workers apart."""

    def __init__(self, server_url: str, prefix: str, fill: Fill) -> None:
        self._server = sqlalchemy.make_url(server_url)
        self._prefix = prefix
        self._engine = sqlalchemy.create_engine(self._server, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)
        for name, content in (("empty", None), ("sealed", fill)):
            self._execute(f"CREATE DATABASE {prefix}_{name}")
            register = Register.open(self._url(name))
            if content is not None:
                content(register)
            register.close()

    def fresh(self, *, sealed: bool) -> str:
        self._copy("sealed" if sealed else "empty", "register")
        return self._url("register")

    def back_up(self) -> None:
        self._copy("register", "backup")

    def restore(self) -> None:
        self._copy("backup", "register")

    def _url(self, name: str) -> str:
        return self._server.set(database=f"{self._prefix}_{name}").render_as_string(hide_password=False)

    def _copy(self, source: str, target: str) -> None:
        # WITH (FORCE): what a killed poster left connected ends with its database.
        self._execute(
            f"DROP DATABASE IF EXISTS {self._prefix}_{target} WITH (FORCE)",
            f"CREATE DATABASE {self._prefix}_{target} TEMPLATE {self._prefix}_{source} STRATEGY FILE_COPY",
        )

    def _execute(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
