"""The checklist of a close: every state of every step, and whatever can hold one up, with the command that one goes on with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from standings import (
    CLOSE,
    DELIVERED,
    ENTITY,
    HARD_CLOSED,
    HELD,
    LANDED_ONLY,
    PERIOD,
    REFUSED,
    REOPENED,
    RUNNING,
    SEALED,
    SIGNED_OFF,
    SOFT_CLOSED,
    TIED,
    at,
    broken,
    documents,
    request,
    states,
    steps,
    stopped,
    tied,
    told,
    usd,
)

from dagster_project.checklist.checklist import NEEDS
from dagster_project.checklist.standing import FailedRun, LateUsage, ReadBackState, Standing, StoppedPlan
from dagster_project.checklist.step import OWNERS, TITLES, Effect, StepState, late
from reverse_etl.close_calendar import CLOSE_STEPS, CloseCalendar, CloseStep
from reverse_etl.documents import State


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        # usage, reference data | sealed, delivered, platform read, journals sealed, delivered | read back, tie, soft closed | approved, signed, hard
        (RUNNING, "oo wwwww www www"),
        (LANDED_ONLY, "oo wwwww www www"),
        (SEALED, "dd doddo www www"),
        (DELIVERED, "dd ddddd oww www"),
        (replace(TIED, published_at=at(0)), "dd ddddd dow www"),
        (TIED, "dd ddddd ddo www"),
        (SOFT_CLOSED, "dd ddddd ddd dow"),
        (SIGNED_OFF, "dd ddddd ddd ddo"),
        (HARD_CLOSED, "dd ddddd ddd ddd"),
        (REOPENED, "do owwww www www"),
    ],
)
def test_a_close_goes_on_from_step_to_step(standing: Standing, expected: str) -> None:
    assert states(standing) == expected.replace(" ", "")


@pytest.mark.parametrize(
    ("standing", "step", "command"),
    [
        (RUNNING, "usage_landed", "tieout land"),
        (SEALED, "billing_delivered", f"tieout push {PERIOD} --entity {ENTITY} --destination stripe"),
        (SEALED, "journals_delivered", f"tieout push {PERIOD} --entity {ENTITY} --destination tryton"),
        (DELIVERED, "read_back", CLOSE),
        (TIED, "soft_closed", CLOSE),
        (SOFT_CLOSED, "signed_off", f"tieout periods sign-off {PERIOD} --entity {ENTITY}"),
        (SIGNED_OFF, "hard_closed", f"tieout periods hard-close {PERIOD} --entity {ENTITY}"),
        (REOPENED, "billing_sealed", CLOSE),
    ],
)
def test_whose_turn_it_is_has_the_command_to_go_on_with(standing: Standing, step: CloseStep, command: str) -> None:
    found = steps(standing)[step]
    assert found.state is StepState.OPEN
    assert found.blockers[0].command == command
    assert all(blocker.effect is Effect.TO_DO for blocker in found.blockers)


def test_every_step_has_a_title_an_owner_and_a_place() -> None:
    assert set(TITLES) == set(OWNERS) == set(NEEDS) == set(CLOSE_STEPS)
    assert all(CLOSE_STEPS.index(need) < CLOSE_STEPS.index(step) for step, needs in NEEDS.items() for need in needs)
    assert [step.step for step in steps(TIED).values()] == list(CLOSE_STEPS)


def test_a_waiting_step_says_for_which_one() -> None:
    found = steps(SEALED)
    assert (found["read_back"].waits_for, found["hard_closed"].waits_for) == ("billing_delivered", "signed_off")
    assert found["billing_delivered"].waits_for is None


def test_what_is_done_has_its_evidence() -> None:
    found = steps(HARD_CLOSED)
    assert [str(one) for one in found["usage_landed"].evidence] == ["landed: 62 files of usage, 10,000 rows, position 70"]
    assert [str(one) for one in found["billing_sealed"].evidence] == [
        "invoice: 10 (USD 123.45)",
        "last sealed: position 101, 2026-02-02 06:01 UTC, run run-1",
    ]
    assert [str(one) for one in found["journals_delivered"].evidence] == ["tryton: 10 journal entries (USD 123.45) verified"]
    assert [str(one) for one in found["soft_closed"].evidence] == [
        "soft closed: by ada, 2026-02-02 06:10 UTC",
        "seal: 20 documents (10 invoices (USD 123.45), 10 journal entries (USD 123.45)), hash ab12cd34ef56",
        "cutoff: landing position 70",
    ]
    assert str(found["signed_off"].evidence[0]) == "signed off: asked for by ada (it ties), approved by grace, 2026-02-02 07:30 UTC"
    assert str(found["hard_closed"].evidence[0]) == "hard closed: by grace, 2026-02-02 08:00 UTC"
    assert [found[step].done_at for step in ("soft_closed", "signed_off", "hard_closed")] == [at(10), at(90), at(120)]
    assert not any(step.blockers for step in found.values())


def test_what_is_charged_and_what_is_given_back_is_not_added_up() -> None:
    standing = replace(DELIVERED, documents=(*DELIVERED.documents, documents("stripe", "credit_memo", count=1, minor=5_00)))
    evidence = steps(standing)["billing_delivered"].evidence
    assert [str(one) for one in evidence] == ["stripe: 1 credit memo (USD 5.00) verified, 10 invoices (USD 123.45) verified"]


def test_an_installation_of_one_person_says_that_four_eyes_were_waived() -> None:
    alone = request("period_sign_off", decided_by="ada", decided_at=at(90), four_eyes="waived")
    assert "approved by ada (four eyes waived)" in str(steps(replace(SOFT_CLOSED, sign_off=alone))["signed_off"].evidence[0])


def test_late_is_what_is_not_done_when_it_is_due() -> None:
    due = CloseCalendar().due_at(ENTITY, PERIOD, "soft_closed")
    assert late(tuple(steps(SOFT_CLOSED, due + timedelta(days=30)).values()))[0].step == "signed_off"
    assert not steps(TIED, due)["soft_closed"].is_late
    assert steps(TIED, due + timedelta(seconds=1))["soft_closed"].is_late
    assert [step.step for step in late(tuple(steps(SEALED, due).values()))] == [
        "billing_delivered",
        "journals_delivered",
        "read_back",
        "checkpoints_tie",
    ]


def test_a_period_that_still_runs_waits_for_its_end() -> None:
    early = (documents("stripe", "invoice", sealed=-50_000),)
    running = replace(LANDED_ONLY, documents=early, measures=tied(), holds=(HELD,), published_at=at(-100))
    found = steps(running, datetime(2026, 1, 20, tzinfo=UTC))
    assert "".join(step.state.value[0] for step in found.values()) == "o" + "w" * 12
    assert told(found["usage_landed"]) == [("the period runs until 2026-01-31", "to_do", "tieout land")]
    assert {step.waits_for for step in found.values()} == {None, "usage_landed"}


def test_the_period_ends_in_the_time_zone_of_the_entity() -> None:
    auckland = CloseCalendar(time_zone="Pacific/Auckland")
    instant = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    assert steps(RUNNING, instant, auckland)["usage_landed"].blockers[0].what.startswith("nothing has landed")
    assert steps(RUNNING, instant)["usage_landed"].blockers[0].what.startswith("the period runs until")


def test_what_is_sealed_into_a_soft_closed_period_is_delivered_before_it_is_hard_closed() -> None:
    groups = (*SIGNED_OFF.documents, documents("tryton", "journal_entry", State.REJECTED, 1, sealed=20))
    found = steps(replace(SIGNED_OFF, documents=groups, exceptions=(stopped("document_rejected", "tryton"),)))
    assert (found["journals_delivered"].state, found["hard_closed"].state) == (StepState.BLOCKED, StepState.WAITING)
    assert found["hard_closed"].waits_for == "journals_delivered"


def test_a_reopened_period_goes_the_same_way_again_and_says_by_whom_and_why() -> None:
    late_usage = replace(REOPENED, late_usage=LateUsage(12, 3, date(2026, 2, 9)))
    found = steps(late_usage, at(400))["soft_closed"]
    assert [str(one) for one in found.evidence] == [
        "soft closed: by ada, 2026-02-02 06:10 UTC",
        "reopened: asked for by ada (a late invoice), approved by grace, 2026-02-02 11:00 UTC",
        "late usage: 12 events of 3 customers landed after the cutoff, the last on 2026-02-09; billed by the next close of it",
    ]
    again = replace(
        late_usage,
        documents=(documents("stripe", "invoice", sealed=310), documents("tryton", "journal_entry", sealed=311)),
        read_backs=(ReadBackState("stripe", 11, at(320)), ReadBackState("tryton", 11, at(321))),
        published_at=at(322),
        published_position=900,
    )
    assert states(again, at(400)) == "dddddddddowww"


def test_late_usage_of_a_closed_period_is_billed_in_the_first_open_one_unless_it_is_reopened() -> None:
    found = steps(replace(SOFT_CLOSED, late_usage=LateUsage(12, 3, date(2026, 2, 9))))["soft_closed"]
    assert found.is_done
    assert str(found.evidence[-1]).endswith("billed in the first open period, unless this one is reopened")


def test_late_usage_that_was_billed_when_the_period_was_closed_again_is_told_apart() -> None:
    again = replace(SOFT_CLOSED, billed_late_usage=LateUsage(12, 3, date(2026, 2, 9)), late_usage=LateUsage(1, 1, date(2026, 2, 20)))
    assert [one.value.partition("; ")[2] for one in steps(again)["soft_closed"].evidence if one.name == "late usage"] == [
        "billed when it was closed again",
        "billed in the first open period, unless this one is reopened",
    ]


def test_the_last_run_that_failed_stops_the_first_step_that_is_not_done() -> None:
    failed = FailedRun("run-9", at(1), ("dbt_models: assert_j01 failed: 1 row",))
    found = steps(replace(LANDED_ONLY, measures=tied(), published_at=at(0), failed_run=failed))
    assert found["billing_sealed"].state is StepState.BLOCKED
    assert told(found["billing_sealed"]) == [("the last run failed: dbt_models: assert_j01 failed: 1 row", "stops", CLOSE)]
    assert "failed run: run-9" in map(str, found["billing_sealed"].evidence)
    # What has a cause of its own says it once.
    assert told(steps(replace(TIED, measures=tied(broken("K3")), failed_run=failed))["checkpoints_tie"])[0][0].startswith("K3 breaks")
    assert steps(replace(SOFT_CLOSED, failed_run=failed))["signed_off"].state is StepState.OPEN
    after = FailedRun("run-9", at(11), ("close__period: Tryton did not close 2026-01",))
    assert told(steps(replace(SOFT_CLOSED, failed_run=after))["signed_off"]) == [
        ("the last run failed: close__period: Tryton did not close 2026-01", "stops", CLOSE)
    ]


def test_both_sides_of_an_entry_of_somebody_else_are_the_same_money_and_it_is_named_among_the_exceptions() -> None:
    sides = [replace(broken("K9", 250_00, 1), measure=measure) for measure in ("debit", "credit")]
    [found] = steps(replace(TIED, measures=tied(*sides)))["checkpoints_tie"].blockers
    assert (str(found), found.command) == (
        "K9 breaks (K9 holds): 2 rows, debit by USD 250.00, credit by USD 250.00 (USD 250.00)",
        "tieout exceptions",
    )


def test_every_blocker_leads_to_a_command_and_an_asset() -> None:
    everything = replace(
        SEALED,
        measures=tied(broken("K0"), broken("K3")),
        refusals=(REFUSED,),
        holds=(HELD,),
        stopped=(StoppedPlan("price", "a" * 64, 1, usd(1)),),
        documents=tuple(documents("tryton", "journal_entry", state) for state in State),
        broken_seals=("J12",),
        undecided=(request("run_gate"),),
        platform_lines=1,
        not_invoiced=1,
        first_open="2025-12",
    )
    found = [blocker for step in steps(everything).values() for blocker in step.blockers]
    assert len(found) > 12
    assert all(blocker.command.startswith("tieout ") and "/" in blocker.asset_key for blocker in found)
    assert {step.step for step in steps(everything).values() if step.state is StepState.BLOCKED} >= {"usage_landed", "reference_data"}
    for earlier, later in pairwise(steps(everything).values()):
        assert earlier.due_at <= later.due_at
