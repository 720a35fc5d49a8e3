"""Which facts make which alert: the cause it names, the money, the command, and what makes no alert at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dagster_project.alerting.conditions import judged
from dagster_project.alerting.degraded import Degradation, destinations_degraded, warehouse_locked
from dagster_project.alerting.facts import BrokenCheckpoint, Facts, FailedRun, HeldLines, Integrity, Listed, StepFailure
from dagster_project.checklist.step import Blocker, ChecklistStep, Effect, StepState
from dagster_project.open_lineage.undelivered import DeliveryState
from dagster_project.watch.late_usage import LateUsage
from reverse_etl.alerting import Alert, AlertKind, MoneyAtRisk, Severity
from reverse_etl.alerting.memory import ChannelHistory
from reverse_etl.alerting.sending import ChannelState
from reverse_etl.alerting.settings import AlertSettings
from reverse_etl.documents import State
from reverse_etl.locks import LockHolder
from reverse_etl.oversight.undelivered import lane_ages
from reverse_etl.posting.pacing.overview import DestinationState
from reverse_etl.register import ApprovalRequest, ExceptionRecord, WaitingDocuments
from reverse_etl.service_levels import ServiceLevels

NOW = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
US, EU = "northlight_us", "northlight_eu"
HELD = DestinationState(
    "tryton", "tryton", mode="hold", mode_set_by="ada", mode_reason="audit", mode_set_at=NOW - 2 * HOUR, withheld_by="hold", withheld="x"
)
RUN = FailedRun("run-1", "monthly_close", (f"{US}|2026-01",), (StepFailure("close__period", "K6 posted: 12 / 10"),), NOW - HOUR, closes=True)
K7 = BrokenCheckpoint(
    "K7", "The ERP holds what was posted line by line", US, "2026-01", "accounting", 48, 2, {"USD": 150}, ("INV-1: 1 / 2",), NOW - HOUR
)
TAX = HeldLines(US, "2026-01", "missing_tax_rate", "No tax rate", "Add the rate", 3, 2, ("FR",), {"USD": 9900}, NOW - HOUR)


def waiting(system: str = "tryton", state: State = State.PENDING, documents: int = 3, sealed: timedelta = HOUR, entity: str = US) -> WaitingDocuments:
    return WaitingDocuments(system, entity, "2026-01", state, "USD", documents, documents * 1000, NOW - sealed)


def exception(kind: str, position: int, document: int | None = None, subject: str | None = None) -> ExceptionRecord:
    return ExceptionRecord(
        position,
        kind,
        subject or f"invoice {position}",
        "the ERP says no",
        "correct it",
        US,
        "2026-01",
        None,
        None,
        None,
        document,
        NOW - HOUR,
        None,
        None,
        None,
    )


def alerts(**facts: Any) -> list[Alert]:
    settings = facts.pop("settings", AlertSettings(link="https://dagster.example.com"))
    return list(judged(Facts(now=NOW, settings=settings, exponents={"USD": 2, "JPY": 0}, **facts)).alerts)


def one(**facts: Any) -> Alert:
    [found] = alerts(**facts)
    return found


def degraded(*states: DestinationState, waits: tuple[WaitingDocuments, ...] = ()) -> tuple[Degradation, ...]:
    return destinations_degraded(states, waits, {"USD": 2})


def test_an_installation_that_is_well_has_no_alert() -> None:
    assert alerts(waiting=(waiting(),), lanes=lane_ages([waiting()], ServiceLevels(), NOW), integrity=Integrity((), NOW)) == []


# Service levels


def test_a_lane_whose_oldest_document_is_too_old_is_told_with_what_holds_it_up() -> None:
    old = (waiting(sealed=25 * HOUR), waiting(documents=1), waiting(state=State.PARKED, documents=1))
    found = alerts(waiting=old, lanes=lane_ages(old, ServiceLevels(), NOW), degraded=degraded(HELD, waits=old))
    breach = next(alert for alert in found if alert.kind is AlertKind.SLA_BREACH)
    assert breach.cause == (
        "5 sealed documents are not delivered to tryton, 1 of them stopped for a person; the oldest was sealed at 2026-02-02 11:00 UTC and 24 h are "
        "allowed: tryton is on hold since 2026-02-03 10:00 UTC, set by ada: audit"
    )
    assert (breach.entity, breach.count, breach.at_risk) == (US, 5, (MoneyAtRisk("USD", 5000),))
    assert breach.next_command == "tieout destinations mode tryton normal --reason '...'"
    assert breach.link == "https://dagster.example.com/assets/delivery/tryton"


@pytest.mark.parametrize(("hours", "expected"), [(24.0, 0), (24.1, 1)])
def test_a_lane_is_late_only_beyond_its_time(hours: float, expected: int) -> None:
    lane = (waiting(sealed=timedelta(hours=hours)),)
    assert len(alerts(waiting=lane, lanes=lane_ages(lane, ServiceLevels(), NOW))) == expected


def test_requests_that_nobody_decides_are_told_by_legal_entity() -> None:
    asked = ApprovalRequest(
        7, "r7", "goodwill", US, "INV-1", None, "USD", 500, "net", "offset", None, "sorry", "hash", "ada", NOW - 50 * HOUR, verdict=None
    )
    found = one(undecided=(asked, replace(asked, request_id="r8", entity=US, requested_at=NOW - 60 * HOUR)))
    assert (found.kind, found.entity, found.count, found.at_risk) == (AlertKind.SLA_BREACH, US, 2, (MoneyAtRisk("USD", 1000),))
    assert found.cause.startswith("2 requests waited for a decision longer than 48 h: goodwill of INV-1, asked for by ada at 2026-02-01 00:00 UTC")


def test_breaks_are_a_breach_once_their_owner_had_the_time_to_clear_them() -> None:
    young, old = replace(K7, checkpoint="K5", since=NOW - 48 * HOUR), replace(K7, checkpoint="K5", since=NOW - 49 * HOUR)
    assert alerts(checkpoints=(young,)) == []
    assert one(checkpoints=(old,)).cause.startswith(
        "2 breaks of K5 (The ERP holds what was posted line by line) are older than 48 h, which accounting has"
    )


def step(name: Any, state: StepState, *blockers: Blocker, due: timedelta = HOUR) -> ChecklistStep:
    return ChecklistStep(US, "2026-01", name, state, NOW - due, state is not StepState.DONE and due > timedelta(0), (), blockers)


def test_late_steps_of_a_close_are_one_alert_with_owner_and_due_time() -> None:
    found = one(checklist=(step("billing_sealed", StepState.DONE), step("journals_sealed", StepState.OPEN), step("soft_closed", StepState.WAITING)))
    assert (found.kind, found.count, found.next_command) == (AlertKind.SLA_BREACH, 2, f"tieout checklist 2026-01 --entity {US}")
    assert "Journals sealed (due 2026-02-03 11:00 UTC, accounting)" in found.cause
    # The page says it of this entity and period, not of whatever was looked at last.
    assert found.link == f"https://dagster.example.com/assets/close/checklist?view=partitions&partition={US}%7C2026-01"


def test_closed_months_that_wait_for_a_signature_are_one_alert() -> None:
    late = [replace(step("signed_off", StepState.OPEN), period=period) for period in ("2026-01", "2026-02")]
    found = one(checklist=tuple(late))
    assert (found.entity, found.period, found.subject, found.count) == (US, None, "sign-off of closed months", 2)
    assert "Period signed off 2026-02 (due" in found.cause


# Exceptions


def test_stopped_documents_of_one_kind_are_one_alert_with_the_money_of_each_document_once() -> None:
    entries = (exception("document_parked", 7, 1), exception("document_parked", 8, 2), exception("document_parked", 9, 1))
    found = one(exceptions=entries, documents={1: ("stripe", "USD", 1000), 2: ("stripe", "JPY", 500)})
    assert (found.kind, found.severity, found.subject) == (AlertKind.EXCEPTIONS, Severity.ERROR, "parked documents at stripe")
    assert (found.count, found.at_risk) == (3, (MoneyAtRisk("JPY", 500, 0), MoneyAtRisk("USD", 1000)))
    assert "invoice 7: the ERP says no" in found.cause
    assert found.next_command == "tieout exceptions show 7"


def test_what_nobody_knows_of_is_in_doubt_only_after_a_push_had_the_time_to_find_out() -> None:
    assert alerts(waiting=(waiting(state=State.AMBIGUOUS, sealed=HOUR),)) == []
    found = one(waiting=(waiting(state=State.AMBIGUOUS, documents=1, sealed=2 * HOUR), waiting(sealed=2 * HOUR)))
    assert found.subject == "documents in doubt at tryton"
    assert (found.count, found.at_risk) == (1, (MoneyAtRisk("USD", 1000),))


def test_rows_that_wait_for_a_person_are_told_with_their_number() -> None:
    found = one(listed=(Listed("quarantined usage events", 530, "530 usage events are set aside", "tieout exceptions", NOW),))
    assert (found.kind, found.severity, found.count) == (AlertKind.EXCEPTIONS, Severity.WARNING, 530)


# Drift


def test_a_destination_that_holds_something_else_has_drifted() -> None:
    found = one(checkpoints=(K7,))
    assert (found.kind, found.subject, found.next_command) == (AlertKind.DRIFT, "K7", "tieout reconcile 2026-01")
    assert found.at_risk == (MoneyAtRisk("USD", 150),)


def test_what_was_not_delivered_to_a_destination_on_hold_is_no_drift() -> None:
    found = alerts(checkpoints=(K7,), waiting=(waiting(),), degraded=degraded(HELD))
    assert AlertKind.DRIFT not in {alert.kind for alert in found}


def test_a_document_that_differs_and_one_that_the_register_lost_are_drift() -> None:
    found = alerts(
        exceptions=(exception("verification_difference", 7, 1), exception("posted_before_restoration", 8)), documents={1: ("tryton", "USD", 7)}
    )
    assert [(alert.kind, alert.severity) for alert in found] == [(AlertKind.DRIFT, Severity.CRITICAL), (AlertKind.DRIFT, Severity.ERROR)]


# Blocked closes


def test_a_refused_close_names_the_destination_on_hold_before_what_follows_from_it() -> None:
    found = next(
        alert
        for alert in alerts(
            runs=(RUN,), checkpoints=(replace(K7, checkpoint="K6"),), waiting=(waiting(),), degraded=degraded(HELD, waits=(waiting(),))
        )
        if alert.kind is AlertKind.BLOCKED_CLOSE
    )
    assert found.cause == (
        f"the close of 2026-01 for {US} does not go on: tryton is on hold since 2026-02-03 10:00 UTC, set by ada: audit "
        f"(3 documents of this close wait). K6 does not tie meanwhile. When that is settled: tieout close 2026-01 --entity {US}"
    )
    assert found.next_command == "tieout destinations mode tryton normal --reason '...'"
    assert (found.correlation_id, found.link) == ("run-1", "https://dagster.example.com/runs/run-1")
    assert found.at_risk == (MoneyAtRisk("USD", 3000),)


def test_a_refused_close_without_another_cause_goes_on_with_the_close() -> None:
    assert one(runs=(RUN,)).next_command == f"tieout close 2026-01 --entity {US}"


def test_a_step_that_failed_before_the_checkpoints_is_the_cause_of_what_they_say() -> None:
    run = replace(RUN, failures=(StepFailure("register__opening", "the warehouse has been held by duckdb (process 7) of user ada for 60 s"),))
    found = alerts(runs=(run,), checkpoints=(replace(K7, checkpoint="K6"), replace(K7, checkpoint="K10")))
    [blocked] = [alert for alert in found if alert.kind is AlertKind.BLOCKED_CLOSE]
    assert (
        "the run failed at register__opening: the warehouse has been held by duckdb (process 7) of user ada for 60 s. K6, K10 do not" in blocked.cause
    )
    assert blocked.at_risk == (MoneyAtRisk("USD", 150),)


def test_breaks_alone_are_named_with_an_example() -> None:
    [blocked] = [alert for alert in alerts(runs=(RUN,), checkpoints=(K7,)) if alert.kind is AlertKind.BLOCKED_CLOSE]
    assert "K7 (The ERP holds what was posted line by line) has 2 breaks: INV-1: 1 / 2. K7 does not tie meanwhile" in blocked.cause


def test_each_entity_of_a_refused_close_is_told_by_itself() -> None:
    found = alerts(runs=(replace(RUN, keys=(f"{EU}|2026-01", f"{US}|2026-01")),))
    assert {(alert.entity, alert.period) for alert in found} == {(EU, "2026-01"), (US, "2026-01")}


def test_a_step_that_waits_for_a_person_blocks_a_close_without_any_run() -> None:
    stops = Blocker("2 requests wait for a decision", Effect.STOPS, "tieout approvals", "close/approvals")
    found = one(checklist=(step("approvals_decided", StepState.BLOCKED, stops, due=-HOUR),))
    assert (found.kind, found.next_command) == (AlertKind.BLOCKED_CLOSE, "tieout approvals")
    assert "Approvals decided: 2 requests wait for a decision" in found.cause


def test_what_the_close_goes_on_without_does_not_block_it() -> None:
    left_out = Blocker("3 lines held", Effect.LEFT_OUT, "tieout exceptions", "invoicing/held_lines")
    assert alerts(checklist=(step("reference_data", StepState.BLOCKED, left_out, due=-HOUR),)) == []


def test_a_killed_worker_is_named() -> None:
    assert "the run was left unfinished: its process ended before it did" in one(runs=(replace(RUN, failures=(), abandoned=True),)).cause


# Degraded modes


@pytest.mark.parametrize(
    ("state", "severity", "cause"),
    [
        (HELD, Severity.WARNING, "tryton is on hold since 2026-02-03 10:00 UTC, set by ada: audit"),
        (replace(HELD, mode="verify_only", withheld_by="verify_only"), Severity.WARNING, "tryton is only read and sent nothing since"),
        (replace(HELD, mode="throttled", mode_fraction=0.25, withheld_by=None), Severity.INFO, "tryton is throttled to 0.25 of its limits since"),
        (
            DestinationState("tryton", "tryton", mode="normal", withheld_by="maintenance", withheld="tryton is in maintenance until 14:00"),
            Severity.INFO,
            "until",
        ),
        (
            DestinationState("tryton", "tryton", mode="normal", withheld_by="quota", withheld="tryton has had its 10 requests"),
            Severity.INFO,
            "10 requests",
        ),
        (
            DestinationState("tryton", "tryton", mode="normal", withheld_by="circuit", withheld="tryton has been unavailable since"),
            Severity.ERROR,
            "unavail",
        ),
        (DestinationState("tryton", "tryton", mode="normal", paused_seconds=600), Severity.INFO, "asked to be left alone for another 600 s"),
        (DestinationState("tryton", "tryton", problem="no secret"), Severity.ERROR, "tryton cannot be used: no secret"),
    ],
)
def test_every_degraded_mode_of_a_destination_is_told_with_its_cause(state: DestinationState, severity: Severity, cause: str) -> None:
    found = one(degraded=degraded(state))
    assert (found.kind, found.severity) == (AlertKind.DEGRADED, severity)
    assert cause in found.cause
    assert found.next_command is not None
    assert found.next_command.startswith("tieout destinations")


def test_a_maintenance_window_is_worth_a_message_when_documents_wait_for_it() -> None:
    state = DestinationState("tryton", "tryton", mode="normal", withheld_by="maintenance", withheld="tryton is in maintenance until 14:00 UTC")
    found = one(degraded=degraded(state, waits=(waiting(documents=1),)))
    assert (found.severity, found.at_risk) == (Severity.WARNING, (MoneyAtRisk("USD", 1000),))
    assert found.cause == "tryton is in maintenance until 14:00 UTC; 1 document waits for it"


def test_a_destination_that_is_as_usual_is_not_degraded() -> None:
    assert degraded(DestinationState("tryton", "tryton", mode="normal", circuit="closed", paused_seconds=5)) == ()


def test_who_has_locked_the_warehouse_is_told_when_it_lasts() -> None:
    holder = LockHolder("dbt build (process 17)", NOW - timedelta(minutes=31))
    assert warehouse_locked(replace(holder, since=NOW - timedelta(minutes=29)), NOW, timedelta(minutes=30)) is None
    locked = warehouse_locked(holder, NOW, timedelta(minutes=30))
    assert locked is not None
    assert one(degraded=(locked,)).cause.startswith("the warehouse has been locked by dbt build (process 17) since 2026-02-03 11:29 UTC")


def test_a_tax_table_that_is_missing_for_a_country_names_the_country_and_what_is_held() -> None:
    found = one(held=(TAX,))
    assert (found.kind, found.severity, found.subject) == (AlertKind.DEGRADED, Severity.ERROR, "missing tax rate")
    assert found.cause == "No tax rate: 3 lines of 2 customers in FR are held, not billed. To do: Add the rate"
    assert found.at_risk == (MoneyAtRisk("USD", 9900),)


def test_a_line_that_is_held_for_a_reason_of_its_own_is_an_exception() -> None:
    assert one(held=(replace(TAX, reason="missing_price"),)).kind is AlertKind.EXCEPTIONS


def test_a_push_that_gave_a_destination_up_is_told_unless_its_circuit_tells_it() -> None:
    given_up = exception("destination_unavailable", 7, subject=f"tryton/{US}")
    assert one(exceptions=(given_up,)).subject == "tryton unavailable"
    circuit = DestinationState("tryton", "tryton", mode="normal", withheld_by="circuit", withheld="tryton has been unavailable since")
    assert one(exceptions=(given_up,), degraded=degraded(circuit)).subject == "tryton circuit"


def test_a_dead_channel_is_told_by_the_others_after_a_few_failures() -> None:
    history = ChannelHistory(failures=2, failing_since=NOW - HOUR, last_failure="HTTP 503", retry_at=NOW)
    assert alerts(channels=(ChannelState("pager", "webhook", history, None),)) == []
    found = one(channels=(ChannelState("pager", "webhook", replace(history, failures=3), None),))
    assert found.cause == "the alert channel pager does not work: 3 messages in a row did not arrive since 2026-02-03 11:00 UTC (HTTP 503)"
    assert found.next_command == "tieout alerts test pager"


def test_lineage_that_does_not_arrive_is_told_with_what_is_kept_and_what_is_lost() -> None:
    where, since = "https://marquez.example.com", "2026-02-03T11:00:00+00:00"
    assert alerts(lineage=None) == alerts(lineage=DeliveryState(where, delivered=9, dropped=1, waiting=2)) == []
    found = one(lineage=DeliveryState(where, problem="HTTPError: 503", since=since, waiting=412))
    told = "events of OpenLineage do not arrive at https://marquez.example.com since 2026-02-03 11:00 UTC (HTTPError: 503)"
    assert found.cause == f"{told}; 412 events are kept and sent once they do"
    assert (found.kind, found.severity, found.since) == (AlertKind.DEGRADED, Severity.WARNING, NOW - HOUR)
    found = one(lineage=DeliveryState(where, dropped=3, problem="HTTPError: 503", since=since, waiting=1))
    assert found.cause.endswith("; 1 event is kept and sent once they do; 3 events will not arrive")


def test_what_cannot_be_looked_at_is_told() -> None:
    found = one(blind={AlertKind.DRIFT: "IOException: torn", AlertKind.EXCEPTIONS: "IOException: torn"})
    assert found.cause == "what these alerts depend on cannot be looked at: drift, exceptions (IOException: torn)"


# Runs, late usage, integrity


def test_a_failed_run_names_job_step_and_error() -> None:
    run = FailedRun("run-2", "daily_usage", ("2026-02-01", "2026-02-02"), (StepFailure("raw__usage_events", "disk full"),), NOW - HOUR, closes=False)
    found = one(runs=(run,))
    assert found.cause == "the run of daily_usage for 2026-02-01 to 2026-02-02 failed at raw__usage_events: disk full"
    assert (found.subject, found.correlation_id, found.next_command) == ("daily_usage", "run-2", "tieout land --from 2026-02-01 --to 2026-02-02")


def test_late_usage_names_the_close_that_bills_it() -> None:
    late = LateUsage(US, "2026-01", 312, 4, 233, date(2026, 2, 5), date(2026, 2, 6), ("a.jsonl",), "2026-02")
    found = one(late_usage=(late,))
    assert found.cause == f"312 events of 2026-01 of {US} landed after it was closed; the close of 2026-02 bills the difference"
    assert (found.kind, found.next_command) == (AlertKind.LATE_USAGE, "tieout preview 2026-02")


def test_a_register_that_was_changed_is_critical() -> None:
    found = one(integrity=Integrity(("chain at position 17: the hash differs",), NOW))
    assert (found.kind, found.severity, found.next_command) == (AlertKind.REGISTER_INTEGRITY, Severity.CRITICAL, "tieout audit verify")


def test_a_cause_stays_one_readable_sentence_however_much_there_is() -> None:
    found = one(runs=(replace(RUN, failures=tuple(StepFailure(f"step {number}", "x\n" * 1000) for number in range(9))),))
    assert len(found.cause) <= 800
    assert "\n" not in found.cause
