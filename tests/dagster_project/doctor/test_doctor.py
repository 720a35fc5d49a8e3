"""The doctor: each fault is planted in a real installation, and is found with what to do; nothing is created and nothing waited for."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat
from doctor_findings import findings, settings_of, the_only

from dagster_project.cli import run
from dagster_project.close import Installation
from dagster_project.close.steps import publish
from dagster_project.doctor import State, examine, home_folder, machine
from dagster_project.doctor.finding import Examined
from dagster_project.oversight.auditing import write_anchor
from dagster_project.runs.instance import STARTED_BY_TAG
from reverse_etl.locks import file_lock
from reverse_etl.register import NewException
from reverse_etl.settings import Settings, load_settings


def test_a_sound_installation_has_nothing_to_fix(home: Path) -> None:
    assert [finding for finding in examine(home, asks=False) if finding.state is not State.OK] == []


@pytest.mark.parametrize("prepared", ["absent", "empty", "half made", "garbage", "dead register"])
def test_whatever_it_finds_it_says_and_never_stumbles_or_makes_anything(
    prepared: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "place"
    if prepared != "absent":
        place.mkdir()
    if prepared == "half made":
        (place / "warehouse").mkdir()
        (place / "warehouse" / "warehouse.duckdb").write_bytes(b"no database")
        (place / "published").mkdir()
        (place / "published" / "warehouse.duckdb").write_bytes(b"")
        (place / "register.sqlite").write_bytes(b"neither")
        (place / "dagster").mkdir()
        (place / "dagster" / "dagster.yaml").write_text("{")
        (place / "dagster" / "history").write_text("a file")
    if prepared == "garbage":
        place = home
        (place / "tieout.yaml").write_bytes(b"\xff\xfe: [")
    if prepared == "dead register":
        place = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        monkeypatch.setenv("TIEOUT_REGISTER_URL", f"postgresql+psycopg://me:hidden@127.0.0.1:{port}/none")
    before = sorted(place.rglob("*")) if place.exists() else None
    assert run(["--home", str(place), "doctor", "--offline", "--json"]) == 1
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert told["counts"]["problem"] >= 1
    assert "Traceback" not in printed.out + printed.err
    assert "a defect of Tieout" not in printed.out
    assert "hidden" not in printed.out
    if before is None:
        assert not place.exists()
    elif prepared in ("empty", "half made"):
        assert sorted(place.rglob("*")) == before


def test_python_and_packages_are_compared_with_what_is_supported_and_locked(home: Path, tmp_path: Path) -> None:
    examined = Examined(home, load_settings(home))
    [old] = machine.python(examined, (3, 10))
    assert (old.state, old.what) == (State.PROBLEM, "Python 3.10 is not supported")
    lock = tmp_path / "requirements.lock"
    lock.write_text("click==0.1 \\\n    --hash=sha256:x\nno-such==1 ; sys_platform == 'win32' \\\n")
    [different] = machine.packages(examined, lock)
    assert different.state is State.WARNING
    assert different.what.startswith("not as locked: click ")
    assert different.what.endswith("instead of 0.1")
    assert different.fix == machine.INSTALL


def test_a_full_disk_is_told_before_the_next_write(home: Path) -> None:
    examined = Examined(home, load_settings(home))
    [full] = machine.disk(examined, (100 * 2**20, 10**6))
    assert (full.state, full.what) == (State.PROBLEM, "0.1 GiB free: the next write may fail")
    [low] = machine.disk(examined, (2**30, 10**6))
    assert low.state is State.WARNING
    fine, inodes = machine.disk(examined, (2**40, 17))
    assert (fine.state, inodes.state, inodes.what) == (State.OK, State.WARNING, "17 inodes are left")


def test_an_unknown_time_zone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlinn")
    found = the_only(home, "time zone")
    assert (found.where, found.what) == ("TZ", "the zone 'Europe/Berlinn' is not known here")


def test_a_home_that_is_no_whole_installation(home: Path) -> None:
    shutil.rmtree(home / "inbox")
    found = the_only(home, "home")
    assert found.what == "it is no whole installation: inbox missing"
    assert found.fix == f"tieout --home {home} init"


def test_secrets_that_others_may_read(home: Path) -> None:
    (home / "secrets" / "stripe_api_key").chmod(0o640)
    found = the_only(home, "secrets")
    assert (found.state, found.what) == (State.PROBLEM, "others may use it (mode 640)")
    assert found.fix == f"chmod 600 {home / 'secrets' / 'stripe_api_key'}"


def test_settings_that_nobody_knows(home: Path) -> None:
    settings_of(home, "destinatons: {}")
    found = the_only(home, "settings")
    assert "destinatons: there is no such setting (did you mean 'destinations'?)" in found.what


def deliver_entities(home: Path, *rows: tuple[str, str]) -> None:
    warehouse = Installation(Settings(home=home)).warehouse
    values = ", ".join(f"('{entity}', '{ledger}', cast(null as varchar))" for entity, ledger in rows)
    create = f"create table staging.stg_crm__legal_entities as select * from (values {values}) as rows (entity, ledger, violation)"
    warehouse.execute(["create schema if not exists staging", create])
    warehouse.publish()


def test_settings_and_master_data_that_do_not_fit(home: Path) -> None:
    deliver_entities(home, ("northlight_us", "tryto"), ("northlight_de", "tryton"))
    ledger, entity, unclosed = findings(home, "master data")
    assert ledger.what == "northlight_us keeps its ledger in 'tryto', which is no destination (did you mean 'tryton'?)"
    assert entity.what == "no legal entity 'northlight_eu' is delivered (did you mean 'northlight_us' or 'northlight_de'?)"
    assert (unclosed.state, unclosed.what) == (State.WARNING, "the legal entity northlight_de is delivered and never closed")


def test_what_lies_wrong_in_the_inbox(home: Path) -> None:
    inbox = home / "inbox"
    for path in ("usge/2026-01-01/a.jsonl", "usage/yesterday/a.jsonl", "usage/2026-01-01/.a.jsonl.part"):
        (inbox / path).parent.mkdir(parents=True, exist_ok=True)
        (inbox / path).write_text("")
    undated, unknown, unfinished = findings(home, "inbox")
    assert (undated.where, undated.what) == (str(inbox / "usage/yesterday"), "it is no folder named by a day")
    assert unknown.what == "nobody knows the source 'usge' (did you mean 'usage'?)"
    assert unfinished.where.endswith(".a.jsonl.part")


def test_a_mapping_that_is_not_valid(home: Path) -> None:
    (home / "mappings" / "meters.yaml").write_text("relation: raw.meters\ncolums: {}\n")
    (home / "inbox" / "meters" / "2026-01-01").mkdir(parents=True)
    (home / "inbox" / "meters" / "2026-01-01" / "a.csv").write_text("")
    assert "the mapping of the source 'meters' is not valid" in the_only(home, "inbox").what


def test_the_holder_of_the_warehouse_is_named_and_not_waited_for(home: Path) -> None:
    with file_lock(home / "locks" / "warehouse.lock", "dbt build of 9 nodes", 0):
        found = the_only(home, "warehouse")
    assert (found.state, found.what) == (State.WARNING, f"it is held by dbt build of 9 nodes (process {os.getpid()})")


OPENER = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def test_a_warehouse_that_somebody_opened_beside_its_lock(home: Path) -> None:
    path = home / "warehouse" / "warehouse.duckdb"
    with subprocess.Popen([sys.executable, "-c", OPENER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as opener:
        assert opener.stdout is not None
        assert opener.stdout.readline() == "open\n"
        found = the_only(home, "warehouse")
        opener.communicate("")
    assert found.what.startswith("somebody has opened it beside its lock")
    assert "open the published copy instead" in str(found.fix)


def test_a_warehouse_and_a_copy_that_are_no_databases(home: Path) -> None:
    (home / "warehouse" / "warehouse.duckdb").write_bytes(b"x" * 10_000)
    (home / "published" / "warehouse.duckdb").write_bytes(b"x" * 10_000)
    assert the_only(home, "warehouse").what.startswith("it cannot be read")
    assert the_only(home, "published copy").what.startswith("it cannot be read")


def recorded(home: Path) -> None:
    with closing(Installation(Settings(home=home)).open_register()) as register:
        register.record_exception(NewException(kind="held", subject="a", reason="b", action="c"), "me", "")


def test_a_copy_that_was_never_published_or_is_behind(home: Path) -> None:
    recorded(home)
    found = the_only(home, "published copy")
    assert (found.state, found.what) == (State.WARNING, "it is 1 entries of the register behind")
    (home / "published" / "warehouse.duckdb").unlink()
    assert the_only(home, "published copy").what.startswith("nothing is published yet")


def test_a_register_that_was_put_back_or_is_another_one(home: Path, sound: Path) -> None:
    kept = home / "kept.sqlite"
    shutil.copyfile(home / "register.sqlite", kept)
    recorded(home)
    installation = Installation(Settings(home=home))
    write_anchor(installation)
    publish(installation)
    for path in home.glob("register.sqlite*"):
        path.unlink()
    shutil.copyfile(kept, home / "register.sqlite")
    assert "the register is an older copy of itself" in the_only(home, "published copy").what
    assert "it is older" in the_only(home, "audit chain").what
    (home / "register.sqlite").unlink()
    Installation(Settings(home=home)).open_register().close()
    assert the_only(home, "published copy").what.startswith("it mirrors another register")


def test_a_register_that_is_not_there_or_is_of_a_newer_or_older_version(home: Path) -> None:
    path = home / "register.sqlite"
    for version, words in ((99, "it was written by a newer version (schema 99"), (1, "its schema is 1; the next command brings it to")):
        with sqlite3.connect(path) as connection:
            connection.execute("update register set schema_version = ?", (version,))
        connection.close()
        assert the_only(home, "register").what.startswith(words)
    path.unlink()
    assert the_only(home, "register").what == "it does not exist yet"
    assert not path.exists()


def test_a_register_that_was_changed_by_hand(home: Path) -> None:
    recorded(home)
    with sqlite3.connect(home / "register.sqlite") as connection:
        connection.execute("update exceptions set reason = 'another'")
    connection.close()
    found = the_only(home, "audit chain")
    assert found.what.startswith("chain at position 2")
    assert "tieout audit verify" in str(found.fix)


def test_anchors_that_are_missing_or_were_changed(home: Path) -> None:
    recorded(home)
    assert the_only(home, "anchors").fix == "tieout audit anchor"
    write_anchor(Installation(Settings(home=home)))
    assert findings(home, "anchors") == []
    path = home / "audit" / "anchors.jsonl"
    path.write_text(path.read_text().replace('"position":2', '"position":3'))
    assert the_only(home, "anchors").state is State.PROBLEM


def test_dbt_led_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_WAREHOUSE", "/elsewhere.duckdb")
    assert the_only(home, "dbt profile").where == "TIEOUT_WAREHOUSE"
    monkeypatch.setenv("DBT_TARGET", "prod")
    assert the_only(home, "dbt profile").what == "there is no target 'prod'; there are dev, ci, postgres"


def test_a_dagster_home_that_is_another_or_was_changed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "dagster" / "dagster.yaml"
    path.write_text(path.read_text().replace("enabled: false", "enabled: true"))
    assert the_only(home, "dagster home").what.startswith("it is not the shipped one")
    path.unlink()
    assert the_only(home, "dagster home").state is State.PROBLEM
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    assert findings(home, "dagster home")[0].where == "DAGSTER_HOME"


def test_a_daemon_that_went_silent_and_runs_that_hang(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        silent = (datetime.now(UTC) - timedelta(hours=2)).timestamp()
        instance.add_daemon_heartbeat(DaemonHeartbeat(silent, "SCHEDULER", "one", None))
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        for tags in ({STARTED_BY_TAG: str(ended.pid)}, {STARTED_BY_TAG: str(os.getpid())}):
            instance.add_run(dg.DagsterRun(job_name="monthly_close", status=dg.DagsterRunStatus.STARTED, tags=tags))
    assert the_only(home, "dagster daemon").what.startswith("silent since ")
    found = the_only(home, "dagster runs")
    assert found.what.endswith(f"of monthly_close is started, and its process {ended.pid} has ended")


def test_a_run_of_dagster_whose_lock_nobody_holds(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        run = instance.add_run(dg.DagsterRun(job_name="monthly_close", status=dg.DagsterRunStatus.STARTED))
    lock = home / "locks" / "runs" / f"{run.run_id}.lock"
    with file_lock(lock, "its process", 0):
        assert findings(home, "dagster runs") == []
    assert the_only(home, "dagster runs").what == f"run {run.run_id[:8]} of monthly_close is started, and its process has ended"


def test_a_dagster_storage_that_cannot_be_read(home: Path) -> None:
    (home / "dagster" / "history" / "runs").mkdir(parents=True)
    (home / "dagster" / "history" / "runs.db").write_bytes(b"no database" * 1000)
    assert the_only(home, "dagster storage").state is State.PROBLEM


def test_a_register_that_is_none_is_put_back_from_its_backup(home: Path) -> None:
    (home / "register.sqlite").write_bytes(b"no database" * 1000)
    assert (the_only(home, "register").fix or "").startswith("tieout restore FOLDER, with the last backup")


def test_a_file_system_that_can_only_be_read_is_not_taken_for_a_lack_of_rights(tmp_path: Path) -> None:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    only_read = [Path(mount[1]) for mount in mounts if "ro" in mount[3].split(",") and Path(mount[1]).is_dir()]
    if not only_read:
        pytest.skip("nothing is mounted here that can only be read")
    found = home_folder.home(Examined(only_read[0], Settings(home=only_read[0])))
    assert [finding.what for finding in found] == ["its file system can only be read"]


def test_people_read_the_state_first_and_the_fix_below(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "secrets" / "stripe_api_key").chmod(0o644)
    assert run(["--home", str(home), "doctor", "--offline"]) == 1
    told = capsys.readouterr().out
    path = home / "secrets" / "stripe_api_key"
    assert f"problem  secrets: others may use it (mode 644) [{path}]\n         fix: chmod 600 {path}\n" in told
    assert told.splitlines()[-1].startswith("1 problem, 0 warnings, ")
