"""The benchmark's company, its models and its query by hand, on a volume that takes seconds."""

from __future__ import annotations

from pathlib import Path

from dagster_project.bench import parts
from dagster_project.bench.benchmark import Finding
from reverse_etl.sandbox.volume import FIRST_DAY, Volume

DAYS = 35
VOLUME = Volume(events=365 * 60, customers=25)


def test_the_models_and_the_query_by_hand_agree_and_the_same_events_come_again(tmp_path: Path) -> None:
    home, database = tmp_path / "home", tmp_path / "by_hand.duckdb"
    parts.deliver(home, VOLUME, 0, DAYS)
    parts.deliver(tmp_path / "again", VOLUME, 0, 2)
    day = Path("inbox", "usage", FIRST_DAY.isoformat(), "events.parquet")
    assert (home / day).read_bytes() == (tmp_path / "again" / day).read_bytes()

    built = parts.full_build(home, "1GB")
    parts.hand_written(home, database, "1GB")
    lines, different = parts.differences(home, database)

    assert lines > 100
    assert different == 0
    assert list(built.seconds) == ["landing", "dbt run"]


def test_a_finding_says_whether_its_goal_is_met() -> None:
    assert str(Finding("(b) a day", 1.149, "", 1.15, "1 s / 1 s")) == "(b) a day: 1.15, goal 1.15: met (1 s / 1 s)"
    assert str(Finding("(a) full build", 1.51, "", 1.5, "3 s / 2 s")) == "(a) full build: 1.51, goal 1.50: missed (3 s / 2 s)"
    assert str(Finding("(d) close", 4.0, "s", None, "dbt run 4.0 s")) == "(d) close: 4.00 s (dbt run 4.0 s)"
