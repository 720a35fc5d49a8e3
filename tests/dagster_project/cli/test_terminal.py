"""What the command line shows: exact amounts in tables, bars only to a terminal, and values that a shell completes without waiting for anything."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from dagster_project.cli import run
from dagster_project.cli.closing.close import tell_checkpoints
from dagster_project.cli.closing.tie_out import TiedCheckpoint, show_checkpoints
from dagster_project.cli.session import Session
from dagster_project.cli.terminal import values
from dagster_project.cli.terminal.tables import table_of
from dagster_project.cli.terminal.widths import widths
from dagster_project.close.steps import Checkpoint
from dagster_project.runs.progress import Progress, listening, report
from reverse_etl.progress import Advance, Course, is_watched
from reverse_etl.register import NewApprovalRequest, NewException, Register
from reverse_etl.settings import Settings

TIEOUT = Path(sys.executable).with_name("tieout")


def shown(title: str, records: list[dict[str, object]], columns: list[str], width: int = 120) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(table_of(title, records, columns))
    return stream.getvalue()


def test_amounts_are_shown_in_units_of_their_currency_at_the_right() -> None:
    records: list[dict[str, object]] = [
        {"currency": "USD", "total_minor": 120050, "name": "a"},
        {"currency": "JPY", "total_minor": -7, "name": "b"},
        {"currency": "KWD", "total_minor": 1, "name": None},
        {"currency": "EUR", "total_minor": None, "name": "[red]"},
    ]
    lines = shown("Amounts", records, ["currency", "total_minor", "name"]).splitlines()
    assert " total " in lines[2]
    assert [line.split("│")[2] for line in lines[4:8]] == [" 1,200.50 ", "       -7 ", "    0.001 ", "          "]
    assert "[red]" in lines[7]


def test_minor_units_stay_minor_units_where_no_currency_is_told() -> None:
    assert "120050" in shown("Amounts", [{"total_minor": 120050, "currency": "none"}], ["total_minor"])
    functional: list[dict[str, object]] = [{"functional_total_minor": 5, "functional_currency": "USD", "currency": "JPY"}]
    assert "0.05" in shown("Amounts", functional, ["functional_total_minor"])


def test_exact_numbers_and_truth_are_told_as_people_write_them() -> None:
    told = shown("Rows", [{"quantity": Decimal("0.0000001"), "tied": True, "note": None}], ["quantity", "tied", "note"])
    assert "0.0000001" in told
    assert "yes" in told
    quantities: list[dict[str, object]] = [{"quantity": Decimal(value)} for value in ("12.0000000000000", "0E-13", "3000.5000000000000")]
    assert [line.split("│")[1].strip() for line in shown("Rows", quantities, ["quantity"]).splitlines()[4:7]] == ["12", "0", "3,000.5"]


def test_a_column_of_amounts_as_text_is_at_the_right_and_one_of_keys_is_not() -> None:
    lines = shown("Rows", [{"net": "49.00", "key": "00017"}, {"net": "134800", "key": "9"}], ["net", "key"]).splitlines()
    assert [line.split("│")[1:3] for line in lines[4:6]] == [["  49.00 ", " 00017 "], [" 134800 ", " 9     "]]


def test_amounts_with_their_currency_are_at_the_right_and_what_a_number_counts_may_stand_below_it() -> None:
    sides = ["5,866,352.014123 storage_gb_hours", "EUR 35,826.57", "0 rows"]
    records: list[dict[str, object]] = [{"left": side, "right": side} for side in sides]
    wide = shown("Tie-out", records, ["left", "right"]).splitlines()
    assert [line.split("│")[1] for line in wide[4:7]] == [f" {side:>33} " for side in sides]
    narrow = shown("Tie-out", records, ["left", "right"], width=46).splitlines()
    assert max(map(len, narrow)) <= 46
    assert [line.split("│")[1].strip() for line in narrow[4:8]] == ["5,866,352.014123", "storage_gb_hours", "EUR 35,826.57", "0 rows"]


def test_the_tie_out_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sides = ("USD 137,625.73", "EUR 93,665.96")
    tied = TiedCheckpoint("2026-03", "K10", "Usage times price is the revenue in the books", sides, sides, ("USD 0.00", "EUR 0.00"), ("USD 7.00",), 0)
    for width in (120, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        show_checkpoints("2026-03", [tied])
        told = capsys.readouterr().out
        assert max(map(len, told.splitlines())) <= width
        assert [told.count(amount) for amount in (*sides, "USD 7.00", "K10")] == [2, 2, 1, 1]


def test_programs_get_exact_numbers_too_without_exponent_or_separator(capsys: pytest.CaptureFixture[str]) -> None:
    Session(None, True).result({"quantity": Decimal("1200.5000000000000"), "nothing": Decimal("0E-13")})
    assert json.loads(capsys.readouterr().out) == {"quantity": "1200.5", "nothing": "0"}


def test_a_wide_table_is_folded_at_the_width_and_loses_nothing() -> None:
    text = "x" * 100
    folded = shown("Wide", [{"text": text}], ["text"], width=40)
    assert max(map(len, folded.splitlines())) <= 40
    assert folded.count("x") == 101 - 1 + folded.count("text")


def test_no_word_of_a_wide_table_is_broken_and_the_column_that_says_most_is_folded_least() -> None:
    why = "three documents wait for the ledger of the entity, which is in its maintenance window until four in the morning"
    records: list[dict[str, object]] = [
        {"entity": "northlight_us", "document": "journal entry of January", "units": Decimal("1234567.25"), "why": why}
    ]
    folded = shown("Wide", records, ["entity", "document", "units", "why"], width=72)
    assert max(map(len, folded.splitlines())) <= 72
    assert all(word in folded for word in ["northlight_us", "1,234,567.25", "document", *why.split()])
    first = folded.splitlines()[4].split("│")
    assert len(first[4]) > len(first[2]) + 10


def test_of_a_table_that_is_too_wide_the_longest_words_are_broken_and_never_a_name_or_a_number() -> None:
    assert widths([["", "a" * 64], ["", "b" * 64], ["", "cc"]], [False, False, False], 76) == [37, 37, 2]
    assert widths([["", "a" * 30], ["", "12345.67"]], [False, True], 38) == [30, 8]
    assert widths([["", "a" * 30], ["", "12345.67"]], [False, True], 37) is None
    assert widths([["landing position", "7"], ["why", "because it is so"]], [True, False], 20) == [9, 11]


def test_a_record_of_more_columns_than_fit_takes_several_lines_and_breaks_neither_names_nor_amounts() -> None:
    key = "S0002/starter.platform_fee/2026-05-01@C0002:2026-04:1"
    records: list[dict[str, object]] = [
        {"entity": "northlight_eu", "period": "2026-04", "description": "Starter: platform fee", "currency": "EUR", "net_minor": net, "key": key}
        for net in (4500, 123456789)
    ]
    folded = shown("Unbilled", records, ["entity", "period", "description", "currency", "net_minor", "key"], width=60).splitlines()
    assert max(map(len, folded)) <= 60
    assert [line.rstrip("│ ").lstrip("│ ") for line in folded if "EUR" in line] == ["EUR              45.00", "EUR       1,234,567.89"]
    assert sum(key in line for line in folded) == 2
    assert any("entity" in line and "period" in line for line in folded[2:5])


def test_nobody_counts_what_nobody_watches() -> None:
    assert not is_watched()
    told: list[Advance] = []
    Course("unseen", 3).advance()
    with listening(lambda _: None, told.append):
        course = Course("files", 3)
        course.advance(2, doing="b.csv")
        course.advance(5)
    assert told == [Advance("files", 0, 3), Advance("files", 2, 3, "b.csv"), Advance("files", 3, 3)]
    assert not is_watched()


def tell_one_step() -> None:
    course = Course("files", 4)
    course.advance(1, doing="a.csv")
    report(Progress("landing", "acme", "2026-01", "4 files", 1.5))
    course.end()


def test_progress_is_a_line_where_there_is_no_terminal_and_json_on_standard_error_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json, is_quiet in ((False, False), (True, False), (False, True), (True, True)):
        with Session(None, as_json, is_quiet).watching():
            tell_one_step()
    printed = capsys.readouterr()
    assert printed.out == "2026-01 acme landing: 4 files (1.5 s)\n"
    assert printed.err == '{"step": "landing", "entity": "acme", "period": "2026-01", "message": "4 files", "seconds": 1.5}\n'


# A bar is drawn ten times a second, by a thread: the program goes on when it is told to.
PROGRAM = """
import sys
from dagster_project.cli.session import Session
from dagster_project.runs.progress import Progress, report
from reverse_etl.progress import Course
with Session(None, False, {quiet}).watching():
    course = Course("files", 4)
    course.advance(1, doing="a.csv")
    sys.stdin.readline()
    report(Progress("landing", "acme", "2026-01", "4 files", 1.5))
