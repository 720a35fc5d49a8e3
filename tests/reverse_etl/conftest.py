"""A register on each of its databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from register_stores import STORES, PostgreSQL

from reverse_etl.register import Register


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for all tests of a session; it starts when the first of them asks for it."""
    server = PostgreSQL.start()
    yield server
    server.stop()


@pytest.fixture(params=STORES)
def register_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for a register: a file, or a schema of the server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'register.sqlite'}"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.schema()


@pytest.fixture
def register(register_url: str) -> Iterator[Register]:
    opened = Register.open(register_url)
    yield opened
    opened.close()
