"""A month closed, reopened for late usage, closed again, signed off and hard closed against a real Tryton: the checklist leads from step to step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from dagster_project.checklist.gathering import checklists_of
from dagster_project.checklist.step import ChecklistStep
from dagster_project.cli import run
from dagster_project.cli.closing.close import close_keys, delivered_days
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import CloseKey, Installation
from dagster_project.close.approvals import approve
from dagster_project.close.partitions import first_day_after
from dagster_project.close.periods import ask_to_sign_off, hard_close
from dagster_project.runs.runner import JobRunner, exclusive
from reverse_etl.close_calendar import CloseStep
from reverse_etl.errors import PeriodError
from reverse_etl.sandbox.sample.generate import generate
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import LedgerPeriods

US, PERIOD = "northlight_us", "2026-01"
LATE_UNTIL = date(2026, 2, 24)


@dataclass(frozen=True)
class Told:
    """The checklist at each moment, and the documents of the period in the register."""

    moments: dict[str, tuple[ChecklistStep, ...]]
    documents: dict[str, int]
    ledger_is_open: dict[str, bool]

    def states(self, moment: str) -> str:
        return "".join(step.state.value[0] for step in self.moments[moment])

    def step(self, moment: str, name: CloseStep) -> ChecklistStep:
        [found] = [step for step in self.moments[moment] if step.step == name]
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("installation")))
    initialize(settings)
    generate(settings.home, events=2_000, seed=11, customer_count=40)
    # What follows is done by one person on the command line; the sign-off by two.
    (settings.home / "tieout.yaml").write_text("approvals: {four_eyes: false}\n")
    start_sandbox(settings)
    installation = Installation(settings)
    found = Told({}, {}, {})
    try:
        with exclusive(settings, "the test"):
            runner = JobRunner(settings)
            assert runner.land(delivered_days(settings)[0], first_day_after(PERIOD)).succeeded
            close(runner, settings)
            tell(installation, found, "closed")

            assert runner.land(first_day_after(PERIOD), LATE_UNTIL).succeeded
            asked = answered(settings, "periods", "reopen", PERIOD, "--entity", US, "--reason", "usage of January came late")
            answered(settings, "approve", asked["request_id"])
            tell(installation, found, "reopened")

            close(runner, settings)
            tell(installation, found, "closed again")

        with pytest.raises(PeriodError, match="is not signed off"):
            hard_close(installation, US, PERIOD)
        request = ask_to_sign_off(installation, US, PERIOD, "January with its late usage")
        tell(installation, found, "asked")
        approve(replace(installation, acting_as="grace"), request.request_id)
        tell(installation, found, "signed off")
        hard_close(installation, US, PERIOD)
        tell(installation, found, "hard closed")
        yield found
    finally:
        stop_sandbox(settings)


def close(runner: JobRunner, settings: Settings) -> None:
    result = runner.close(close_keys(settings, PERIOD, US))
    assert result.succeeded, result.failures
    assert "close/checklist" in result.materialized


def answered(settings: Settings, *arguments: str) -> Any:
    """What a command says, as the user who runs the tests."""
    with redirect_stdout(StringIO()) as out:
        assert run(["--home", str(settings.home), *arguments, "--json"]) == 0
    return json.loads(out.getvalue())


def tell(installation: Installation, found: Told, moment: str) -> None:
    found.moments[moment] = checklists_of(installation, [CloseKey(US, PERIOD)])
    with closing(installation.open_register()) as register:
        found.documents[moment] = len(register.documents(entity=US, period=PERIOD))
        assert register.verify_seals() == []
    ledger = installation.open_system("tryton")
    assert isinstance(ledger, LedgerPeriods)
    expected = moment == "reopened"
    # Where the period is so already it changes nothing, and says so.
    was_otherwise = ledger.bring_period(US, PERIOD, is_open=expected)
    found.ledger_is_open[moment] = expected is not was_otherwise


def test_the_same_steps_lead_through_both_closes_to_the_hard_close(told: Told) -> None:
    assert {moment: told.states(moment) for moment in told.moments} == {
        "closed": "dddddddddddow",
        "reopened": "doowwwwwwwwww",
        "closed again": "dddddddddddow",
        "asked": "dddddddddddow",
        "signed off": "ddddddddddddo",
        "hard closed": "ddddddddddddd",
    }


def test_the_late_usage_is_billed_in_the_reopened_month(told: Told) -> None:
    assert told.documents["reopened"] == told.documents["closed"]
    assert told.documents["closed again"] > told.documents["closed"]
    [late] = [str(one) for one in told.step("closed again", "soft_closed").evidence if one.name == "late usage"]
    assert "landed after the cutoff" in late
    assert late.endswith("; billed when it was closed again")


def test_the_checklist_says_who_reopened_the_month_and_why(told: Told) -> None:
    history = [str(one) for one in told.step("hard closed", "soft_closed").evidence]
    assert [one.partition(":")[0] for one in history[:3]] == ["soft closed", "reopened", "soft closed"]
    assert "(usage of January came late)" in history[1]


def test_the_period_of_the_ledger_opens_and_closes_with_ours(told: Told) -> None:
    assert told.ledger_is_open == {moment: moment == "reopened" for moment in told.moments}


def test_two_people_stand_for_what_was_hard_closed(told: Told) -> None:
    [blocker] = told.step("asked", "signed_off").blockers
    assert blocker.command.startswith("tieout approve ")
    signed = told.step("hard closed", "signed_off")
    assert "(January with its late usage), approved by grace" in str(signed.evidence[0])
