"""Accounting periods on the command line: soft closed by a close, hard closed or reopened by people, and verified."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.approvals import approve
from dagster_project.close.installation import operating_system_user
from dagster_project.close.periods import ask_to_reopen, ask_to_sign_off, landed_until, require_intact
from reverse_etl.errors import BrokenSealError, PeriodError
from reverse_etl.settings import Settings

ENTITY = "northlight_us"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """January and February of one legal entity are closed on two files that had landed."""
    installation = Installation(Settings(home=tmp_path))
    initialize(installation.settings)
    files = [{"position": number, "file_name": f"{number}.csv", "content_hash": str(number), "landed_on": date(2026, 2, number)} for number in (1, 2)]
    installation.warehouse.append("raw.landed_files", pa.Table.from_pylist(files))
    with closing(installation.open_register()) as register:
        for period in ("2026-01", "2026-02"):
            register.close_period(ENTITY, period, 2, "tests", landed_files=landed_until(installation, 2))
    installation.warehouse.publish()
    return installation


def answered(installation: Installation, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert run(["--home", str(installation.settings.home), *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def refused(installation: Installation, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["--home", str(installation.settings.home), *arguments]) == 1
    return capsys.readouterr().err


def statuses(installation: Installation, capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], tuple[str, str]]:
    return {(row["entity"], row["period"]): (row["status"], row["seal"]) for row in answered(installation, capsys, "periods")}


def test_every_period_is_shown_with_its_cutoff_its_seal_and_who_closed_it(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert statuses(installation, capsys) == {
        (ENTITY, "2026-01"): ("soft_closed", "intact"),
        (ENTITY, "2026-02"): ("soft_closed", "intact"),
        (ENTITY, "2026-03"): ("open", "none"),
        ("northlight_eu", "2026-01"): ("open", "none"),
    }
    first = next(row for row in answered(installation, capsys, "periods") if row["status"] == "soft_closed")
    assert (first["landing_position"], first["documents"], first["changed_by"]) == (2, 0, "tests")
    assert first["changed_at"]


def test_one_user_signs_a_period_off_and_another_approves(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not signed off; ask with 'tieout periods sign-off" in refused(
        installation, capsys, "periods", "hard-close", "2026-01", "--entity", ENTITY
    )
    asked = answered(installation, capsys, "periods", "sign-off", "2026-01", "--entity", ENTITY)
    assert (asked["status"], asked["reason"]) == ("open", "every checkpoint tied when it was closed; no documents")
    assert f"{operating_system_user()} asked for" in refused(installation, capsys, "approve", asked["request_id"])
    assert [row["kind"] for row in answered(installation, capsys, "approvals")] == ["period_sign_off"]

    approve(replace(installation, acting_as="grace"), asked["request_id"])

    assert answered(installation, capsys, "periods", "sign-off", "2026-01", "--entity", ENTITY)["status"] == "approved"
    assert [row["signed_off_by"] for row in answered(installation, capsys, "periods") if row["entity"] == ENTITY] == ["grace", None, None]
    assert "is open; close it first" in refused(installation, capsys, "periods", "sign-off", "2026-03", "--entity", ENTITY)


def test_a_period_is_hard_closed_once_and_for_ever(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    approve(replace(installation, acting_as="grace"), ask_to_sign_off(installation, ENTITY, "2026-01").request_id)
    assert [one["newly_closed"] for one in answered(installation, capsys, "periods", "hard-close", "2026-01", "--entity", ENTITY)] == [True]
    assert [one["newly_closed"] for one in answered(installation, capsys, "periods", "hard-close", "2026-01", "--entity", ENTITY)] == [False]

    assert statuses(installation, capsys)[ENTITY, "2026-01"] == ("hard_closed", "intact")
    assert "is open; close it first" in refused(installation, capsys, "periods", "hard-close", "2026-03", "--entity", ENTITY)
    assert "before the first period" in refused(installation, capsys, "periods", "hard-close", "2025-12", "--entity", ENTITY)


def test_another_user_reopens_what_was_closed_last(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    asked = answered(installation, capsys, "periods", "reopen", "2026-02", "--entity", ENTITY, "--reason", "a late invoice")
    assert f"{operating_system_user()} asked for" in refused(installation, capsys, "approve", asked["request_id"])
    assert "while 2026-02 is closed" in refused(
        installation, capsys, "periods", "reopen", "2026-01", "--entity", ENTITY, "--reason", "a late invoice"
    )
    assert [row["kind"] for row in answered(installation, capsys, "approvals")] == ["period_reopen"]

    approve(replace(installation, acting_as="grace"), asked["request_id"])

    assert statuses(installation, capsys)[ENTITY, "2026-02"] == ("open", "none")


def test_a_period_is_open_here_though_its_ledger_could_not_be_asked(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(installation.settings.home)
    (installation.settings.home / "tieout.yaml").write_text("approvals: {four_eyes: false}\n")
    asked = answered(installation, capsys, "periods", "reopen", "2026-02", "--entity", ENTITY, "--reason", "a late invoice")
    assert run(["--home", home, "approve", asked["request_id"]]) == 0
    assert f"period 2026-02 could not be opened in the ledger of {ENTITY}, the next delivery tries again" in " ".join(capsys.readouterr().out.split())
    assert statuses(installation, capsys)[ENTITY, "2026-02"] == ("open", "none")


def test_nothing_is_opened_before_the_cutover(installation: Installation) -> None:
    entity = {"entity_id": ENTITY, "cutover_on": "2026-03-01", "landed_on": date(2026, 1, 1), "line_number": 2}
    installation.warehouse.append("raw.legal_entities", pa.Table.from_pylist([entity]))

    with pytest.raises(PeriodError, match="before its cutover on 2026-03-01"):
        ask_to_reopen(installation, ENTITY, "2026-02", "a late invoice")


@pytest.mark.parametrize("statement", ["delete from raw.landed_files where position = 1", "update raw.landed_files set content_hash = 'other'"])
def test_landed_history_that_changes_after_a_close_is_named_and_stops_the_next(
    installation: Installation, capsys: pytest.CaptureFixture[str], statement: str
) -> None:
    assert answered(installation, capsys, "periods", "verify")["breaks"] == []
    installation.warehouse.execute([statement])

    found = answered(installation, capsys, "periods", "verify", code=1)["breaks"]

    assert [(one["entity"], one["period"], one["what"]) for one in found] == [
        (ENTITY, period, "files that had landed") for period in ("2026-01", "2026-02")
    ]
    with pytest.raises(BrokenSealError, match="J12 northlight_us 2026-01: files that had landed"):
        require_intact(installation, ENTITY)
    assert "J12 northlight_us 2026-01" in refused(installation, capsys, "periods", "hard-close", "2026-01", "--entity", ENTITY)
    installation.warehouse.publish()
    assert [one["subject"] for one in answered(installation, capsys, "exceptions")] == [f"J12 {ENTITY} 2026-01", f"J12 {ENTITY} 2026-02"]
    assert statuses(installation, capsys)[ENTITY, "2026-01"] == ("soft_closed", "broken")
