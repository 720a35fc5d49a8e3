"""Every run is told of to the file or the endpoint of the settings, once, whoever started it; what becomes of the telling is nothing to the run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from loopback import QuietHandler, listening
from open_lineage_events import assert_valid, assert_whole, of_state

from dagster_project.alerting.gathering import holding
from dagster_project.close import Installation
from dagster_project.open_lineage import delivery, observer
from dagster_project.open_lineage.delivery import Delivery, open_delivery
from dagster_project.open_lineage.graph import AssetGraph
from dagster_project.open_lineage.undelivered import DeliveryState, Undelivered, delivery_state
from dagster_project.runs.runner import open_instance
from dagster_project.shipped import DAGSTER_YAML
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings, load_settings

RAW, MODEL = dg.AssetKey(["raw", "usage"]), dg.AssetKey(["marts", "revenue"])
GRAPH = AssetGraph({MODEL: (RAW,)}, {RAW: "warehouse.raw.usage", MODEL: "warehouse.marts.revenue"}, {MODEL: "dbt_project/models/revenue.sql"}, {})


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[[str], Settings]]:
    def install(open_lineage: str) -> Settings:
        (tmp_path / "dagster").mkdir(exist_ok=True)
        shutil.copyfile(DAGSTER_YAML, tmp_path / "dagster" / "dagster.yaml")
        (tmp_path / "tieout.yaml").write_text(f"open_lineage: {open_lineage}\n")
        settings = load_settings(tmp_path)
        observer.know(settings, lambda: GRAPH)
        return settings

    yield install
    observer.forget(tmp_path)


def definitions(problem: str | None = None) -> dg.Definitions:
    periods = dg.StaticPartitionsDefinition(["northlight_us|2026-01"])

    @dg.asset(key=RAW, partitions_def=periods)
    def usage() -> None:
        return None

    @dg.asset(key=MODEL, deps=[RAW], partitions_def=periods, check_specs=[dg.AssetCheckSpec("not_null", asset=MODEL)])
    def revenue() -> Iterator[Any]:
        if problem is not None:
            raise dg.Failure(problem, allow_retries=False)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": 3,
                "dagster/column_schema": dg.TableSchema([dg.TableColumn("amount_minor", "BIGINT", "What was earned.")]),
                "dagster/column_lineage": dg.TableColumnLineage({"amount_minor": [dg.TableColumnDep(RAW, "quantity")]}),
            },
            check_results=[dg.AssetCheckResult(passed=False, check_name="not_null", severity=dg.AssetCheckSeverity.WARN)],
        )

    return dg.Definitions(assets=[usage, revenue], jobs=[dg.define_asset_job("close")], executor=dg.in_process_executor)


def run(settings: Settings, problem: str | None = None) -> dg.ExecuteInProcessResult:
    with open_instance(settings) as instance:
        job = definitions(problem).resolve_job_def("close")
        return job.execute_in_process(instance=instance, raise_on_error=False, partition_key="northlight_us|2026-01")


def events_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_its_steps_and_its_datasets_are_told_of_once_and_as_specified(install: Callable[[str], Settings]) -> None:
    settings = install("lineage/events.jsonl")
    result = run(settings)
    events = events_in(settings.home / "lineage" / "events.jsonl")
    for event in events:
        assert_valid(event)
    assert_whole(events)

    (ended,) = of_state(events, "COMPLETE", "close")
    assert ended["run"]["runId"] == result.run_id
    assert ended["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2026-01-01T00:00:00Z"
    assert len(of_state(events, "RUNNING", "close")) == 2, "a step more is over"

    (step,) = of_state(events, "COMPLETE", "close.marts__revenue")
    assert step["run"]["facets"]["parent"]["run"]["runId"] == result.run_id
    [checked] = step["inputs"]
    [assertion] = checked["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (checked["name"], assertion["assertion"], assertion["success"], assertion["severity"]) == (
        "warehouse.marts.revenue",
        "not_null",
        False,
        "warn",
    )

    (dataset,) = of_state(events, "COMPLETE", "marts.revenue")
    assert dataset["run"]["facets"]["parent"]["run"]["runId"] == step["run"]["runId"]
    assert dataset["run"]["facets"]["parent"]["root"]["run"]["runId"] == result.run_id
    assert dataset["job"]["facets"]["sourceCodeLocation"]["path"] == "dbt_project/models/revenue.sql"
    warehouse = f"duckdb://{settings.warehouse_path}"
    assert [(one["namespace"], one["name"]) for one in dataset["inputs"]] == [(warehouse, "warehouse.raw.usage")]
    [output] = dataset["outputs"]
    assert output["facets"]["schema"]["fields"] == [{"name": "amount_minor", "type": "BIGINT", "description": "What was earned.", "fields": []}]
    [origin] = output["facets"]["columnLineage"]["fields"]["amount_minor"]["inputFields"]
    assert (origin["name"], origin["field"], origin["transformations"][0]["type"]) == ("warehouse.raw.usage", "quantity", "DIRECT")
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3


def test_a_failure_is_told_with_its_words_and_without_secrets(install: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "a-key-that-nobody-may-see")
    settings = install("events.jsonl")
    run(settings, "K3 does not tie: a-key-that-nobody-may-see of ada@example.test")
    events = events_in(settings.home / "events.jsonl")
    for event in events:
        assert_valid(event)
    assert_whole(events)
    (step,) = of_state(events, "FAIL", "close.marts__revenue")
    assert step["run"]["facets"]["errorMessage"]["message"] == "K3 does not tie: *** of ***"
    assert len(of_state(events, "FAIL", "close")) == 1
    assert of_state(events, "COMPLETE", "marts.revenue") == []
    assert "nobody-may-see" not in (settings.home / "events.jsonl").read_text()


def test_a_run_whose_process_died_is_ended_with_its_steps_by_whoever_finds_it(install: Callable[[str], Settings]) -> None:
    settings = install("events.jsonl")
    with open_instance(settings) as instance:
        job = definitions().resolve_job_def("close")
        dead = instance.create_run_for_job(job)
        for kind, step in ((dg.DagsterEventType.PIPELINE_START, None), (dg.DagsterEventType.STEP_START, "marts__revenue")):
            event = dg.DagsterEvent(kind.value, dead.job_name, step_key=step)
            instance.handle_new_event(dg.EventLogEntry(None, 10, "", dead.run_id, time.time(), step, dead.job_name, event))
        observer.forget(settings.home)
        found = instance.get_run_by_id(dead.run_id)
        assert found is not None
        instance.report_run_failed(found, "its process ended before the run did")
    events = events_in(settings.home / "events.jsonl")
    assert_whole(events)
    assert len(of_state(events, "ABORT", "close.marts__revenue")) == 1
    (ended,) = of_state(events, "FAIL", "close")
    assert "its process ended" in ended["run"]["facets"]["errorMessage"]["message"]


def test_what_a_sensor_reports_of_an_asset_is_of_no_run_and_is_not_told(install: Callable[[str], Settings], caplog: pytest.LogCaptureFixture) -> None:
    settings = install("events.jsonl")
    with open_instance(settings) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization(MODEL, partition="northlight_us|2026-01"))
        instance.report_runless_asset_event(dg.AssetCheckEvaluation(asset_key=MODEL, check_name="not_null", passed=True))
    assert "could not be made" not in caplog.text
    assert not (settings.home / "events.jsonl").exists()


def test_nothing_is_told_where_events_are_off(install: Callable[[str], Settings]) -> None:
    for off in ("off", "'off'", "null"):
        settings = install(off)
        assert not settings.open_lineage.is_on
    assert run(settings).success
    assert not (settings.home / "logs" / "open_lineage.json").exists()


@pytest.mark.parametrize("wrong", ["{file: a, url: 'https://b'}", "{url: 'ftp://b'}", "{endpoint: 3, uri: x}"])
def test_a_place_that_is_none_is_refused_with_the_settings(install: Callable[[str], Settings], wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="open_lineage"):
        install(wrong)


class Endpoint:
    """A server that takes events, each with its path and authorization; ``answers`` may be changed, None is no answer at all."""

    def __init__(self, answers: int | None = 200) -> None:
        self.answers = answers
        self.received: list[tuple[str, str | None, dict[str, Any]]] = []
        self.ended = threading.Event()

    @property
    def taken(self) -> list[dict[str, Any]]:
        return [event for _, _, event in self.received]


@contextmanager
def endpoint(answers: int | None = 200) -> Iterator[tuple[str, Endpoint]]:
    told = Endpoint(answers)

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if told.answers is None:
                told.ended.wait()
                return
            told.received.append((self.path, self.headers.get("Authorization"), body))
            self.answer(told.answers)

    with listening(Handler) as url:
        try:
            yield url, told
        finally:
            told.ended.set()


def state_of(settings: Settings) -> DeliveryState:
    observer.forget(settings.home)
    state = delivery_state(settings)
    assert state is not None
    return state


def test_an_endpoint_gets_every_event_in_order_with_the_key(install: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "key-of-the-endpoint")
    with endpoint() as (url, there):
        settings = install(url)
        run(settings)
        state = state_of(settings)
    assert {(path, key) for path, key, _ in there.received} == {("/api/v1/lineage", "Bearer key-of-the-endpoint")}
    for event in there.taken:
        assert_valid(event)
    assert_whole(there.taken)
    times = [event["eventTime"] for event in there.taken if event["job"]["name"] == "close"]
    assert times == sorted(times)
    assert (state.delivered, state.dropped, state.waiting, state.problem) == (len(there.taken), 0, 0, None)


@pytest.mark.parametrize("answers", [503, None], ids=["refuses", "hangs"])
def test_what_did_not_arrive_is_kept_and_told_of_and_arrives_with_the_next_run(answers: int | None, install: Callable[[str], Settings]) -> None:
    with endpoint(answers) as (url, there):
        settings = install(f"{{url: '{url}', timeout_seconds: 60}}")
        assert run(settings).success
        state = state_of(settings)
        assert state.waiting == len(list((settings.home / "lineage" / "undelivered").iterdir())) > 10
        assert (state.delivered, state.dropped) == (0, 0)
        assert ("503" if answers else "no answer within 1 s") in str(state.problem)
        [alert] = [one for one in holding(Installation(settings)).alerts if one.subject == "lineage events"]
        assert f"{state.waiting} events are kept" in alert.cause
        assert len(there.received) <= 4, "after some failures in a row it is left alone"

        there.answers, there.received = 200, []
        there.ended.set()
        second = run(settings)
        state = state_of(settings)
    # The first is sent again, for nobody knows whether it arrived; a receiver knows an event by its run, state and time.
    assert (state.delivered, state.waiting, state.problem) == (len(there.taken), 0, None)
    assert_whole(there.taken)
    ended = [event["run"]["runId"] for event in of_state(there.taken, "COMPLETE", "close")]
    assert len(ended) == 2
    assert ended[-1] == second.run_id
    assert not [one for one in holding(Installation(settings)).alerts if one.subject == "lineage events"]


def test_an_event_that_would_be_refused_again_keeps_no_other_from_arriving(install: Callable[[str], Settings]) -> None:
    with endpoint(422) as (url, there):
        settings = install(url)
        Undelivered(settings).keep('{"job": {"name": "nothing that anybody knows"}}')
        wait_for(lambda: len(there.received) == 1, open_delivery(settings))
        there.answers = 200
        assert run(settings).success
        state = state_of(settings)
    assert (state.dropped, state.waiting, state.problem) == (1, 0, None)
    assert state.delivered == len(there.taken) - 1


def test_an_endpoint_that_never_answers_does_not_delay_a_run(install: Callable[[str], Settings]) -> None:
    with endpoint(None) as (url, _):
        quiet = install("off")
        began = time.monotonic()
        run(quiet)
        without = time.monotonic() - began
        observer.forget(quiet.home)

        def seconds() -> tuple[float, float]:
            settings = install(f"{{url: '{url}', timeout_seconds: 60}}")
            began = time.monotonic()
            assert run(settings).success
            ran = time.monotonic() - began
            observer.forget(settings.home)
            return ran, time.monotonic() - began

        # The end of a process waits for it a moment, and no longer. A machine that does something else meanwhile takes longer: not every time.
        assert any(ran < without + 2.0 and in_all < without + 5.0 for ran, in_all in (seconds() for _ in range(5)))


KILLED = """
import os, sys
from openlineage.client.event_v2 import RunEvent, RunState, Run, Job
from dagster_project.open_lineage.delivery import open_delivery
from reverse_etl.settings import load_settings

