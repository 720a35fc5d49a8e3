"""Journals pushed to a real Tryton while answers get lost and its server is killed: each is there once, posted and verified."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tryton_fire import Fire, push_through_fire
from tryton_ledger import Ledger

from reverse_etl.documents import State
from reverse_etl.sandbox.processes import stop


def test_every_journal_is_posted_once_though_answers_are_lost_and_the_server_is_killed(
    start_ledger: Callable[[Path], Ledger], tmp_path: Path
) -> None:
    ledger = start_ledger(tmp_path / "burning")
    fire = Fire(frozenset({2, 5}), frozenset({3}), batch_size=20, send_deadline=timedelta(seconds=4), in_flight_bound=timedelta(seconds=6))
    try:
        burned = push_through_fire(ledger, tmp_path, 60, fire, 600)
    finally:
        stop(ledger.server.process)

    assert burned.states == {State.VERIFIED: 60}, burned
    assert (burned.moves, burned.posted, burned.twice) == (60, 60, 0)
    assert burned.lost_answers > 0
    assert burned.kills == 1
