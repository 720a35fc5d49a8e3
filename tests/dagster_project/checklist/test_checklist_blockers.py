"""What holds a close up: each blocker stops its step, says what and how much, and leads to the command that one goes on with."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from standings import (
    CLOSE,
    DELIVERED,
    ENTITY,
    HELD,
    LANDED,
    LANDED_ONLY,
    PERIOD,
    REFUSED,
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

from dagster_project.checklist.standing import ReadBackState, Standing, StoppedPlan, Withheld
from dagster_project.checklist.step import StepState
from reverse_etl.close_calendar import CloseStep
from reverse_etl.documents import State


def only(standing: Standing, step: CloseStep) -> tuple[str, str, str]:
    [found] = told(steps(standing)[step])
    return found


def test_files_that_a_producer_says_it_sent_stop_the_close() -> None:
    missing = replace(SEALED, measures=tied(broken("K0", 300, 1, "*")), missing_files=("usage/2026-01-05/us-1.jsonl",))
    assert only(missing, "usage_landed") == (
        "K0: what a producer says that it sent was not received, by USD 3.00 amount: usage/2026-01-05/us-1.jsonl",
        "stops",
        "tieout land",
    )
    assert steps(missing)["usage_landed"].state is StepState.BLOCKED
    assert steps(missing)["usage_landed"].blockers[0].count == 1


def test_files_that_could_not_land_stop_the_close() -> None:
    torn = replace(SEALED, landing=replace(LANDED, problems=("usage/2026-01-05/us-1.jsonl (line 3 is truncated)",)))
    assert only(torn, "usage_landed") == ("1 file could not land: usage/2026-01-05/us-1.jsonl (line 3 is truncated)", "stops", "tieout exceptions")


def test_usage_that_ends_before_the_period_is_waited_for() -> None:
    early = replace(SEALED, landing=replace(LANDED, last_day=date(2026, 1, 20)))
    assert only(early, "usage_landed") == ("nothing has landed since 2026-01-20; the period ends on 2026-01-31", "to_do", "tieout land")
    assert steps(early)["usage_landed"].state is StepState.OPEN


def test_refused_rows_and_held_lines_are_left_out_and_carried_into_the_next_period() -> None:
    found = steps(replace(TIED, refusals=(REFUSED,), holds=(HELD,)))
    assert told(found["reference_data"]) == [
        (
            "2 rows of reference data refused by gap_between_tiers (a quantity has no price), first prices/2026-01-01/prices.csv line 7",
            "left_out",
            "tieout exceptions",
        ),
        ("3 lines of 2 customers held: missing_tax_rate (no rate of the day) (USD 12.34)", "left_out", "tieout exceptions"),
    ]
    assert (found["reference_data"].state, found["soft_closed"].state) == (StepState.BLOCKED, StepState.OPEN)

    closed = steps(replace(SOFT_CLOSED, holds=(HELD,)))["reference_data"]
    assert closed.is_done
    assert str(closed.evidence[0]).startswith("carried into the next period: 3 lines of 2 customers held: missing_tax_rate")


def test_an_earlier_open_period_stops_the_first_step_that_is_not_done() -> None:
    behind = replace(LANDED_ONLY, measures=tied(), first_open="2025-12", published_at=at(0))
    first = told(steps(behind)["billing_sealed"])[0]
    assert first == (
        "2025-12 is open, and a month proposes its documents only once the one before is closed",
        "stops",
        f"tieout checklist 2025-12 --entity {ENTITY}",
    )
    assert steps(behind)["billing_sealed"].state is StepState.BLOCKED
    late_found = steps(replace(TIED, first_open="2025-12"))
    assert late_found["billing_sealed"].state is StepState.BLOCKED


def test_what_a_run_gate_stops_is_left_out_until_it_is_approved() -> None:
    plan = StoppedPlan("price", "c0ffee" * 10, 3, usd(7_000_00))
    before = replace(LANDED_ONLY, stopped=(plan,), published_at=at(0), measures=tied())
    assert told(steps(before)["billing_sealed"])[0] == (
        "3 lines of cause price stopped by the run gate (USD 7,000.00)",
        "left_out",
        "tieout approve c0ffeec0ffee",
    )
    after = steps(replace(TIED, stopped=(plan,)))["billing_sealed"]
    assert after.is_done
    assert "left out: 3 lines of cause price stopped by the run gate (USD 7,000.00): tieout approve c0ffeec0ffee" in map(str, after.evidence)


def test_a_refusal_at_sealing_stops_its_step_and_no_other() -> None:
    refused = stopped("seal_refused", "stripe", "invoice", "closed_period: build again")
    found = steps(replace(DELIVERED, exceptions=(refused,)))
    assert told(found["billing_sealed"]) == [
        (
            f"1 document refused at sealing, the first stripe/{ENTITY}/invoice/J1: closed_period: build again (USD 5.00)",
            "stops",
            "tieout exceptions",
        )
    ]
    journal = steps(replace(DELIVERED, exceptions=(stopped("seal_refused", "tryton"),)))
    assert (journal["billing_sealed"].state, journal["journals_sealed"].state) == (StepState.DONE, StepState.BLOCKED)


def test_what_is_proposed_and_not_sealed_is_to_do() -> None:
    proposed = replace(TIED, unsealed=(("journals", 4),))
    assert only(proposed, "journals_sealed") == ("4 documents proposed, not sealed", "to_do", CLOSE)
    assert steps(replace(proposed, published_position=1))["journals_sealed"].is_done


@pytest.mark.parametrize(
    ("state", "kind", "words", "command"),
    [
        (State.REJECTED, "document_rejected", "rejected by tryton, the first: account 4000 is closed", "tieout exceptions show 77"),
        (
            State.PARKED,
            "document_parked",
            "parked: nobody knows whether they are at tryton, the first: account 4000 is closed",
            "tieout exceptions show 77",
        ),
        (State.HELD, "posting_period_closed", "held back from tryton, the first: account 4000 is closed", "tieout exceptions show 77"),
        (State.AMBIGUOUS, "", "in doubt: their answers were lost by tryton", f"tieout push {PERIOD} --entity {ENTITY} --destination tryton"),
        (State.IN_FLIGHT, "", "in doubt: a request is outstanding at tryton", f"tieout push {PERIOD} --entity {ENTITY} --destination tryton"),
    ],
)
def test_documents_that_stopped_stop_their_destination_with_count_and_amount(state: State, kind: str, words: str, command: str) -> None:
    groups = (*DELIVERED.documents, documents("tryton", "journal_entry", state, 2, 9_99, sealed=2))
    found = steps(replace(DELIVERED, documents=groups, exceptions=(stopped(kind, "tryton"),) if kind else ()))
    assert told(found["journals_delivered"]) == [(f"2 documents {words} (USD 9.99)", "stops", command)]
    [blocker] = found["journals_delivered"].blockers
    assert (blocker.count, blocker.asset_key, found["journals_delivered"].state) == (2, "delivery/tryton", StepState.BLOCKED)
    assert found["billing_delivered"].is_done


@pytest.mark.parametrize(
    ("until", "expected", "command"),
    [
        (
            None,
            "10 documents wait, nothing is sent to stripe: held by ada (a migration) (USD 123.45)",
            "tieout destinations mode stripe normal --reason WHY",
        ),
        (
            at(600),
            "10 documents wait, nothing is sent to stripe until 2026-02-02 16:00 UTC: maintenance (USD 123.45)",
            f"tieout push {PERIOD} --entity {ENTITY} --destination stripe",
        ),
    ],
)
def test_a_destination_that_is_left_alone_stops_what_waits_for_it(until: datetime | None, expected: str, command: str) -> None:
    withheld = Withheld("stripe", "maintenance" if until else "held by ada (a migration)", until)
    assert only(replace(SEALED, withheld=(withheld,)), "billing_delivered") == (expected, "stops", command)
    # With nothing to send it holds nothing up.
    assert steps(replace(DELIVERED, withheld=(withheld,)))["billing_delivered"].is_done


def test_a_destination_that_could_not_be_reached_says_so() -> None:
    down = replace(stopped("destination_unavailable", "tryton", "", "connection refused"), subject=f"tryton/{ENTITY}")
    assert only(replace(SEALED, exceptions=(down,)), "journals_delivered") == (
        "10 documents wait, tryton could not be reached: connection refused (USD 123.45)",
        "stops",
        f"tieout push {PERIOD} --entity {ENTITY} --destination tryton",
    )


def test_what_waits_for_another_document_leads_to_that() -> None:
    waiting = stopped("dependency_not_posted", "tryton", reason="not sent: its customer is rejected")
    assert only(replace(SEALED, exceptions=(waiting,)), "journals_delivered")[1:] == ("stops", "tieout exceptions show 77")


def test_what_is_not_what_was_sealed_stops_its_destination() -> None:
    found = steps(replace(TIED, exceptions=(stopped("verification_difference", "tryton", reason="total 4.00, not 5.00"),)))
    assert told(found["journals_delivered"]) == [
        ("1 document at tryton differ from what was sealed, the first: total 4.00, not 5.00 (USD 5.00)", "stops", "tieout exceptions show 77")
    ]


def test_what_the_platform_rates_waits_for_its_invoices() -> None:
    rated = replace(DELIVERED, platform_lines=5, not_invoiced=2, not_invoiced_amounts=(usd(40_00),))
    assert told(steps(rated)["platform_read"]) == [
        ("2 lines not invoiced by the platform yet; close again once it has (USD 40.00)", "stops", CLOSE),
        ("what the platform issued is not read yet", "to_do", CLOSE),
    ]
    read = (*TIED.read_backs, ReadBackState("stripe_platform", 3, at(2)))
    assert steps(replace(TIED, platform_lines=5, read_backs=read))["platform_read"].is_done
    assert steps(replace(TIED, platform_lines=0))["platform_read"].is_done


def test_a_read_back_that_is_missing_or_older_than_what_took_effect_is_to_do() -> None:
    missing = replace(TIED, read_backs=TIED.read_backs[:1])
    assert only(missing, "read_back") == ("tryton was not read back since", "to_do", CLOSE)
    stale = replace(TIED, read_backs=(ReadBackState("stripe", 10, at(3)), TIED.read_backs[1]))
    assert only(stale, "read_back") == (
        "stripe was read 2026-02-02 06:03 UTC, before the last document took effect there 2026-02-02 06:04 UTC",
        "to_do",
        CLOSE,
    )


def test_an_entity_without_master_data_has_no_ledger_to_read() -> None:
    assert only(replace(TIED, ledger=None), "read_back") == (f"{ENTITY} has no master data, so no ledger", "stops", "tieout land")


def test_broken_checkpoints_stop_the_soft_close_with_counts_and_amounts() -> None:
    found = steps(replace(TIED, measures=tied(broken("K3", 5_00), broken("K7", 1))))
    assert told(found["checkpoints_tie"]) == [
        ("K3 breaks (K3 holds): 2 rows, amount by USD 5.00 (USD 5.00)", "stops", "tieout exceptions"),
        ("K7 breaks (K7 holds): 2 rows, amount by USD 0.01 (USD 0.01)", "stops", f"tieout reconcile {PERIOD}"),
    ]
    assert (found["checkpoints_tie"].state, found["soft_closed"].state) == (StepState.BLOCKED, StepState.WAITING)


def test_a_closed_period_that_no_longer_ties_says_so() -> None:
    assert steps(replace(SOFT_CLOSED, measures=tied(broken("K8"))))["checkpoints_tie"].state is StepState.BLOCKED


def test_what_changed_underneath_a_closed_period_stops_the_next_close_and_unmakes_its_own() -> None:
    j12 = ("J12 northlight_us 2025-12: documents invoice in USD: 3 of them when it was closed, 2 of them now",)
    expected = (f"1 difference from what was closed (J12): {j12[0]}", "stops", "tieout periods verify")
    assert told(steps(replace(TIED, broken_seals=j12))["soft_closed"])[0] == expected
    own = steps(replace(SOFT_CLOSED, broken_seals=j12))
    assert told(own["soft_closed"]) == [expected]
    assert (own["soft_closed"].state, own["signed_off"].state) == (StepState.BLOCKED, StepState.WAITING)


def test_open_decisions_stop_the_sign_off() -> None:
    gate = request("run_gate", subject=f"{ENTITY}/price", reason="3 lines", amount=usd(700))
    assert told(steps(replace(SOFT_CLOSED, undecided=(gate,)))["approvals_decided"]) == [
        (f"run gate of {ENTITY}/price is not decided; asked for by ada: 3 lines (USD 7.00)", "stops", "tieout approve 4f1c09a2b7de")
    ]
    assert states(replace(SOFT_CLOSED, undecided=(gate,)))[-3:] == "bww"


def test_a_sign_off_that_was_asked_for_waits_for_another_user() -> None:
    asked = replace(SOFT_CLOSED, asked_sign_off=request("period_sign_off"))
    assert only(asked, "signed_off") == ("ada asked for the sign-off: it ties; another user approves it", "to_do", "tieout approve 4f1c09a2b7de")


def test_a_sign_off_of_what_was_sealed_before_is_void() -> None:
    found = steps(replace(SOFT_CLOSED, void_sign_off=SIGNED_OFF.sign_off))["signed_off"]
    assert (found.state, str(found.evidence[0])) == (
        StepState.OPEN,
        "void: asked for by ada (it ties), approved by grace, 2026-02-02 07:30 UTC; sealed anew or reopened since",
    )
