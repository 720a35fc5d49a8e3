"""Backfills by Dagster's own daemon, re-execution from every step, readers while a close runs; a real ledger and the billing stand-in."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon
from dagster_graphql.client.query import LAUNCH_PARTITION_BACKFILL_MUTATION
from dagster_graphql.test.utils import execute_dagster_graphql

from dagster_project.cli.closing.close import close_keys, delivered_days
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.partitions import first_day_after
from dagster_project.close.steps import checkpoints
from dagster_project.definitions import build_definitions
from dagster_project.defs.automation.jobs import DAILY_USAGE, MONTHLY_CLOSE
from dagster_project.runs.instance import IN_TURN
from dagster_project.runs.runner import QUIET, JobRunner, open_instance
from reverse_etl.documents import State
from reverse_etl.register.records.periods import OPEN
from reverse_etl.sandbox.sample import generate
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import HOME_VARIABLE, Settings, load_settings

FIRST, SECOND, THIRD = "2026-01", "2026-02", "2026-03"
LONGEST_SECONDS = 1_800
STANDING = "select distinct status from reconciliation.checkpoints where period = ? and entity = ?"
FROM_THE_DELIVERIES_ON = {"deliveries", "delivery_controls", "read_backs", "register_closing", "reconciliation", "close__period", "close__checklist"}


@dataclass(frozen=True)
class Backfilled:
    """The runs of two backfills, in the order in which they began."""

    installation: Installation
    landing: list[dg.RunRecord]
    closes: list[dg.RunRecord]

    @property
    def entity(self) -> str:
        return self.installation.settings.entities[0]

    def delivered(self) -> Counter[str]:
        """Documents of the register by reference and the id that the destination gave; each is there once."""
        with closing(self.installation.open_register()) as register:
            return Counter(f"{document.reference} {delivery.remote_id} {delivery.state}" for document, delivery in register.deliveries())


@pytest.fixture(scope="module")
def backfilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backfilled]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("installation")))
    initialize(settings)
    generate(settings.home, events=2_000, seed=11, customer_count=40)
    start_sandbox(settings)
    entity = settings.entities[0]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(HOME_VARIABLE, str(settings.home))
        try:
            with open_instance(settings) as instance, daemon(instance) as workspace:
                days = [day.isoformat() for day in delivered_days(settings) if day <= first_day_after(SECOND)]
                landing = backfill(workspace, DAILY_USAGE, days)
                # Asked for in the wrong order.
                closes = backfill(workspace, MONTHLY_CLOSE, [f"{entity}|{SECOND}", f"{entity}|{FIRST}"])
            yield Backfilled(Installation(settings), landing, closes)
        finally:
            stop_sandbox(settings)


def daemon(instance: dg.DagsterInstance) -> Any:
    return create_test_daemon_workspace_context(ModuleTarget("dagster_project.definitions", None, None, "tieout"), instance)


def backfill(workspace: WorkspaceProcessContext, job: str, partitions: list[str]) -> list[dg.RunRecord]:
    """What a person launches in the UI, and what the daemon makes of it."""
    repository = {"repositoryLocationName": "tieout", "repositoryName": "__repository__"}
    selector = {"partitionSetName": f"{job}_partition_set", "repositorySelector": repository}
    parameters = {"backfillParams": {"selector": selector, "partitionNames": partitions}}
    answer = execute_dagster_graphql(workspace.create_request_context(), LAUNCH_PARTITION_BACKFILL_MUTATION, parameters)
    launched = answer.data["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    instance, queue, began = workspace.instance, QueuedRunCoordinatorDaemon(interval_seconds=1), time.monotonic()
    while not (found := instance.get_backfill(launched["backfillId"])) or found.status not in BULK_ACTION_TERMINAL_STATUSES:
        assert time.monotonic() - began < LONGEST_SECONDS, "the backfill does not end"
        for error in execute_backfill_iteration(workspace, logging.getLogger("backfill")):
            assert error is None, error
        list(queue.run_iteration(workspace))
        time.sleep(0.5)
    records = instance.get_run_records(dg.RunsFilter(tags={"dagster/backfill": launched["backfillId"]}))
    return sorted(records, key=lambda record: record.start_time or 0.0)


def test_a_backfill_of_days_is_one_run(backfilled: Backfilled) -> None:
    [record] = backfilled.landing
    assert record.dagster_run.is_success
    assert record.dagster_run.tags[IN_TURN] == DAILY_USAGE
    landed = backfilled.installation.warehouse.read("select count(*) as files from raw.landed_files").to_pylist()[0]["files"]
    assert landed > 100


def test_a_backfill_of_closes_runs_one_month_after_the_other_whatever_the_order_it_was_asked_in(backfilled: Backfilled) -> None:
    first, second = backfilled.closes
    assert [record.dagster_run.tags["dagster/partition"] for record in backfilled.closes] == [
        f"{backfilled.entity}|{month}" for month in (FIRST, SECOND)
    ]
    assert all(record.dagster_run.is_success for record in backfilled.closes), "see the event logs"
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time <= second.start_time
    with closing(backfilled.installation.open_register()) as register:
        assert OPEN not in {register.period_status(backfilled.entity, month) for month in (FIRST, SECOND)}
        assert {delivery.state for _, delivery in register.deliveries()} == {State.VERIFIED}
    assert all(one.tied for month in (FIRST, SECOND) for one in checkpoints(backfilled.installation, backfilled.entity, month))


def run_again(instance: dg.DagsterInstance, options: dg.ReexecutionOptions) -> dg.JobExecutionResult:
    """As the UI does, which keeps the partition of the run that is run again."""
    parent = instance.get_run_by_id(options.parent_run_id)
    assert parent is not None
    kept = {name: value for name, value in parent.tags.items() if "partition" in name}
    return dg.execute_job(dg.reconstructable(monthly_close), instance, reexecution_options=options, raise_on_error=False, run_config=QUIET, tags=kept)


def monthly_close() -> dg.JobDefinition:
    """The job of the installation that the environment names, for re-execution."""
    return build_definitions(load_settings()).resolve_job_def(MONTHLY_CLOSE)


def made_in(instance: dg.DagsterInstance, run_id: str) -> Mapping[str, set[str]]:
    """What a run materialised and which checks it evaluated, by step."""
    made: defaultdict[str, set[str]] = defaultdict(set)
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        if event is not None and event.step_key is not None:
            if event.is_step_materialization:
                made[event.step_key].add(str(event.asset_key))
            elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                made[event.step_key].add(str(event.asset_check_evaluation_data.asset_check_key))
    return made


def test_a_finished_close_can_be_run_again_from_every_step_and_nothing_is_there_twice(backfilled: Backfilled) -> None:
    before, last = backfilled.delivered(), backfilled.closes[-1].dagster_run
    steps = [node.name for node in monthly_close().nodes_in_topological_order]
    with open_instance(backfilled.installation.settings) as instance:
        expected = made_in(instance, last.run_id)
        assert set(expected) == set(steps)
        for step in steps:
            result = run_again(instance, dg.ReexecutionOptions(parent_run_id=last.run_id, step_selection=[step]))
            assert result.success, f"{step}: {[event.message for event in result.all_events if event.is_failure]}"
            assert made_in(instance, result.run_id) == {step: expected[step]}
            assert backfilled.delivered() == before, step


def test_a_finished_close_can_be_run_again_from_a_step_on_and_by_assets(backfilled: Backfilled) -> None:
    before, last = backfilled.delivered(), backfilled.closes[-1].dagster_run
    with open_instance(backfilled.installation.settings) as instance:
        result = run_again(instance, dg.ReexecutionOptions(parent_run_id=last.run_id, step_selection=["deliveries*"]))
        assert result.success
        assert set(made_in(instance, result.run_id)) == FROM_THE_DELIVERIES_ON
    chosen = [dg.AssetKey(["seal", "billing"]), dg.AssetKey(["delivery", "stripe"])]
    run = JobRunner(backfilled.installation.settings).close(close_keys(backfilled.installation.settings, SECOND, backfilled.entity), only=chosen)
    assert run.succeeded, run.failures
    assert {"seal/billing", "delivery/stripe"} <= run.materialized
    assert backfilled.delivered() == before


def test_a_close_that_failed_goes_on_from_where_it_failed_while_readers_read(backfilled: Backfilled) -> None:
    settings, entity = backfilled.installation.settings, backfilled.entity
    runner = JobRunner(settings)
    assert runner.land(delivered_days(settings)[0], first_day_after(THIRD)).succeeded
    secret = settings.home / "secrets" / "tryton_password"
    hidden = secret.with_suffix(".hidden")
    secret.rename(hidden)
    try:
        with Reading(backfilled.installation) as reads:
            failed = runner.close(close_keys(settings, THIRD, entity))
    finally:
        hidden.rename(secret)
    assert not failed.succeeded
    assert any(failure.startswith("deliveries: no secret for destination tryton") for failure in failed.failures), failed.failures
    assert len(reads) > 3
    assert set(reads) == {"tied"}
    sent = {document for document in backfilled.delivered() if document.endswith("verified")}
    with open_instance(settings) as instance:
        result = run_again(instance, dg.ReexecutionOptions.from_failure(failed.run_id, instance))
        assert result.success, [event.message for event in result.all_events if event.is_failure]
        assert set(made_in(instance, result.run_id)) == FROM_THE_DELIVERIES_ON
    after = backfilled.delivered()
    assert sent <= set(after)
    assert set(after.values()) == {1}
    assert {name.rpartition(" ")[2] for name in after} == {"verified"}
    with closing(backfilled.installation.open_register()) as register:
        assert register.period_status(entity, THIRD) != OPEN


class Reading:
    """A reader that asks the published copy, again and again, while the block runs: how the first closed month stands."""

    def __init__(self, installation: Installation) -> None:
        self._installation, self._stop, self._found = installation, threading.Event(), list[str]()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> list[str]:
        self._thread.start()
        return self._found

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._stop.wait(timedelta(seconds=0.3).total_seconds()):
            try:
                rows = self._installation.warehouse.read_published(STANDING, [FIRST, self._installation.settings.entities[0]])
                self._found += [row["status"] for row in rows.to_pylist()]
            except Exception as error:  # whatever a reader would see
                self._found.append(repr(error))
