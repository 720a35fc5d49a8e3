"""The system against a real Tryton server, provisioned once and copied for every server that is needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tryton_documents import EU, SPECIFICATION, Driver, customer
from tryton_ledger import PASSWORD, Ledger

from reverse_etl.sandbox.processes import stop
from reverse_etl.sandbox.tryton.database import provision_ledger
from reverse_etl.sandbox.tryton.server import start_server
from reverse_etl.systems.tryton import Tryton


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("trytond", reason="the extra 'tryton' is not installed")
    folder = tmp_path_factory.mktemp("tryton") / "empty"
    provision_ledger(SPECIFICATION, folder, PASSWORD)
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "tryton_password").write_text(PASSWORD)
    return folder


@pytest.fixture(scope="session")
def start_ledger(empty_ledger: Path, home: Path) -> Callable[[Path], Ledger]:
    def start(folder: Path) -> Ledger:
        shutil.copytree(empty_ledger, folder)
        return Ledger(folder, start_server(folder), home)

    return start


@pytest.fixture(scope="session")
def ledger(start_ledger: Callable[[Path], Ledger], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    running = start_ledger(tmp_path_factory.mktemp("tryton") / "shared")
    Driver(running.open()).create(customer("C0001"), customer("C0002", "Borealis", entity=EU))
    yield running
    stop(running.server.process)


@pytest.fixture
def system(ledger: Ledger) -> Tryton:
    return ledger.open()


@pytest.fixture
def driver(system: Tryton) -> Driver:
    return Driver(system)
