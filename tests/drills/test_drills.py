"""Every drill of ``make drills``: what breaks loses nothing, doubles nothing and ties in the end, counted at the destinations."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest
from drill import Drilled, verdict
from drilling import DRILLS, drill_all

HERE = Path(__file__).parent
NAMES = tuple(drill.name for drill in DRILLS)


@pytest.fixture(scope="module")
def drilled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Drilled]:
    asked = {
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and item.path.parent == HERE
    }
    results = drill_all([drill for drill in DRILLS if drill.name in asked], tmp_path_factory.mktemp("drills"), print)
    return {one.drill.name: one for one in results}


@pytest.mark.parametrize("name", NAMES)
def test_a_drill_loses_nothing_doubles_nothing_and_ties(drilled: Mapping[str, Drilled], name: str) -> None:
    one = drilled[name]
    assert one.failure is None
    assert one.counts is not None
    assert (one.counts.lost, one.counts.doubled, one.counts.untied) == ((), (), ())
    assert one.counts.there == one.counts.sealed > 0


def test_every_module_with_a_drill_is_drilled() -> None:
    with_a_drill = {path.stem for path in HERE.glob("*.py") for node in ast.parse(path.read_text()).body if _names_a_drill(node)}
    assert with_a_drill == set(NAMES)


def test_the_last_line_counts_what_went_wrong() -> None:
    assert verdict([]) == "0 of 0 drills: nothing lost, nothing doubled, tied"
    untold = [Drilled(drill, None, 0.0, "it broke") for drill in DRILLS]
    assert verdict(untold) == "0 of 6 drills: nothing lost, nothing doubled, not tied"


def _names_a_drill(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(target, ast.Name) and target.id == "DRILL" for target in node.targets)
