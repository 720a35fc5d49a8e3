"""The audit on the command line: what holds, what does not, and the anchor that is kept elsewhere."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.defs.assets.register import register_anchor
from dagster_project.defs.automation.jobs import daily_anchor_job
from dagster_project.defs.automation.schedules import daily_anchor_schedule
from reverse_etl.settings import Settings

ENTITY = "northlight_us"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    installation = Installation(Settings(home=tmp_path / "home"))
    initialize(installation.settings)
    with closing(installation.open_register()) as register:
        register.close_period(ENTITY, "2026-01", 2, "tests")
    return installation


def answered(installation: Installation, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert run(["--home", str(installation.settings.home), "audit", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def told(installation: Installation, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(["--home", str(installation.settings.home), "audit", *arguments]) == code
    return capsys.readouterr().out


def test_a_printed_anchor_kept_elsewhere_verifies_the_register(
    installation: Installation, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_text(told(installation, capsys, "anchor"))

    report = answered(installation, capsys, "verify", "--anchor", str(kept))

    assert (report["intact"], report["anchors"], report["findings"]) == (True, 1, [])
    assert "The register holds" in told(installation, capsys, "verify")


def test_what_was_changed_is_named_with_its_first_position(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(installation.settings.home / "register.sqlite")) as connection:
        connection.execute("update periods set landing_position = 1")
        connection.commit()

    report = answered(installation, capsys, "verify", code=1)

    assert [(finding["part"], finding["position"]) for finding in report["findings"]] == [("chain", 2)]
    assert "Does not hold: chain at position 2: the period does not hash" in told(installation, capsys, "verify", code=1)


def test_the_anchor_is_written_every_night(installation: Installation) -> None:
    assert dg.materialize([register_anchor], resources={"installation": installation}).success

    assert len((installation.settings.audit_folder / "anchors.jsonl").read_text().splitlines()) == 1
    schedule = daily_anchor_schedule()
    assert (schedule.job_name, schedule.cron_schedule) == (daily_anchor_job().name, "30 23 * * *")
