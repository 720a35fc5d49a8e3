"""Who reads why a period stays open reads what to press and what to type: the button that is nearest repeats only the refusal."""

from __future__ import annotations

from dagster_project.close import CloseKey
from dagster_project.close.steps import Checkpoint
from dagster_project.defs.assets.closing import CLOSED_PERIOD
from dagster_project.defs.assets.refusal import how_to_go_on
from dagster_project.defs.checks.checkpoints import checkpoint_checks, verdicts

NORTH, SOUTH = CloseKey("north", "2026-01"), CloseKey("south", "2026-01")


def test_a_refused_close_says_which_button_computes_anew_and_which_does_not() -> None:
    told = how_to_go_on([NORTH], {}, compared_anew=True)
    assert '\'tieout close 2026-01 --entity north\', or in Dagster press "Re-execute all (*)"; "From failure" compares nothing anew' in told
    assert "deliveries" not in told


def test_one_that_was_re_executed_from_failure_says_that_it_changed_nothing_and_where_to_go() -> None:
    told = how_to_go_on([NORTH], {}, compared_anew=False)
    assert told.startswith("This run compared nothing anew.")
    assert 'choose "All steps in root run" from the menu beside the button' in told


def test_documents_that_are_not_delivered_name_the_step_that_is_enough() -> None:
    told = how_to_go_on([NORTH], {"tryton": 3, "stripe": 1}, compared_anew=True)
    assert told.endswith('If only documents wait (1 not at stripe yet, 3 not at tryton yet): select the step deliveries, then "From selected"')


def test_several_legal_entities_are_closed_again_by_one_command() -> None:
    assert "'tieout close 2026-01'" in how_to_go_on([NORTH, SOUTH], {}, compared_anew=True)


def test_a_broken_check_says_it_too_and_one_that_holds_does_not() -> None:
    values = dict.fromkeys(("title", "left_side", "right_side", "left_value", "right_value", "excused_value", "difference"), "0")
    found = [
        Checkpoint(checkpoint=name, entity="north", period="2026-01", measure="events", unit="events", break_count=breaks, status=status, **values)
        for name, breaks, status in (("K1", 0, "tied"), ("K2", 1, "broken"))
    ]
    told = {result.check_name: result.metadata for result in verdicts(checkpoint_checks(CLOSED_PERIOD), found, {}, go_on="press it")}
    assert told["K2"]["to_go_on"].value == "press it"
    assert "to_go_on" not in told["K1"]
