"""The command line: quick to ask, one line on an error, and one run at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dagster_project.cli import COMMANDS, run, tieout
from dagster_project.cli.installing.installation import initialize
from dagster_project.jobs import RunInProgressError, exclusive
from reverse_etl.settings import Settings

TIEOUT = Path(sys.executable).with_name("tieout")


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TIEOUT, "--home", home, *arguments], capture_output=True, text=True, check=False)


def test_help_loads_none_of_the_heavy_parts() -> None:
    heavy = "[name for name in ('dagster', 'dbt', 'duckdb', 'pyarrow', 'sqlalchemy', 'rich.table') if name in sys.modules]"
    statement = f"import sys; from dagster_project.cli import run; code = run(['--help']); sys.exit(str({heavy}) if {heavy} else code)"
    started = time.monotonic()
    shown = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert all(name in shown.stdout for name in COMMANDS)
    # Half a second on a quiet machine; the bound leaves room for a busy one.
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: tieout {name}")
    assert tieout.get_command(None, name).help  # type: ignore[arg-type,union-attr]


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["clos"], "No such command 'clos'", 2),
        (["close"], "Missing argument 'PERIOD'", 2),
        (["sample", "--events", "none"], "'none' is not a valid integer", 2),
        (["close", "2026-01"], "is no installation yet: run 'tieout init' first", 1),
    ],
)
def test_a_wrong_command_line_is_answered_by_one_line(tmp_path: Path, arguments: list[str], says: str, code: int) -> None:
    answer = command(tmp_path, *arguments)
    assert answer.returncode == code
    assert says in answer.stderr
    assert answer.stderr.startswith("Error: ")
    assert answer.stderr.count("\n") == 1
    assert not answer.stdout


def test_init_makes_an_installation_and_again_changes_nothing(tmp_path: Path) -> None:
    first = command(tmp_path, "init", "--json")
    assert json.loads(first.stdout)["home"] == str(tmp_path.resolve())
    (tmp_path / "tieout.yaml").write_text('first_period: "2024-09"\n')
    assert command(tmp_path, "init").returncode == 0
    assert (tmp_path / "tieout.yaml").read_text() == 'first_period: "2024-09"\n'
    assert (tmp_path / "dagster" / "dagster.yaml").is_file()
    wrong = command(tmp_path, "close", "2026-13")
    assert wrong.stderr == "Error: period '2026-13' is not YYYY-MM, such as 2026-01\n"
    assert command(tmp_path, "close", "2026-01", "--entity", "nobody").stderr.startswith("Error: no legal entity 'nobody'; there are ")


def test_a_second_run_at_the_same_time_names_the_first(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    initialize(settings)
    with exclusive(settings, "tieout close 2026-01"):
        answer = command(tmp_path, "close", "2026-02")
        with pytest.raises(RunInProgressError), exclusive(settings, "the same process"):
            pass
    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: tieout close 2026-01 (process ")
    assert answer.stderr.count("\n") == 1
