"""A warehouse file that another program has open: waited for within the limit, then refused by name; readers of the published copy go on."""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reverse_etl.errors import WarehouseBusyError
from reverse_etl.settings import Settings
from reverse_etl.warehouse import Warehouse, open_warehouse

ANALYST = (
    "import duckdb, sys; connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'reads'); print('open', flush=True); sys.stdin.read()"
)
WAIT_SECONDS = 0.5


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, warehouse_wait_seconds=WAIT_SECONDS)
    open_warehouse(settings).create_relations({"raw.sales": {"sale_id": "varchar"}})
    return settings


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return open_warehouse(settings)


@contextmanager
def analyst(settings: Settings, how: str = "writes") -> Iterator[subprocess.Popen[str]]:
    """A process that has the file open until the block ends."""
    command = [sys.executable, "-c", ANALYST, str(settings.warehouse_path), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", ["writes", "reads"])
def test_whoever_has_the_file_open_is_named_once_the_wait_is_over(settings: Settings, warehouse: Warehouse, how: str) -> None:
    with analyst(settings, how) as process:
        named = rf"held by python[\d.]* \(process {process.pid}\) of user {pwd.getpwuid(os.getuid()).pw_name} for"
        with pytest.raises(WarehouseBusyError, match=named):
            warehouse.read("select 1")
        assert re.match(rf"python[\d.]* \(process {process.pid}\)", warehouse.occupant() or "")
        # What dbt opens by itself is asked for first, so that it fails as everything else does.
        with pytest.raises(WarehouseBusyError, match=named), warehouse.writing("dbt build"):
            raise AssertionError("nothing may begin")


def test_a_file_that_is_released_within_the_limit_is_waited_for(settings: Settings) -> None:
    patient = open_warehouse(settings.model_copy(update={"warehouse_wait_seconds": 30.0}))
    with analyst(settings) as process:
        threading.Timer(0.3, process.kill).start()
        assert patient.read("select count(*) as sales from raw.sales").to_pylist() == [{"sales": 0}]


def test_a_holder_that_died_holds_nothing(settings: Settings, warehouse: Warehouse) -> None:
    with analyst(settings) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with warehouse.writing("dbt build"):
            assert warehouse.read("select count(*) as sales from raw.sales").to_pylist() == [{"sales": 0}]


def test_who_is_at_work_for_us_is_no_occupant(settings: Settings, warehouse: Warehouse) -> None:
    assert warehouse.occupant() is None
    with warehouse.writing("dbt build"):
        assert open_warehouse(settings).occupant() is None


def test_readers_of_the_published_copy_wait_for_nobody(settings: Settings, warehouse: Warehouse) -> None:
    warehouse.publish()
    with analyst(settings):
        assert warehouse.read_published("select count(*) as sales from raw.sales").to_pylist() == [{"sales": 0}]
