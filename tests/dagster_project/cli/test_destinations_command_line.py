"""``tieout destinations check``: how a destination is set up, in lines for people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dagster_project.cli import run

VOUCHERS = Path(__file__).parents[2] / "reverse_etl" / "systems" / "http" / "vouchers.yaml"
SETTINGS = """
destinations:
  vouchers: {kind: http, url: "http://127.0.0.1:9", options: {client: N1}, account_codes: {"1100": AR}, secret_environment: BILLING_KEY}
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


def test_a_sample_shows_what_a_described_destination_would_be_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_KEY", "not_to_be_shown")
    (tmp_path / "tieout.yaml").write_text(SETTINGS)
    (tmp_path / "destinations").mkdir()
    (tmp_path / "destinations" / "vouchers.yaml").write_text(VOUCHERS.read_text())
    assert run(["--home", str(tmp_path), "destinations", "check", "vouchers", "--sample", "--json"]) == 0
    shown = capsys.readouterr().out
    request = json.loads(json.loads(shown)["samples"]["journal_entry"])
    assert (request["method"], request["path"], request["query"]) == ("POST", "/api/2/vouchers", [["client", "N1"]])
    assert [(row["code"], row.get("dr"), row.get("cr")) for row in json.loads(request["body"])["rows"]] == [("AR", 1.01, None), ("4000", None, 1.01)]
    assert "not_to_be_shown" not in shown
