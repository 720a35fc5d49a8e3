"""``tieout conformance``: only at a sandbox, claim against fact, and what was found is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    settings = Settings(home=tmp_path)
    initialize(settings)
    yield tmp_path
    stop_sandbox(settings, ("stripe",))


def test_a_sandbox_is_probed_and_the_report_kept(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start_sandbox(Settings(home=home), ("stripe",))

    assert run(["--home", str(home), "conformance", "stripe", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    verdicts = {finding["probe"]: finding["verdict"] for finding in told["findings"] if finding["document_type"] == "customer"}
    assert verdicts["same_key_twice"] == verdicts["look_up_lag"] == verdicts["comparison"] == "kept"
    assert json.loads((home / "conformance" / "stripe.json").read_text())["findings"] == told["findings"]


def test_documents_are_never_left_in_real_books(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live")
    (home / "tieout.yaml").write_text("destinations: {stripe: {url: 'https://api.stripe.com', secret_environment: STRIPE_API_KEY}}\n")

    assert run(["--home", str(home), "conformance", "stripe"]) == 1

    assert "--sandbox" in capsys.readouterr().err
    assert not (home / "conformance").exists()
