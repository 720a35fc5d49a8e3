"""``tieout destinations check``: how a destination is set up, in lines for people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dagster_project.cli import run

SETTINGS = """
destinations:
  billing: {kind: stripe, url: "http://127.0.0.1:9", secret_environment: BILLING_KEY}
"""


def test_a_destination_is_checked_without_an_installation_and_without_asking_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tieout.yaml").write_text(SETTINGS)
    arguments = ["--home", str(tmp_path), "destinations", "check", "billing"]
    assert run(arguments) == 1
    assert "no secret for destination billing: set BILLING_KEY" in capsys.readouterr().err
    monkeypatch.setenv("BILLING_KEY", "sk_test_not_to_be_shown")
    assert run([*arguments, "--json"]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["found"][0] == "billing: kind stripe at http://127.0.0.1:9; 100 requests a second, 8 at once"
    assert "not_to_be_shown" not in shown
    assert run([*arguments, "--ask"]) == 1
    assert "Connection refused" in capsys.readouterr().err
