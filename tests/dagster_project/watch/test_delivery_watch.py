"""What does not arrive: how old it is, what stopped for a person, and what a run may resume."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from posting_books import HTTP, launch_destination
from posting_kind import RESET, declare
from posting_system import CLASS_B, ENTITY, PERIOD, SYSTEM, customer, entry, seal

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.steps import deliver
from dagster_project.controls.findings import delivery_findings
from dagster_project.defs.assets import external
from dagster_project.defs.automation.sensors import delivery_age_sensor, undelivered_sensor
from dagster_project.watch.deliveries import LEFT_TO_THE_CLOSE, ages, to_resume
from reverse_etl.documents import SealedDocument, State
from reverse_etl.oversight.undelivered import lane_ages
from reverse_etl.posting.pacing import Modes
from reverse_etl.register import Register, WaitingDocuments
from reverse_etl.sandbox.processes import ServerProcess, stop
from reverse_etl.service_levels import ServiceLevels
from reverse_etl.settings import load_settings

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
LATER = timedelta(hours=2)


def waiting(entity: str, hours: float, state: State = State.PENDING, currency: str = "USD", minor: int = 100) -> WaitingDocuments:
    return WaitingDocuments("stripe", entity, "2026-02", state, currency, 2, minor, NOW - timedelta(hours=hours))


def test_a_lane_is_as_old_as_its_oldest_document_and_late_by_the_level_of_its_destination() -> None:
    found = [waiting("us", 3), waiting("us", 25, State.REJECTED, "EUR"), waiting("eu", 5)]
    eu, us = lane_ages(found, ServiceLevels(undelivered_hours=24, destinations={"tryton": 1}), NOW)
    assert (us.documents, us.stopped, us.at_risk, us.age, us.is_late) == (4, 2, (("EUR", 100), ("USD", 100)), timedelta(hours=25), True)
    assert (eu.stopped, eu.is_late) == (0, False)
    assert all(lane.is_late for lane in lane_ages(found, ServiceLevels(destinations={"stripe": 2}), NOW))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ServerProcess]]:
    url, process = launch_destination(tmp_path_factory.mktemp("destination"))
    yield url, process
    stop(process)


@pytest.fixture
def installation(tmp_path: Path, running: tuple[str, ServerProcess], monkeypatch: pytest.MonkeyPatch) -> Installation:
    url, _ = running
    assert HTTP.post(f"{url}/reset", json=RESET).status_code == 200
    (tmp_path / "tieout.yaml").write_text(
        f"entities: [{ENTITY}]\ndestinations: {{{SYSTEM}: {{url: {url}}}}}\nservice_levels: {{undelivered_hours: 1}}\n"
    )
    initialize(load_settings(tmp_path))
    declare(monkeypatch, url, CLASS_B)
    return Installation(load_settings(tmp_path))


@pytest.fixture
def register(installation: Installation) -> Iterator[Register]:
    with closing(installation.open_register()) as opened:
        yield opened


@pytest.fixture
def stopped(installation: Installation, register: Register, running: tuple[str, ServerProcess]) -> SealedDocument:
    """One of three documents was rejected, the others are verified."""
    _, rejected, _ = seal(register, customer(register, "C1"), *(entry(register, name, depends_on=["C1"]) for name in ("J1", "J2")))
    HTTP.post(f"{running[0]}/orders", json={"fault": "reject", "times": 1, "reference": rejected.reference})
    deliver(installation, SYSTEM, ENTITY, PERIOD)
    return rejected


def test_what_stopped_is_listed_with_its_reason_and_what_to_do(installation: Installation, stopped: SealedDocument) -> None:
    [found, *_] = delivery_findings(installation, SYSTEM)
    assert (found.control.name, found.total, found.holds) == ("stopped_documents", 1, False)
    [row] = found.rows
    assert (row["reference"], row["state"], row["total_minor"]) == (stopped.reference, "rejected", 1000)
    assert "this is not acceptable" in row["reason"]
    assert row["what_to_do"].startswith("tieout exceptions retry")


def test_what_is_rejected_is_told_and_never_sent_again_by_itself(installation: Installation, stopped: SealedDocument) -> None:
    sensor = undelivered_sensor(installation.settings, (SYSTEM,))
    with dg.DagsterInstance.ephemeral() as instance:
        first = sensor(dg.build_sensor_context(instance))
        assert isinstance(first, dg.SensorResult)
        assert first.run_requests == []
        evaluation, observation = first.asset_events
        assert isinstance(evaluation, dg.AssetCheckEvaluation)
        assert isinstance(observation, dg.AssetObservation)
        assert (evaluation.check_name, evaluation.passed, evaluation.severity) == ("stopped_documents", False, dg.AssetCheckSeverity.ERROR)
        assert observation.asset_key == external.delivery_to(SYSTEM)
        again = sensor(dg.build_sensor_context(instance, cursor=first.cursor))
        assert isinstance(again, dg.SensorResult)
        assert again.asset_events == []
    assert to_resume(installation, (SYSTEM,), datetime.now(UTC) + LATER) == ()


def test_what_waits_longer_than_its_run_is_resumed_and_nothing_while_the_destination_takes_nothing(
    installation: Installation, register: Register
) -> None:
    seal(register, customer(register, "C1"), entry(register, "J1", depends_on=["C1"]))
    now = datetime.now(UTC)
    assert to_resume(installation, (SYSTEM,), now) == ()
    assert to_resume(installation, (SYSTEM,), now + LEFT_TO_THE_CLOSE / 2) == ()
    [found] = to_resume(installation, (SYSTEM,), now + LATER)
    assert (found.system, found.key.entity, found.key.period, found.documents) == (SYSTEM, ENTITY, PERIOD, 2)
    assert found.run_key(now) == found.run_key(now)
    modes = Modes(installation.settings.pacing_folder / "modes.jsonl")
    modes.set(SYSTEM, "hold", actor="tests", reason="the chart of accounts moves")
    assert to_resume(installation, (SYSTEM,), now + LATER) == ()
    modes.set(SYSTEM, "normal", actor="tests", reason="done")
    deliver(installation, SYSTEM, ENTITY, PERIOD)
    assert to_resume(installation, (SYSTEM,), now + LATER) == ()


def test_an_undelivered_document_past_its_time_fails_the_check_of_its_destination_once(installation: Installation, stopped: SealedDocument) -> None:
    [lane] = ages(installation, datetime.now(UTC) + LATER)
    assert (lane.documents, lane.stopped, lane.is_late) == (1, 1, True)
    sensor = delivery_age_sensor(installation.settings, (SYSTEM,))
    with dg.DagsterInstance.ephemeral() as instance:
        first = sensor(dg.build_sensor_context(instance))
        assert isinstance(first, dg.SensorResult)
        [evaluation] = first.asset_events
        assert isinstance(evaluation, dg.AssetCheckEvaluation)
        assert (evaluation.check_name, evaluation.passed) == ("delivered_in_time", True)
        second = sensor(dg.build_sensor_context(instance, cursor=first.cursor))
        assert isinstance(second, dg.SensorResult)
        assert second.asset_events == []
