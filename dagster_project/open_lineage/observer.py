"""Turns what Dagster records into events. It listens where every event of a run is stored, once: in the process of the run, whoever started it."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg
from dagster import DagsterEventType as Kind
from dagster._core.instance import RUNLESS_RUN_ID
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG

from dagster_project.close.partitions import PERIOD, CloseKey
from reverse_etl.settings import Settings, load_settings

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

    from dagster_project.open_lineage.delivery import Delivery
    from dagster_project.open_lineage.events import Check, Events, RunOf
    from dagster_project.open_lineage.graph import AssetGraph
    from dagster_project.open_lineage.remote_documents import RemoteDocumentsOutputDatasetFacet

LOG = logging.getLogger(__name__)
TYPES_AT_BILLING = {"invoices": "invoice", "credit_notes": "credit_memo"}
JOURNAL, JOURNAL_ENTRY = "journal", "journal_entry"
LONGEST_ERROR = 4_000


class RunLog(Protocol):
    """What is recorded of runs."""

    def run(self, run_id: str) -> dg.DagsterRun | None: ...

    def open_steps(self, run_id: str) -> Collection[str]:
        """The steps that began and did not end."""
        ...


@dataclass
class _Seen:
    """What is known of a run while it is under way."""

    of: RunOf
    open_steps: set[str] = field(default_factory=set)
    checks: dict[str, list[Check]] = field(default_factory=dict)
    materialized: Counter[dg.AssetKey] = field(default_factory=Counter)


class Observer:
    """One installation's. ``graph`` may be told later, once the definitions are built: a process without them tells of runs and steps alone."""

    def __init__(self, settings: Settings, delivery: Delivery, graph: Callable[[], AssetGraph | None]) -> None:
        from dagster_project.open_lineage.events import Events
        from dagster_project.open_lineage.graph import AssetGraph
        from reverse_etl.redaction import redaction_of

        self._settings = settings
        self._delivery = delivery
        self._graph = graph
        self._events = Events(settings, graph() or AssetGraph())
        self._knows_graph = graph() is not None
        self._redaction = redaction_of(settings)
        self._runs: dict[str, _Seen] = {}
        self._lock = threading.Lock()

    def see(self, entry: dg.EventLogEntry, log: RunLog) -> None:
        """Never raises: a run does not fail for what is told of it."""
        event = entry.dagster_event
        # What a sensor or a person reports of an asset is of no run, and OpenLineage tells of runs.
        if event is None or event.event_type not in _SEEN or entry.run_id == RUNLESS_RUN_ID:
            return
        try:
            with self._lock:
                for told in self._told(entry, event, log):
                    self._delivery.send(told)
                if event.event_type in _ENDS_OF_RUNS:
                    self._runs.pop(entry.run_id, None)
        except Exception:
            LOG.exception("an event of OpenLineage could not be made of %s of run %s", event.event_type_value, entry.run_id)

    def close(self) -> None:
        self._delivery.close()

    def _told(self, entry: dg.EventLogEntry, event: dg.DagsterEvent, log: RunLog) -> list[RunEvent]:
        from openlineage.client.event_v2 import RunState

        events = self._current_events()
        seen = self._runs.get(entry.run_id) or self._remember(entry.run_id, event, log)
        step, at = entry.step_key or event.step_key or "", entry.timestamp
        match event.event_type:
            case Kind.RUN_START:
                return [events.run(seen.of, RunState.START, at)]
            case Kind.STEP_START:
                seen.open_steps.add(step)
                return [events.step(seen.of, step, RunState.START, at)]
            case Kind.ASSET_MATERIALIZATION:
                return self._dataset(seen, event, step, at)
            case Kind.ASSET_CHECK_EVALUATION:
                seen.checks.setdefault(step, []).append(_check(event))
                return []
            case Kind.STEP_SUCCESS | Kind.STEP_FAILURE:
                failed = event.event_type is Kind.STEP_FAILURE
                seen.open_steps.discard(step)
                state = RunState.FAIL if failed else RunState.COMPLETE
                error = self._error(event.step_failure_data) if failed else None
                ended = events.step(seen.of, step, state, at, seen.checks.pop(step, ()), error)
                return [ended, events.run(seen.of, RunState.RUNNING, at)]
        state = {Kind.RUN_SUCCESS: RunState.COMPLETE, Kind.RUN_FAILURE: RunState.FAIL, Kind.RUN_CANCELED: RunState.ABORT}[event.event_type]
        error = None
        if state is RunState.FAIL:
            error = self._error(event.job_failure_data) or self._redaction.text(event.message or "failed")
        aborted = [events.step(seen.of, one, RunState.ABORT, at) for one in sorted(seen.open_steps)]
        return [*aborted, events.run(seen.of, state, at, error)]

    def _current_events(self) -> Events:
        from dagster_project.open_lineage.events import Events

        graph = None if self._knows_graph else self._graph()
        if graph is not None:
            self._events, self._knows_graph = Events(self._settings, graph), True
        return self._events

    def _remember(self, run_id: str, event: dg.DagsterEvent, log: RunLog) -> _Seen:
        from dagster_project.open_lineage.events import RunOf

        run = log.run(run_id)
        tags = run.tags if run is not None else {}
        first = tags.get(ASSET_PARTITION_RANGE_START_TAG) or tags.get(PARTITION_NAME_TAG)
        last = tags.get(ASSET_PARTITION_RANGE_END_TAG) or first
        period = first.rpartition("|")[2] if first else None
        name = run.job_name if run is not None else event.job_name
        if period is not None and PERIOD.fullmatch(period):
            of = RunOf(run_id, name, period=period)
        else:
            of = RunOf(run_id, name, days=(first, last) if first and last and len(first) == len("2026-01-01") else None)
        self._runs[run_id] = _Seen(of)
        if event.event_type in _ENDS_OF_RUNS:
            # Another process ends what a killed one left.
            self._runs[run_id].open_steps = set(log.open_steps(run_id))
        return self._runs[run_id]

    def _dataset(self, seen: _Seen, event: dg.DagsterEvent, step: str, at: float) -> list[RunEvent]:
        materialization = event.step_materialization_data.materialization
        asset = materialization.asset_key
        number = seen.materialized[asset] = seen.materialized[asset] + 1
        documents = self._documents(asset, materialization.partition)
        return [
            self._events.dataset_started(seen.of, step, asset, number, at),
            self._events.dataset(seen.of, step, asset, number, at, materialization.metadata, documents),
        ]

    def _documents(self, asset: dg.AssetKey, partition: str | None) -> RemoteDocumentsOutputDatasetFacet | None:
        """What the destination holds of the partition, if the asset is one at a destination."""
        system, *rest = asset.path
        entity, _, period = (partition or "").partition("|")
        if system not in self._settings.destinations or len(rest) != 1 or not period:
            return None
        document_type = JOURNAL_ENTRY if rest[0] == JOURNAL else TYPES_AT_BILLING.get(rest[0])
        if document_type is None:
            return None
        from dagster_project.open_lineage.remote_documents import remote_documents
        from reverse_etl.oversight.delivered import delivered_documents
        from reverse_etl.register import Register
        from reverse_etl.systems.document_links import DocumentLinks

        key = CloseKey(entity, period)
        with closing(Register.open(self._settings.register_url)) as register:
            there = delivered_documents(
                register,
                DocumentLinks(self._settings),
                system,
                key.entity,
                key.period,
                self._settings.open_lineage.documents,
                document_type=document_type,
            )
        return remote_documents(there.documents, there.total)

    def _error(self, data: Any) -> str | None:
        """What a person is told: the description that the step gave, else the innermost cause."""
        user = getattr(data, "user_failure_data", None)
        if user is not None and user.description:
            return self._redaction.text(user.description)[:LONGEST_ERROR]
        error = getattr(data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        return None if error is None else self._redaction.text(error.message.strip())[:LONGEST_ERROR]


_ENDS_OF_RUNS = frozenset({Kind.RUN_SUCCESS, Kind.RUN_FAILURE, Kind.RUN_CANCELED})
_SEEN = _ENDS_OF_RUNS | {
    Kind.RUN_START,
    Kind.STEP_START,
    Kind.STEP_SUCCESS,
    Kind.STEP_FAILURE,
    Kind.ASSET_MATERIALIZATION,
    Kind.ASSET_CHECK_EVALUATION,
}
_graphs: dict[Path, AssetGraph] = {}
_observers: dict[Path, Observer | None] = {}


def know(settings: Settings, graph: Callable[[], AssetGraph]) -> None:
    """The definitions of an installation were built: what they say of assets is told from now on."""
    if settings.open_lineage.is_on:
        _graphs[settings.home.resolve()] = graph()


def observe(dagster_home: Path, entry: dg.EventLogEntry, log: RunLog) -> None:
    """An event of the instance in ``<home>/dagster`` was stored. Never raises."""
    home = dagster_home.resolve().parent
    try:
        if home not in _observers:
            _observers[home] = _opened(home)
        observer = _observers[home]
    except Exception:
        LOG.exception("events of OpenLineage cannot be made for %s", home)
        _observers[home] = None
        return
    if observer is not None:
        observer.see(entry, log)


def forget(home: Path) -> None:
    """Begin anew with the settings as they are now."""
    observer = _observers.pop(home.resolve(), None)
    if observer is not None:
        observer.close()


def _opened(home: Path) -> Observer | None:
    settings = load_settings(home)
    if not settings.open_lineage.is_on:
        return None
    from dagster_project.open_lineage.delivery import open_delivery

    delivery = open_delivery(settings)
    return None if delivery is None else Observer(settings, delivery, lambda: _graphs.get(home))


def _check(event: dg.DagsterEvent) -> Check:
    from dagster_project.open_lineage.events import Check

    found = event.asset_check_evaluation_data
    return Check(found.asset_key, found.check_name, found.passed, found.severity.value.lower())
