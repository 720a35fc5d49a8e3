"""The posting protocol, explored: no path of a bounded world breaks a rule, and every planted mistake does."""

from __future__ import annotations

import pytest
from model_exploration import explore
from model_manifests import MANIFESTS
from model_mistakes import MISTAKES, Mistake
from model_world import Bounds, Rules

from reverse_etl.documents import State

EVERY_KIND = frozenset({"crash", "takeover", "stall", "close", "jump", "restore"})


@pytest.mark.parametrize("name", MANIFESTS)
def test_no_path_doubles_or_loses_a_document(name: str) -> None:
    explored = explore(Rules(MANIFESTS[name], ("create", "complete"), Bounds(1, EVERY_KIND)))

    assert explored.broken is None, str(explored.broken)
    assert explored.states > 1000
    assert {State.POSTED, State.REJECTED} <= explored.ended


@pytest.mark.parametrize("name", ["no key, no look-up", "no key, look-up at once", "a key kept 20 s, look-up after 2 s"])
def test_no_path_of_two_faults_doubles_or_loses_a_document(name: str) -> None:
    explored = explore(Rules(MANIFESTS[name], ("create",), Bounds(2, EVERY_KIND)))

    assert explored.broken is None, str(explored.broken)


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_planted_mistake_is_found(mistake: Mistake) -> None:
    with mistake.planted():
        broken = explore(mistake.rules()).broken

    assert broken is not None
    assert broken.path
