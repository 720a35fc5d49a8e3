"""A register that an earlier version left becomes one of today, whoever opens it first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from register_rows import ENTITY, invoice
from register_stores import read, run
from sqlalchemy import Connection, create_engine, inspect, text

from reverse_etl.errors import RegisterError
from reverse_etl.register import NewApprovalRequest, Register
from reverse_etl.register.schema import metadata
from reverse_etl.register.store import migrations, open_store
from reverse_etl.register.store.migrations import MIGRATIONS, NEWEST, bring_up_to_date

OPEN = "import sys; from reverse_etl.register import Register; Register.open(sys.argv[1])"


def left_by_version(version: int, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A register with an invoice, from the steps that version had; what later relations hold is none of it."""
    Register.open(url).close()
    opened = Register.open(url)
    opened.seal([invoice(opened)], "tests", "run")
    opened.close()
    rows = {table.name: list(map(dict, read_all(url, table.name))) for table in metadata.sorted_tables}
    run(url, *(f"drop table {name}" for name in rows))
    older = MIGRATIONS[:version]
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", older)
        patched.setattr(migrations, "NEWEST", version)
        store = open_store(url)

        def put_back(connection: Connection) -> None:
            for table in metadata.sorted_tables:
                if rows[table.name] and inspect(connection).has_table(table.name):
                    connection.execute(table.insert(), rows[table.name])
            connection.execute(text("update register set schema_version = :version"), {"version": version})

        bring_up_to_date(store, put_back)
        store.close()


def read_all(url: str, name: str) -> list[dict[str, object]]:
    return [dict(row._mapping) for row in read(url, f"select * from {name}")]


def described(url: str) -> dict[str, object]:
    """Columns with their types, keys and indexes of every relation."""
    found = inspect(create_engine(url))
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            sorted(constraint["column_names"] for constraint in found.get_unique_constraints(name)),
            sorted((str(index["name"]), index["column_names"]) for index in found.get_indexes(name) if not index["unique"]),
        )
        for name in found.get_table_names()
    }


def test_the_steps_make_what_the_schema_says(register_url: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> None:
    Register.open(register_url).close()
    if register_url.startswith("sqlite"):
        other = f"sqlite:///{tmp_path_factory.mktemp('made')}/made.sqlite"
    else:
        other = request.getfixturevalue("postgresql").schema()
    metadata.create_all(create_engine(other))

    assert described(register_url) == described(other)


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_a_register_of_an_earlier_version_is_given_what_it_lacks(register_url: str, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left_by_version(version, register_url, monkeypatch)

    opened = Register.open(register_url)

    assert [row.schema_version for row in read(register_url, "select schema_version from register")] == [NEWEST]
    assert [document.natural_id for document in opened.documents()] == ["C0001:2026-01:1"]
    opened.ask(NewApprovalRequest("run_gate", ENTITY, f"{ENTITY}/correction", "1000 corrections", content_hash="a" * 64), "close")
    opened.close_period(ENTITY, "2026-01", landing_position=7, actor="tests")
    assert opened.verify_chain().intact
    assert opened.verify_seals() == []
    opened.close()
    assert len(Register.open(register_url).approval_requests()) == 1


def test_two_processes_bring_a_register_up_at_once(register_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left_by_version(1, register_url, monkeypatch)

    opening = [subprocess.Popen([sys.executable, "-c", OPEN, register_url], env=dict(os.environ)) for _ in range(3)]

    assert [process.wait(timeout=300) for process in opening] == [0, 0, 0]
    assert Register.open(register_url).verify_chain().intact


def test_a_register_written_by_a_newer_version_is_refused(register_url: str) -> None:
    Register.open(register_url).close()
    run(register_url, "update register set schema_version = 99")

    with pytest.raises(RegisterError, match=r"schema version 99.*newer"):
        Register.open(register_url)
