"""The small form of ``make bench-push``: this project beside the plain loop, which needs no environment of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from push_bench import LOOP, OURS, SETTINGS, Row, measure, missed_goals, serving


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], Row]:
    """Setting and client -> what came of it."""
    with serving() as (server, folder):
        work = [(OURS, "tuned", setting) for setting in SETTINGS[2:]] + [(LOOP, "default", setting) for setting in SETTINGS if setting.kill]
        measured = [measure(server, folder, client, form, setting, 60, peers=Path("/nowhere")) for client, form, setting in work]
    return {(row.setting, row.client): row for row in measured}


def test_nothing_is_there_twice_and_nothing_is_lost(rows: dict[tuple[str, str], Row]) -> None:
    ours = [row for (_, client), row in rows.items() if client == OURS]

    assert [(row.duplicates, row.lost, row.ended) for row in ours] == [(0, 0, "finished")] * 3


def test_the_count_at_the_destination_sees_what_a_plain_loop_does_wrong(rows: dict[tuple[str, str], Row]) -> None:
    assert rows["SIGKILL half way, rerun", LOOP].duplicates >= 30


def test_a_goal_that_is_missed_is_named() -> None:
    lost = Row("unthrottled", OURS, "tuned", 10, 1.0, 0.5, 0, 1, 0, 0.5, "finished")

    assert missed_goals([lost]) == ["unthrottled, tuned: 0 duplicates, 1 lost, finished"]