"""


def on_a_terminal(quiet: bool, **environment: str) -> str:
    """What a person sees."""
    leader, follower = pty.openpty()
    printed: list[bytes] = []
    drawn = threading.Event()
    if quiet:
        drawn.set()

    def read() -> None:
        while True:
            try:
                some = os.read(leader, 65536)
            except OSError:
                return
            if not some:
                return
            printed.append(some)
            if b"1/4" in b"".join(printed):
                drawn.set()

    reader = threading.Thread(target=read)
    reader.start()
    program = PROGRAM.format(quiet=quiet)
    surroundings = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
    surroundings = {name: value for name, value in surroundings.items() if name != "NO_COLOR" or name in environment}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=follower, stderr=follower, env=surroundings) as running:
        assert drawn.wait(120)
        running.communicate(b"\n")
    assert running.returncode == 0
    os.close(follower)
    reader.join(timeout=120)
    return b"".join(printed).decode()


def test_a_terminal_gets_a_bar_with_the_lines_above_it() -> None:
    seen = on_a_terminal(False)
    assert "1/4" in seen
    assert "2026-01 acme landing: 4 files (1.5 s)" in seen
    assert "\x1b[3" in seen
    plain = on_a_terminal(False, NO_COLOR="1")
    assert "1/4" in plain
    assert "\x1b[3" not in plain
    assert on_a_terminal(True) == ""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation with something to complete."""
    (tmp_path / "tieout.yaml").write_text(
        "entities: [acme_us, acme_de]\nfirst_period: '2026-01'\ndestinations: {erp: {kind: xero}, billing: {kind: stripe}}\n"
    )
    with closing(Register.open(f"sqlite:///{tmp_path / 'register.sqlite'}")) as register:
        register.record_exception(NewException(kind="held", subject="a", reason="b", action="c"), "me", "")
        register.ask(NewApprovalRequest("run_gate", "acme_us", "acme_us/first", "many lines", content_hash="0" * 64), "me")
    return tmp_path


