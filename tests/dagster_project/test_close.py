"""A close of one period, for every entity, through the Dagster job, with a real ledger and the billing stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.cli.close import close_keys, delivered_days
from dagster_project.cli.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_credit, ask_for_void
from dagster_project.close.partitions import first_day_after
from dagster_project.close.steps import NotTiedError, checkpoints, close_period
from dagster_project.jobs import JobRun, JobRunner, exclusive, open_instance
from dagster_project.progress import Progress, listening
from reverse_etl.documents import State
from reverse_etl.sandbox.sample import generate
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings

PERIOD = "2026-01"


@dataclass(frozen=True)
class Closed:
    installation: Installation
    runner: JobRunner
    landing: JobRun
    close: JobRun
    told: list[Progress]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("installation")))
    initialize(settings)
    generate(settings.home, events=2_000, seed=11, customer_count=40)
    start_sandbox(settings)
    told: list[Progress] = []
    try:
        with exclusive(settings, "the test"), listening(told.append):
            runner = JobRunner(settings)
            landing = runner.land(delivered_days(settings)[0], first_day_after(PERIOD))
            close = runner.close(close_keys(settings, PERIOD, None))
        yield Closed(Installation(settings), runner, landing, close, told)
    finally:
        stop_sandbox(settings)


def test_ties_every_checkpoint_and_closes_the_period_of_every_entity(closed: Closed) -> None:
    assert closed.landing.succeeded, closed.landing.failures
    assert closed.close.succeeded, closed.close.failures
    register = closed.installation.open_register()
    for entity in closed.installation.settings.entities:
        found = checkpoints(closed.installation, entity, PERIOD)
        assert {checkpoint.checkpoint for checkpoint in found} == {f"K{number}" for number in range(1, 8)}
        assert all(checkpoint.tied for checkpoint in found)
        assert register.period_status(entity, PERIOD) != "open"
    assert {state for _, _, _, state in register.counts()} == {State.VERIFIED}


def test_materializes_every_selected_asset_and_evaluates_every_check(closed: Closed) -> None:
    layer = closed.runner.definitions.resolve_job_def("monthly_close").asset_layer
    destinations = {"stripe/invoices", "stripe/credit_notes", "tryton/journal"}
    assert closed.close.materialized - destinations == {key.to_user_string() for key in layer.selected_asset_keys}
    assert destinations <= closed.close.materialized
    checks = {f"{key.asset_key.to_user_string()}:{key.name}" for key in layer.asset_graph.asset_check_keys}
    assert checks
    assert closed.close.evaluated == checks


def test_tells_one_line_per_step_and_entity(closed: Closed) -> None:
    steps = [(progress.step, progress.entity) for progress in closed.told]
    for name in ("seal/billing", "delivery/stripe", "seal/journals", "delivery/tryton", "read_back", "close/period"):
        assert [entity for step, entity in steps if step == name] == list(closed.installation.settings.entities)


def test_its_runs_are_on_the_instance_that_the_interface_shows(closed: Closed) -> None:
    with open_instance(closed.installation.settings) as instance:
        assert {run.run_id for run in instance.get_runs()} == {closed.landing.run_id, closed.close.run_id}
        record = instance.get_latest_materialization_event(dg.AssetKey(["tryton", "journal"]))
    assert record is not None


def test_a_document_knows_the_run_that_sealed_it(closed: Closed) -> None:
    assert {document.correlation_id for document in closed.installation.open_register().documents()} == {closed.close.run_id}


def test_a_period_without_checkpoints_stays_open(closed: Closed) -> None:
    entity = closed.installation.settings.entities[0]
    with pytest.raises(NotTiedError, match="2027-01 stays open: there are no checkpoints"):
        close_period(closed.installation, entity, "2027-01")
    assert closed.installation.open_register().period_status(entity, "2027-01") == "open"


def test_one_run_refuses_more_than_one_period(closed: Closed) -> None:
    settings = closed.installation.settings
    months = [*close_keys(settings, "2026-01", settings.entities[0]), *close_keys(settings, "2026-02", settings.entities[0])]
    refused = closed.runner.close(months, only=[dg.AssetKey(["seal", "billing"])])
    assert not refused.succeeded
    assert "one run closes one period, not 2026-01, 2026-02" in refused.failures[0]


def test_decided_credits_and_voids_are_issued_posted_journalled_and_tied_by_the_next_close(closed: Closed) -> None:
    settings = closed.installation.settings
    maker, checker = (replace(closed.installation, acting_as=name) for name in ("ada", "grace"))
    register = closed.installation.open_register()
    entity = settings.entities[0]
    credited, voided = register.documents(document_type="invoice", entity=entity)[:2]
    asked = [
        ask_for_credit(maker, str(credited.number), Decimal("0.10"), "an outage"),
        ask_for_void(maker, str(voided.number), True, "wrong address"),
    ]
    for request in asked:
        approve(checker, request.request_id)

    with exclusive(settings, "the test"):
        run = closed.runner.close(close_keys(settings, "2026-02", entity))

    assert run.succeeded, run.failures
    memos = [(memo, delivery) for memo, delivery in register.deliveries(document_type="credit_memo", period="2026-02") if memo.payload["decision_id"]]
    assert {memo.payload["decision_id"] for memo, _ in memos} == {request.request_id for request in asked}
    assert {delivery.state for _, delivery in memos} == {State.VERIFIED}
    assert {memo.cause: memo.total_minor for memo, _ in memos}["void_and_rebill"] == voided.total_minor
    journals = {entry.payload["source_document"] for entry in register.documents(document_type="journal_entry", period="2026-02")}
    assert {memo.business_key for memo, _ in memos} <= journals
    assert all(checkpoint.tied for checkpoint in checkpoints(closed.installation, entity, "2026-02"))