delivery = open_delivery(load_settings())
for number in range(20):
    job = Job("tieout", f"job {number}")
    delivery.send(RunEvent(eventTime="2026-02-01T00:00:00Z", run=Run("01890a5d-ac96-774b-bcce-b302099a8057"), job=job, eventType=RunState.START, producer="https://tieout.invalid"))
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_told_is_sent_by_the_next_one_in_order(install: Callable[[str], Settings]) -> None:
    with endpoint(503) as (url, there):
        settings = install(url)
        subprocess.run([sys.executable, "-c", KILLED], env={**os.environ, "TIEOUT_HOME": str(settings.home)}, check=False, timeout=300)
        there.answers, there.received = 200, []
        wait_for(lambda: len(there.received) == 20, open_delivery(settings))
    assert [event["job"]["name"] for event in there.taken] == [f"job {number}" for number in range(20)]


def wait_for(reached: Callable[[], bool], opened: Delivery | None) -> None:
    assert opened is not None
    ends = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < ends
        time.sleep(0.02)
    opened.close()


def test_more_than_can_ever_be_wanted_is_dropped_from_the_oldest_on(install: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MOST_WAITING", 3)
    with endpoint() as (url, there):
        settings = install(url)
        for number in range(5):
            Undelivered(settings).keep(f'{{"number": {number}}}')
        wait_for(lambda: len(there.received) == 3, open_delivery(settings))
        state = state_of(settings)
    assert [event["number"] for event in there.taken] == [2, 3, 4]
    assert (state.delivered, state.dropped) == (3, 2)
