"""An installation of which nothing is wrong, to plant faults in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from reverse_etl.settings import Settings


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation of which nothing is wrong, but that nothing runs."""
    home = Path(tmp_path_factory.mktemp("sound") / "home")
    (home / "secrets").mkdir(parents=True, mode=0o700)
    for name in ("stripe_api_key", "tryton_password"):
        (home / "secrets" / name).write_text("a secret of sixteen")
        (home / "secrets" / name).chmod(0o600)
    settings = Settings(home=home)
    initialize(settings)
    stripe = "{url: 'https://api.stripe.com', secret_file: secrets/stripe_api_key}"
    tryton = "{url: 'https://erp.example.com', secret_file: secrets/tryton_password}"
    (home / "tieout.yaml").write_text(f"destinations: {{stripe: {stripe}, tryton: {tryton}}}\n")
    installation = Installation(settings)
    installation.warehouse.publish()
    return home


@pytest.fixture
def home(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DAGSTER_HOME", "TIEOUT_WAREHOUSE", "DBT_TARGET", "TZ", "TIEOUT_REGISTER_URL", "STRIPE_API_KEY", "TRYTON_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    copy = tmp_path / "home"
    shutil.copytree(sound, copy)
    return copy
