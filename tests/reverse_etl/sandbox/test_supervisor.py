"""Stand-ins are started once, known again by a later process, and nobody else's process is ever stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.sandbox.processes import ServerProcess, is_running, launch, start_time, stop, wait_until_ready
from reverse_etl.sandbox.supervisor import Endpoint, endpoint_url, sandbox_status, start_sandbox, stop_sandbox
from reverse_etl.sandbox.tryton.database import provision_ledger
from reverse_etl.sandbox.tryton.server import start_server
from reverse_etl.sandbox.tryton.specification import Account, Company, LedgerSpecification
from reverse_etl.settings import Settings
from reverse_etl.systems.registry import open_system
from reverse_etl.systems.tryton import open_tryton

SPECIFICATION = LedgerSpecification(
    companies=(Company("northlight_us", "Northlight Inc.", "USD"),),
    accounts=(Account("northlight_us", "1100", "Accounts receivable", "asset", True),),
    currencies={"USD": 2},
    first_year=2026,
    last_year=2026,
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for variable in ("STRIPE_API_KEY", "TRYTON_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    chosen = Settings(home=tmp_path, entities=("northlight_us",))
    yield chosen
    stop_sandbox(chosen)


def test_both_stand_ins_start_once_and_keep_their_address_across_a_restart(settings: Settings) -> None:
    pytest.importorskip("trytond", reason="the extra 'tryton' is not installed")

    first = start_sandbox(settings, specification=SPECIFICATION)
    again = start_sandbox(settings, specification=SPECIFICATION)

    assert first == again == sandbox_status(settings)
    open_tryton(settings).ping()
    assert httpx.get(first["stripe"].url + "/v1/customers", auth=(settings.secret("stripe"), ""), timeout=120).status_code == 200
    for name in ("stripe_api_key", "tryton_password"):
        assert (settings.home / "secrets" / name).stat().st_mode & 0o777 == 0o600
    assert settings.secret("stripe").startswith("sk_test_")

    assert set(stop_sandbox(settings)) == {"stripe", "tryton"}
    assert sandbox_status(settings) == {"stripe": None, "tryton": None}
    assert endpoint_url(settings, "tryton") == first["tryton"].url

    restarted = start_sandbox(settings, specification=SPECIFICATION)
    assert {name: endpoint.url for name, endpoint in restarted.items()} == {name: endpoint.url for name, endpoint in first.items()}
    open_tryton(settings).ping()


def test_a_recorded_process_id_that_now_belongs_to_another_process_is_left_alone(settings: Settings) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        settings.sandbox_folder.mkdir()
        record = {"url": "http://127.0.0.1:9", "pid": bystander.pid, "started": "a time long ago"}
        (settings.sandbox_folder / "stripe.json").write_text(json.dumps(record))

        assert stop_sandbox(settings, ["stripe"]) == ()
        assert sandbox_status(settings)["stripe"] is None
        endpoint = start_sandbox(settings, ["stripe"])["stripe"]

        assert endpoint.pid != bystander.pid
        assert isinstance(endpoint, Endpoint)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_copy_of_an_installation_has_stand_ins_of_its_own_while_those_of_the_original_run(settings: Settings, tmp_path: Path) -> None:
    original = start_sandbox(settings, ["stripe"])["stripe"]
    copy = settings.model_copy(update={"home": tmp_path / "copy"})
    shutil.copytree(settings.sandbox_folder, copy.sandbox_folder)
    try:
        with pytest.raises(ConfigurationError, match="never started"):
            endpoint_url(copy, "stripe")
        assert stop_sandbox(copy) == ()

        own = start_sandbox(copy, ["stripe"])["stripe"]

        assert own.pid != original.pid
        assert own.url != original.url
        assert sandbox_status(settings)["stripe"] == original
    finally:
        stop_sandbox(copy)


def test_a_ledger_is_not_started_where_somebody_elses_answers(settings: Settings, tmp_path: Path) -> None:
    pytest.importorskip("trytond", reason="the extra 'tryton' is not installed")
    first = start_sandbox(settings, ["tryton"], SPECIFICATION)["tryton"]
    folder = tmp_path / "another"
    provision_ledger(SPECIFICATION, folder, "a password")

    second = start_server(folder, urlsplit(first.url).port)

    try:
        assert second.url != first.url
        assert is_running(second.process)
    finally:
        stop(second.process)


def test_a_server_that_ends_while_starting_shows_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = launch([sys.executable, "-c", "raise SystemExit('no port left')"], log)

    with pytest.raises(DestinationError, match="no port left"):
        wait_until_ready(process, lambda: False, 120.0, log, "the server")


def test_a_server_deaf_to_termination_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    process = launch([sys.executable, "-c", deaf], tmp_path / "log")
    wait_until_ready(process, lambda: (tmp_path / "log").read_text() != "", 120.0, tmp_path / "log", "the server")

    assert stop(process, patience_seconds=0.3)
    assert not is_running(process)
    assert not stop(process)


def test_a_process_is_known_by_its_start_time() -> None:
    assert is_running(ServerProcess(os.getpid(), start_time(os.getpid()) or ""))
    assert not is_running(ServerProcess(os.getpid(), "another time"))
    child = subprocess.Popen([sys.executable, "-c", ""])
    known = ServerProcess(child.pid, start_time(child.pid) or "")
    deadline = time.monotonic() + 120
    while is_running(known) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(known)


def test_unknown_names_and_stand_ins_never_started_are_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="no stand-in named sap"):
        start_sandbox(settings, ["sap"])
    with pytest.raises(ConfigurationError, match="run 'tieout sandbox start'"):
        endpoint_url(settings, "stripe")


def test_the_stand_ins_of_other_ledgers_start_where_the_settings_name_them(tmp_path: Path) -> None:
    signed = {"realm": "TSTDRV1", "consumer_key": "us", "token_id": "token"}
    netsuite = {"authorization": signed, "entities": {"northlight_us": {"currency": "1"}}}
    tenant = "90621c84-e1df-5486-a2ed-a24e1baba241"
    xero = {"kind": "xero", "authorization": {"client_id": "us"}, "entities": {"northlight_us": {"tenant": tenant}}}
    destinations = {"netsuite": netsuite, "books": xero, "quickbooks": {"authorization": {"client_id": "us"}}}
    chosen = Settings.model_validate({"home": tmp_path, "entities": ["northlight_us"], "destinations": destinations})
    try:
        running = start_sandbox(chosen, specification=SPECIFICATION)
        assert set(running) == {"netsuite", "xero", "quickbooks"}
        for name in chosen.destinations:
            open_system(chosen, name).ping()
        # The refresh token has been replaced by its use.
        for name in ("books", "quickbooks"):
            open_system(chosen, name).ping()
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}
    finally:
        assert set(stop_sandbox(chosen)) == {"netsuite", "xero", "quickbooks"}