def completed(home: Path, words: str) -> list[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "TIEOUT_REGISTER_URL"},
        "_TIEOUT_COMPLETE": "bash_complete",
        "COMP_WORDS": f"tieout {words}",
        "COMP_CWORD": str(len(words.split(" "))),
        "TIEOUT_HOME": str(home),
    }
    answer = subprocess.run([TIEOUT], env=environment, capture_output=True, text=True, check=True)
    return [line.split(",", 1)[1] for line in answer.stdout.split()]


def test_commands_options_and_values_of_the_installation_are_completed(home: Path) -> None:
    assert completed(home, "clo")[0] == "close"
    assert "--no-land" in completed(home, "close --no")
    assert completed(home, "close 2026-0")[-1] == "2026-01"
    assert completed(home, "close 2026-01 --entity acme_d") == ["acme_de"]
    assert completed(home, "push --destination ") == ["erp", "billing"]
    assert completed(home, "destinations mode b") == ["billing"]
    assert completed(home, "exceptions show ") == ["2"]
    [request] = completed(home, "approve ")
    assert len(request) >= 8
    assert completed(home / "absent", "exceptions show ") == []
    assert completed(home / "absent", "close 2026-01 --entity northlight_u") == ["northlight_us"]


def test_completion_waits_for_nothing_and_loads_nothing_heavy(home: Path) -> None:
    loaded = "[name for name in ('dagster', 'dbt', 'duckdb', 'pyarrow', 'sqlalchemy', 'pydantic', 'rich', 'httpx') if name in sys.modules]"
    statement = (
        "import os, sys; os.environ |= {'_TIEOUT_COMPLETE': 'bash_complete', 'COMP_WORDS': sys.argv[1], 'COMP_CWORD': '3'}\n"
        f"from dagster_project.cli import run\ntry:\n    run([])\nexcept SystemExit:\n    pass\nsys.exit(str({loaded}) if {loaded} else 0)"
    )
    with closing(sqlite3.connect(home / "register.sqlite")) as writer:
        writer.execute("begin immediate")
        environment = {**os.environ, "TIEOUT_HOME": str(home)}
        words = "tieout exceptions show "
        shown = subprocess.run([sys.executable, "-c", statement, words], env=environment, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == "plain,2\n"


def test_what_is_completed_without_settings_is_what_the_settings_default_to() -> None:
    settings = Settings(home=Path("/nowhere"))
    assert settings.entities == values.DEFAULT_ENTITIES
    assert tuple(settings.destinations) == values.DEFAULT_DESTINATIONS
    assert settings.first_period == values.DEFAULT_FIRST_PERIOD


def test_periods_go_from_the_running_one_back_to_the_first(home: Path) -> None:
    began = date.today()
    periods = [item.value for item in values.Values(home).periods()]
    assert periods[0] in {f"{began:%Y-%m}", f"{date.today():%Y-%m}"}
    assert periods[-1] == "2026-01"
    assert periods == sorted(periods, reverse=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_the_shell_reads(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_TIEOUT_COMPLETE={shell}_complete" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_a_close_tells_the_main_measure_of_each_checkpoint_and_what_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def measured(checkpoint: str, measure: str, break_count: int = 0) -> Checkpoint:
        values = {"left_value": "1700", "right_value": "1000", "excused_value": "700.0" if measure == "revenue" else "0.0", "difference": "0"}
        status = "broken" if break_count else "tied"
        return Checkpoint(checkpoint, "", "acme", "2026-03", measure, "USD", "", "", **values, break_count=break_count, status=status)

    found = [measured("K10", "revenue"), measured("K10", "walk"), measured("K4", "total"), measured("K4", "line tax", break_count=1)]
    tell_checkpoints(Session(tmp_path, False), "2026-03", found)
    told = capsys.readouterr().out
    assert re.findall("K10|K4|revenue|walk|total|line tax", told) == ["K4", "total", "K4", "line tax", "K10", "revenue"]
    assert [line.split("│")[6].strip() for line in told.splitlines() if "│ K" in line] == ["", "", "USD 7.00"]
    assert f"3 of 4 measures tied; every one of them, and what the month came to: {tmp_path / 'pages' / 'close-2026-03.html'}" in told
