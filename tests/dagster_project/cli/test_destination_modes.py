"""Destinations on the command line: how each stands, and the mode that people set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close.installation import operating_system_user
from reverse_etl.posting.pacing import Limits, Pace
from reverse_etl.request_windows import RequestWindow
from reverse_etl.settings import load_settings

SETTINGS = """
destinations:
  billing:
    kind: stripe
    secret_environment: BILLING_KEY
    requests_per_second: 20
    requests_per_day: 1000
    maintenance:
      - {weekday: sunday, start: "02:00", end: "04:00", time_zone: Europe/Berlin}
  erp:
    kind: tryton
    concurrency: 2
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "tieout.yaml").write_text(SETTINGS)
    initialize(load_settings(tmp_path))
    return tmp_path


def answered(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(["--home", str(home), "destinations", *arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_every_destination_is_shown_with_what_it_allows_and_what_of_that_is_used(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pace = Pace(load_settings(home).pacing_folder, "billing", Limits(20.0, 4, (RequestWindow(requests=1000),)))
    assert pace.acquire(9e9)
    pace.close()

    billing, erp = answered(home, capsys)

    assert (billing["name"], billing["kind"], billing["capability_class"], billing["requests_per_second"]) == ("billing", "stripe", "A", 20.0)
    assert (billing["quota"], billing["mode"], billing["circuit"], billing["maintenance_windows"]) == ({"86400s": [1, 1000]}, "normal", "closed", 1)
    assert (erp["name"], erp["concurrency"], erp["problem"]) == ("erp", 2, None)


def test_a_mode_is_set_with_who_and_why_and_shown_to_everybody(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answered(home, capsys, "mode", "erp", "hold", "--reason", "the chart of accounts moves")

    _, erp = answered(home, capsys)

    assert (erp["mode"], erp["mode_set_by"], erp["mode_reason"]) == ("hold", operating_system_user(), "the chart of accounts moves")
    assert "hold" in erp["withheld"]
    assert run(["--home", str(home), "destinations"]) == 0
    assert "hold by" in " ".join(capsys.readouterr().out.split())


def test_a_mode_of_an_unknown_destination_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--home", str(home), "destinations", "mode", "nowhere", "hold", "--reason", "x"]) == 1

    assert "nowhere" in capsys.readouterr().err
