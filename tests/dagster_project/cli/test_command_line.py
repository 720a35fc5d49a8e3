"""The command line: quick to ask, one line on an error, and one run at a time."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from dagster_project.cli import COMMANDS, OTHERS, grouped_commands, run, tieout
from dagster_project.cli.installing.installation import initialize
from dagster_project.cli.session import warnings_as_json
from dagster_project.runs.runner import RunInProgressError, exclusive
from reverse_etl.settings import Settings

TIEOUT = Path(sys.executable).with_name("tieout")
REPOSITORY = Path(__file__).parents[3]


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
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: tieout {name}")
    assert tieout.get_command(None, name).help  # type: ignore[arg-type,union-attr]


def test_every_command_answers_programs_and_can_be_quiet() -> None:
    def answering(command: click.Command, path: str) -> Iterator[tuple[str, set[str]]]:
        if isinstance(command, click.Group):
            for name, child in command.commands.items():
                yield from answering(child, f"{path} {name}")
            if not command.invoke_without_command:
                return
        yield path, {option for parameter in command.params for option in parameter.opts}

    context = click.Context(tieout)
    commands = {name: command for name in COMMANDS if (command := tieout.get_command(context, name)) is not None}
    told = [one for name, command in commands.items() for one in answering(command, name)]
    assert [path for path, options in told if not {"--json", "--quiet"} <= options] == []
    assert len(told) > len(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["clos"], "No such command 'clos' (did you mean 'close'?)", 2),
        (["close", "2026-01", "--entiti", "x"], "Did you mean '--entity'?", 2),
        (["destinations", "chekc", "stripe"], "Did you mean 'check'?", 2),
        (["close", "2026-01", "--entity", "Northlight_UK"], "no legal entity 'Northlight_UK' (did you mean 'northlight_us' or 'northlight_eu'?)", 1),
        (["push", "2026-01", "--destination", "tryon"], "no destination named 'tryon' (did you mean 'tryton'?); there are stripe, tryton", 1),
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


def test_commands_are_shown_under_what_people_come_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    shown = capsys.readouterr().out
    tasks = grouped_commands()
    assert [shown.index(f"\n{task}:\n") for task in tasks] == sorted(shown.index(f"\n{task}:\n") for task in tasks)
    assert OTHERS not in tasks, "a command belongs under a task of dagster_project.cli.TASKS"
    assert sorted(name for names in tasks.values() for name in names) == sorted(COMMANDS)


def test_the_version_names_what_it_runs_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert re.fullmatch(
        r"tieout [\d.]+ \(Python [\d.]+, dagster 1\.13\.\d+, dbt 1\.11\.\d+, dbt-duckdb [\d.]+, duckdb 2\.[\d.]+\)\n", capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("entitys: [acme]", "entitys: there is no such setting (did you mean 'entities'?)"),
        ("destinations: {erp: {network: {ca_fil: x}}}", "destinations.erp.network.ca_fil: there is no such setting (did you mean 'ca_file'?)"),
        ("destinations: {erp: {maintenance: [{begin: 1}]}}", "destinations.erp.maintenance.0.begin: there is no such setting; there are end, since,"),
        ("first_period: [2026]", "first_period: Input should be a valid string"),
        ("home: /elsewhere", "home: it is the folder that the file is in; remove it"),
        (": :", "cannot be read: while parsing a block mapping"),
    ],
)
def test_wrong_settings_are_told_by_file_place_and_what_was_meant(tmp_path: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tieout.yaml").write_text(text)
    assert run(["--home", str(tmp_path), "status"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"Error: {tmp_path / 'tieout.yaml'}")
    assert says in told


def test_programs_are_told_of_errors_andwarnings_as_json_and_find_nothing_on_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    initialize(Settings(home=tmp_path))
    for arguments, code in ((["exceptions", "show", "17"], 1), (["push"], 2)):
        assert run(["--home", str(tmp_path), *arguments, "--json"]) == code
        told = capsys.readouterr()
        assert told.out == ""
        assert json.loads(told.err)["exit_code"] == code
    with warnings_as_json():
        logging.getLogger("dagster_project.tests").warning("the page of %s was not written", "2026-01")
    assert json.loads(capsys.readouterr().err) == {"warning": "the page of 2026-01 was not written"}


def test_one_word_is_no_two_commands() -> None:
    """A report is that of a close; usage is reported to the platform by a command that says so."""
    assert [name for name in COMMANDS if "report" in name] == ["close-report", "report-usage"]


def test_init_makes_an_installation_and_again_changes_nothing(tmp_path: Path) -> None:
    first = command(tmp_path, "init", "--json")
    assert json.loads(first.stdout)["home"] == str(tmp_path.resolve())
    (tmp_path / "tieout.yaml").write_text('first_period: "2024-09"\n')
    assert command(tmp_path, "init").returncode == 0
    assert (tmp_path / "tieout.yaml").read_text() == 'first_period: "2024-09"\n'
    assert (tmp_path / "dagster" / "dagster.yaml").is_file()
    assert (tmp_path / "dagster" / "workspace.yaml").read_text() == (REPOSITORY / "workspace.yaml").read_text()
    wrong = command(tmp_path, "close", "2026-13")
    assert wrong.stderr == "Error: period '2026-13' is not YYYY-MM, such as 2026-01\n"
    assert command(tmp_path, "close", "2026-01", "--entity", "nobody").stderr.startswith("Error: no legal entity 'nobody'; there are ")


@pytest.mark.parametrize(
    ("damaged", "arguments", "says"),
    [
        ("warehouse/warehouse.duckdb", ["status"], "the warehouse {path} cannot be opened"),
        ("published/warehouse.duckdb", ["query", "unbilled"], "the published copy {path} cannot be opened"),
        ("dagster/history/runs.db", ["checklist", "2026-01"], "Dagster's storage in {folder} does not open"),
    ],
)
def test_what_is_damaged_is_named_and_no_defect_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: str, arguments: list[str], says: str
) -> None:
    initialize(Settings(home=tmp_path))
    path = tmp_path / damaged
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no database" * 1000)
    assert run(["--home", str(tmp_path), *arguments]) == 1
    told = capsys.readouterr().err
    assert says.format(path=path, folder=tmp_path / "dagster") in told
    assert "'tieout doctor' says what to do" in told
    assert "defect" not in told


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


def test_the_documentation_names_every_command_and_no_other() -> None:
    text = (REPOSITORY / "docs" / "command-line.md").read_text()
    named = {word for line in text.splitlines() if line.startswith("    tieout ") for word in re.findall(r"\btieout ([a-z-]+)", line)}
    assert set(COMMANDS) - named == set()
    assert named - set(COMMANDS) == set()
