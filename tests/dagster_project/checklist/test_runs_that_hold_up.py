"""Which legal entities a close that failed has failed for, from Dagster's event log."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from dagster_project.checklist.runs import failed_runs
from dagster_project.close import CloseKey
from dagster_project.runs.step_failures import FAILED_PARTITIONS, failed_partitions_of

US, EU, PERIOD = "northlight_us", "northlight_eu", "2026-01"
KEYS = [CloseKey(US, PERIOD), CloseKey(EU, PERIOD)]
RANGE = {ASSET_PARTITION_RANGE_START_TAG: KEYS[0].partition_key, ASSET_PARTITION_RANGE_END_TAG: KEYS[1].partition_key}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def reasons(instance: dg.DagsterInstance, step: str, error: str, message: str) -> dict[str, tuple[str, ...]]:
    """By entity, after a close of both in which a step has failed for the European one."""
    failed = {KEYS[1].partition_key: {"error": error, "message": message}}

    @dg.op(name=step)
    def failing() -> None:
        raise dg.Failure(description=message, metadata={FAILED_PARTITIONS: dg.MetadataValue.json(failed)}, allow_retries=False)

    @dg.job(name="monthly_close")
    def monthly_close() -> None:
        failing()

    monthly_close.execute_in_process(instance=instance, tags=RANGE, raise_on_error=False)
    return {key.entity: run.reasons for key, run in failed_runs(instance, KEYS, (US, EU)).items()}


def test_what_ends_the_last_step_for_one_entity_holds_up_no_other(instance: dg.DagsterInstance) -> None:
    assert reasons(instance, "close__period", "DestinationError", "Tryton did not close it") == {EU: ("close__period: Tryton did not close it",)}


def test_a_close_that_is_refused_is_told_by_its_checkpoints(instance: dg.DagsterInstance) -> None:
    assert reasons(instance, "close__period", "NotTiedError", "northlight_eu 2026-01 stays open: K8") == {}


def test_what_ends_an_earlier_step_keeps_every_entity_of_the_run_from_going_on(instance: dg.DagsterInstance) -> None:
    expected = ("deliveries: stripe is down",)
    assert reasons(instance, "deliveries", "DestinationError", "stripe is down") == {US: expected, EU: expected}


def test_what_was_raised_in_the_step_says_for_which_partitions_it_was() -> None:
    failed = {KEYS[1].partition_key: {"error": "NotTiedError", "message": "northlight_eu 2026-01 stays open: K8"}}
    wrapped = RuntimeError("in the step")
    wrapped.__cause__ = dg.Failure(description="it stays open", metadata={FAILED_PARTITIONS: dg.MetadataValue.json(failed)})
    assert failed_partitions_of(wrapped) == failed
    assert failed_partitions_of(RuntimeError("in the step")) is None
