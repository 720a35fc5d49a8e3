"""Processes that open, seal and mirror one register at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from register_rows import invoice

from reverse_etl.register import Register
from reverse_etl.settings import Settings
from reverse_etl.warehouse import Warehouse, open_warehouse
from reverse_etl.warehouse.mirror import mirror

FACTS = ("documents", "transitions", "periods")
SEAL_BATCHES = """
import sys
from register_rows import invoice
from reverse_etl.register import Register
url, prefix = sys.argv[1:]
register = Register.open(url)
for batch in range(5):
    rows = [invoice(register, f"{prefix}{batch}-{item}") for item in range(5)]
    assert len(register.seal(rows, prefix, "").sealed) == 5
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return open_warehouse(Settings(home=tmp_path / "home"))


def contents(warehouse: Warehouse) -> list[list[dict[str, Any]]]:
    return [warehouse.read(f"select * from register.{relation} order by position").to_pylist() for relation in FACTS]


def from_nothing(register: Register, folder: Path) -> list[list[dict[str, Any]]]:
    fresh = open_warehouse(Settings(home=folder))
    mirror(register, fresh)
    return contents(fresh)


def seal(register: Register, prefix: str) -> None:
    assert len(register.seal([invoice(register, f"{prefix}{item}") for item in range(5)], "tests", prefix).sealed) == 5
    register.close_period(f"entity_{prefix}", "2026-01", landing_position=7, actor="tests")


def test_processes_that_create_and_seal_at_once_share_one_gapless_register(register_url: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", SEAL_BATCHES, register_url]
    writers = [subprocess.Popen([*command, prefix], env=environment) for prefix in ("A", "B", "C")]

    assert [writer.wait(timeout=300) for writer in writers] == [0, 0, 0]

    register = Register.open(register_url)
    assert sorted(document.number or "" for document in register.documents()) == [f"INV-NORTHLIGHT_US-{number:06d}" for number in range(1, 76)]
    assert register.verify_chain().intact
    register.close()


def test_a_mirror_taken_while_others_seal_has_neither_gaps_nor_doubles(register: Register, warehouse: Warehouse, tmp_path: Path) -> None:
    def seal_all() -> None:
        for prefix in range(6):
            seal(register, f"{prefix}-")

    sealing = threading.Thread(target=seal_all)
    sealing.start()
    while sealing.is_alive():
        mirror(register, warehouse)
    sealing.join()
    mirror(register, warehouse)

    assert len(contents(warehouse)[0]) == 30
    assert contents(warehouse) == from_nothing(register, tmp_path / "fresh")


def test_a_clock_that_was_set_back_does_not_double_mirrored_rows(register: Register, warehouse: Warehouse, tmp_path: Path) -> None:
    seal(register, "A")
    mirror(register, warehouse)
    warehouse.execute(["update register.mirror set mirrored_at = timestamp '2100-01-01'"])
    for prefix in ("B", "C"):
        seal(register, prefix)
        mirror(register, warehouse)

    assert contents(warehouse) == from_nothing(register, tmp_path / "fresh")


def test_rows_that_no_mirror_row_vouches_for_are_not_doubled(register: Register, warehouse: Warehouse, tmp_path: Path) -> None:
    seal(register, "A")
    mirror(register, warehouse)
    warehouse.execute(["delete from register.mirror"])

    mirror(register, warehouse)

    assert contents(warehouse) == from_nothing(register, tmp_path / "fresh")


def test_a_mirror_that_fails_in_the_middle_stays_as_it_was(register: Register, warehouse: Warehouse, tmp_path: Path) -> None:
    seal(register, "A")
    mirror(register, warehouse)
    before = contents(warehouse)
    seal(register, "B")
    warehouse.execute(
        [
            "alter table register.periods rename column status to status_before",
            "alter table register.periods add column status integer",
        ]
    )

    with pytest.raises(duckdb.Error):
        mirror(register, warehouse)

    warehouse.execute(
        [
            "alter table register.periods drop column status",
            "alter table register.periods rename column status_before to status",
        ]
    )
    assert contents(warehouse) == before
    mirror(register, warehouse)
    assert contents(warehouse) == from_nothing(register, tmp_path / "fresh")
