"""A backup is one folder that is checked when it is written, never written over, and put back as a whole."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.cli import run
from dagster_project.cli.installing.installation import dagster_instance, initialize
from dagster_project.close import Installation
from dagster_project.oversight.auditing import write_anchor
from dagster_project.shipped import DAGSTER_YAML
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings

ENTITY = "northlight_us"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """One in which January is closed."""
    installation = Installation(Settings(home=tmp_path / "home"))
    initialize(installation.settings)
    close(installation, "2026-01")
    return installation


def close(installation: Installation, period: str) -> None:
    with closing(installation.open_register()) as register:
        register.close_period(ENTITY, period, 2, "tests")


def position(installation: Installation) -> int:
    with closing(installation.open_register()) as register:
        return register.position


def answered(installation: Installation, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(["--home", str(installation.settings.home), *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(installation: Installation, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["--home", str(installation.settings.home), *arguments]) == 1
    return capsys.readouterr().err


def test_a_backup_holds_what_was_recorded_and_what_people_wrote(
    installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (installation.settings.mappings / "crm.yaml").write_text("relation: raw.customers\ncolumns: {customer_id: id}\n")
    (installation.settings.home / "secrets" / "stripe_api_key").write_text("sk_test_1")
    folder = tmp_path / "kept" / "today"
    # Somebody is writing: what is not committed is in no backup, and holds nobody up.
    with closing(sqlite3.connect(installation.settings.home / "register.sqlite")) as writer:
        writer.execute("begin immediate")
        told = answered(installation, capsys, "backup", str(folder))
    assert told["positions"] == position(installation)
    assert {path.name for path in folder.iterdir()} == {"register.sqlite", "tieout.yaml", "mappings"}
    assert (folder / "mappings" / "crm.yaml").is_file()
    assert "is not empty" in refused(installation, capsys, "backup", str(folder))


def test_what_was_recorded_after_the_backup_is_replaced_and_kept_beside_it(
    installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, before = tmp_path / "kept", position(installation)
    answered(installation, capsys, "backup", str(folder))
    close(installation, "2026-02")
    write_anchor(installation)
    lost = position(installation)

    assert run(["--home", str(installation.settings.home), "restore", str(folder)]) == 0

    told = capsys.readouterr().out
    assert f"The last anchor is at position {lost}" in told
    assert position(installation) == before < lost
    [replaced] = installation.settings.home.glob("register.replaced-*.sqlite")
    with closing(sqlite3.connect(replaced)) as kept:
        assert kept.execute("select position from register").fetchone() == (lost,)


def test_an_installation_that_was_lost_begins_anew_from_its_backup(
    installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, before = tmp_path / "kept", position(installation)
    (installation.settings.home / "tieout.yaml").write_text(f"entities: [{ENTITY}]\n")
    answered(installation, capsys, "backup", str(folder))
    anew = Installation(Settings(home=tmp_path / "another"))
    assert answered(anew, capsys, "restore", str(folder))["replaced"] is None
    assert position(anew) == before
    assert (anew.settings.home / "tieout.yaml").read_text() == f"entities: [{ENTITY}]\n"


def test_a_damaged_backup_replaces_nothing(installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, before = tmp_path / "kept", position(installation)
    answered(installation, capsys, "backup", str(folder))
    with closing(sqlite3.connect(folder / "register.sqlite")) as damaged:
        names = [row[0] for row in damaged.execute("select name from sqlite_master where type = 'trigger'")]
        for name in names:
            damaged.execute(f"drop trigger {name}")
        damaged.execute("update log set hash = 'x' where position = 1")
        damaged.commit()
    assert "does not hold at position 1" in refused(installation, capsys, "restore", str(folder))
    assert position(installation) == before
    assert "is no backup" in refused(installation, capsys, "restore", str(tmp_path))


def test_a_register_on_a_server_is_left_to_the_servers_backups(
    installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEOUT_REGISTER_URL", "postgresql+psycopg://tieout:secret@db.example/tieout")
    told = refused(installation, capsys, "backup", str(tmp_path / "kept"))
    assert "pg_dump --format=custom --file=register.dump 'postgresql://tieout@db.example/tieout'" in told
    assert "secret" not in told


def test_dagster_keeps_its_runs_on_postgresql_if_it_is_told_to() -> None:
    text = DAGSTER_YAML.read_text()
    assert dagster_instance(None) == text
    kept, moved = yaml.safe_load(text), yaml.safe_load(dagster_instance("postgresql://dagster:secret@db.example/dagster"))
    for storage in ("run_storage", "schedule_storage", "event_log_storage"):
        assert moved.pop(storage)["config"] == {"postgres_url": {"env": "TIEOUT_DAGSTER_URL"}}
    assert moved == {name: value for name, value in kept.items() if name != "event_log_storage"}
    with pytest.raises(ConfigurationError, match="TIEOUT_DAGSTER_URL is no URL of PostgreSQL") as refusal:
        dagster_instance("mysql://dagster:secret@db.example/dagster")
    assert "secret" not in str(refusal.value)
