"""What is degraded is visible as such: on the command line, in the checks of a delivery, and to whoever lists alerts without a close."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.alerting.degraded import degradations
from dagster_project.alerting.gathering import holding
from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.installation import operating_system_user
from dagster_project.controls.findings import delivery_findings
from dagster_project.defs.assets.delivery import degraded_now
from dagster_project.oversight.auditing import ANCHORS, audit_register, write_anchor
from reverse_etl.alerting import AlertKind
from reverse_etl.errors import RegisterError
from reverse_etl.locks import file_lock, lock_holder
from reverse_etl.register import NewException
from reverse_etl.settings import load_settings

# Opens the file as any other program does, and says when it has it.
OTHER_PROGRAM = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation with nothing landed."""
    settings = load_settings(tmp_path_factory.mktemp("installed"))
    initialize(settings)
    return Installation(settings)


@pytest.fixture
def installation(installed: Installation) -> Installation:
    for name in installed.settings.destinations:
        tieout(installed, "destinations", "mode", name, "normal", "--reason", "as usual")
    return installed


def tieout(installation: Installation, *arguments: str) -> None:
    assert run(["--home", str(installation.settings.home), *arguments]) == 0


def answered(installation: Installation, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    tieout(installation, *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def test_an_installation_with_nothing_landed_has_no_alert(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    found = holding(installation, datetime(2026, 1, 15, tzinfo=UTC))
    assert (found.alerts, dict(found.blind)) == ((), {})


def test_a_hold_is_shown_wherever_people_look(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    tieout(installation, "destinations", "mode", "tryton", "hold", "--reason", "the auditors are in it")
    told = f"set by {operating_system_user()}: the auditors are in it"

    [degraded] = answered(installation, capsys, "status")["degraded"]
    assert (degraded["subject"], degraded["mode"], degraded["severity"]) == ("tryton", "hold", "warning")
    assert told in degraded["told"]
    by_name = {state["name"]: state["degraded"] for state in answered(installation, capsys, "destinations")}
    assert told in by_name["tryton"][0]["told"]
    assert by_name["stripe"] == []
    assert told in answered(installation, capsys, "alerts")["alerts"][-1]["cause"]
    assert told in degraded_now(installation, "tryton")["degraded"]
    assert degraded_now(installation, "stripe") == {}
    check = delivery_findings(installation, "tryton")[-1]
    assert not check.holds
    assert told in check.rows[0]["reason"]

    capsys.readouterr()
    tieout(installation, "status")
    assert "Degraded: tryton is on hold since" in capsys.readouterr().out


def test_who_has_the_warehouse_open_is_named(installation: Installation) -> None:
    arguments = [sys.executable, "-c", OTHER_PROGRAM, str(installation.settings.warehouse_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "open\n"
        [found] = degradations(installation)
        assert found.mode == "warehouse_open_elsewhere"
        assert f"process {other.pid}" in found.reason
        other.stdin.close()
    assert degradations(installation) == ()
    with closing(duckdb.connect(str(installation.settings.warehouse_path))) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_the_holder_of_a_lock_is_told_with_since_when_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.lock"
    assert lock_holder(path) is None
    with file_lock(path, "dbt build", 0):
        found = lock_holder(path)
        assert found is not None
        assert found.holder.startswith("dbt build (process ")
        assert abs((datetime.now(UTC) - found.since).total_seconds()) < 60
        assert lock_holder(path) is not None
    assert lock_holder(path) is None


def test_a_register_that_cannot_be_read_is_told_and_takes_nothing_for_over(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    initialize(settings)
    (tmp_path / "register.sqlite").write_bytes(b"no database " * 500)
    found = holding(Installation(settings))
    assert {AlertKind.EXCEPTIONS, AlertKind.DRIFT, AlertKind.BLOCKED_CLOSE} <= set(found.blind)
    [alert] = [alert for alert in found.alerts if alert.subject == "alerts"]
    assert "cannot be looked at" in alert.cause


def test_anchors_that_were_changed_are_told_until_an_audit_finds_them_whole(installation: Installation) -> None:
    with closing(installation.open_register()) as register:
        register.record_exception(NewException("file", "x", "y", "z"), "tester")
    write_anchor(installation)
    anchors = installation.settings.audit_folder / ANCHORS
    whole = anchors.read_text()
    anchors.write_text(whole.replace('"position":', '"position": 1'))
    with pytest.raises(RegisterError):
        audit_register(installation)

    [alert] = [alert for alert in holding(installation).alerts if alert.kind is AlertKind.REGISTER_INTEGRITY]
    assert str(anchors) in alert.cause

    anchors.write_text(whole)
    audit_register(installation)
    assert AlertKind.REGISTER_INTEGRITY not in {alert.kind for alert in holding(installation).alerts}
