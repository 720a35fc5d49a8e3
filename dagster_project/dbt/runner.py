"""Builds exactly what a Dagster step was asked for, with dbt in the same process, and tells Dagster what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from dagster_project.dbt.evidence import columns_of, failing_rows, row_counts
from dagster_project.dbt.model_lineage import KnownLineage, built_models, column_metadata
from dagster_project.dbt.project import DbtPaths, invoke, is_current, parse
from dagster_project.dbt.translator import TieoutTranslator
from reverse_etl.progress import Course
from reverse_etl.settings import Settings
from reverse_etl.warehouse import open_warehouse

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

FAILED_STATUSES = frozenset({"error", "fail", "runtime error"})

BuildEvent = dg.Output[None] | dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckResult | dg.AssetCheckEvaluation


class InProcessDbt:
    """dbt as a resource: one start and one parse per process, however many steps run; a change of the project needs a new one.

    ``threads`` overrides the profile's number of threads.
    """

    def __init__(self, settings: Settings, paths: DbtPaths | None = None, threads: int | None = None) -> None:
        self._settings = settings
        self._paths = paths or DbtPaths.of(settings)
        self._threads = threads
        self._parsed: Manifest | None = None
        self._lineage = KnownLineage(self._paths.lineage)

    def manifest(self) -> dict[str, Any]:
        """The manifest of the project as it stands, as dbt writes it; dbt parses only if a file changed since the last time.

        Raises:
            ConfigurationError: the project does not parse.
        """
        if not is_current(self._paths):
            self._parsed = parse(self._paths)
        return with_latest_versions(json.loads(self._paths.manifest.read_bytes()))

    def build(
        self,
        context: dg.AssetExecutionContext,
        manifest: Mapping[str, Any],
        translator: TieoutTranslator,
        full_refresh: bool = False,
        tests: frozenset[str] | None = None,
    ) -> Iterator[BuildEvent]:
        """Build the selected models with the selected tests, of which only ``tests`` if given; yield their events; then fail if anything failed.

        The failure comes last so that every result is recorded, and it comes always so that nothing downstream is sealed.

        Raises:
            dagster.Failure: a model or a test of severity error failed, or dbt could not run.
            WarehouseBusyError: another process holds the warehouse.
        """
        selection = selected_nodes(context, tests)
        if not selection:
            return
        messages: list[DbtCoreCliEventMessage] = []
        arguments = ["build", "--exclude-resource-type", "unit_test", "--no-write-json"]
        if full_refresh:
            arguments.append("--full-refresh")
        if self._threads:
            arguments += ["--threads", str(self._threads)]
        warehouse = open_warehouse(self._settings)
        with warehouse.writing(f"dbt build of {len(selection)} nodes, run {context.run.run_id[:8]}"):
            callbacks = [collector(messages), counter(Course("models and tests", len(selection)))]
            outcome = invoke(self._paths, arguments, self._parsed_manifest(), callbacks, only=selection)
            results = getattr(outcome.result, "results", None) or []
            counts = row_counts(warehouse, results)
            rows = failing_rows(warehouse, results)
            catalog = columns_of(warehouse) if counts else {}
        # Reading SQL takes longer than the catalogue: nobody waits for the warehouse meanwhile.
        built = built_models(results, manifest)
        origins = self._lineage.of(built, catalog)
        columns = {
            model.unique_id: column_metadata(
                manifest["nodes"][model.unique_id], origins[model.unique_id], catalog.get(model.relation, {}), manifest, translator
            )
            for model in built
        }
        for message in messages:
            for event in message.to_default_asset_events(manifest, translator, context):
                yield with_evidence(event, counts, rows, columns)
        failures = [f"{result.node.name}: {' '.join(str(result.message).split())}" for result in results if str(result.status) in FAILED_STATUSES]
        if failures or not outcome.success:
            reason = "; ".join(failures) or str(outcome.exception)
            raise dg.Failure(description=f"dbt build failed, nothing downstream runs: {reason}", allow_retries=False)

    def refresh(self, model: str) -> None:
        """Build a model with everything that it reads, for a step that needs what it says at once; no asset is told of it.

        Raises:
            dagster.Failure: a model could not be built.
            WarehouseBusyError: another process holds the warehouse.
        """
        arguments = ["build", "--select", f"+{model}", "--exclude-resource-type", "test", "unit_test", "--no-write-json"]
        with open_warehouse(self._settings).writing(f"dbt build of {model}"):
            outcome = invoke(self._paths, arguments, self._parsed_manifest())
        if not outcome.success:
            results = getattr(outcome.result, "results", None) or []
            failed = [f"{result.node.name}: {' '.join(str(result.message).split())}" for result in results if str(result.status) in FAILED_STATUSES]
            raise dg.Failure(description=f"dbt build of {model} failed: {'; '.join(failed) or outcome.exception}", allow_retries=False)

    def _parsed_manifest(self) -> Manifest:
        if self._parsed is None:
            self._parsed = parse(self._paths)
        return self._parsed


def with_latest_versions(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest, in which a test that says of which model it is a check means the latest version, as ``ref`` does.

    dagster-dbt looks for a model without a version then, finds none, and the test would silently be no check of anything.
    """
    latest = {node["name"]: node["latest_version"] for node in manifest["nodes"].values() if node.get("latest_version") is not None}
    for node in manifest["nodes"].values():
        reference = (node["config"].get("meta") or {}).get("dagster", {}).get("ref", {}) if node["resource_type"] == "test" else {}
        if reference.get("name") in latest:
            reference.setdefault("version", latest[reference["name"]])
    return manifest


def selected_nodes(context: dg.AssetExecutionContext, tests: frozenset[str] | None = None) -> list[str]:
    """The unique ids of the models and tests that the step was asked for, and no others. ``tests``: all that may run, if not all may."""
    models = [_unique_id(context.assets_def.get_asset_spec(key)) for key in sorted(context.selected_asset_keys)]
    asked = [_unique_id(context.assets_def.get_spec_for_check_key(key)) for key in sorted(context.selected_asset_check_keys)]
    return [*models, *(test for test in asked if tests is None or test in tests)]


def _unique_id(spec: dg.AssetSpec | dg.AssetCheckSpec) -> str:
    return str((spec.metadata or {})[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY])


def collector(messages: list[DbtCoreCliEventMessage]) -> Any:
    """A callback that keeps the results of nodes among dbt's events, in the form that dagster-dbt reads."""
    from dbt_common.events.functions import msg_to_dict

    def collect(event: Any) -> None:
        if event.info.name in ("LogModelResult", "LogSeedResult", "LogSnapshotResult", "LogTestResult"):
            messages.append(DbtCoreCliEventMessage(raw_event=msg_to_dict(event), event_history_metadata={}))

    return collect


def counter(course: Course) -> Any:
    """A callback that tells how many nodes of a build are done, and which was the last."""

    def count(event: Any) -> None:
        if event.info.name == "NodeFinished":
            course.advance(doing=event.data.node_info.node_name)

    return count


def with_evidence(event: Any, counts: Mapping[str, int], rows: Mapping[str, dg.TableMetadataValue], columns: Mapping[str, Mapping[str, Any]]) -> Any:
    """The event with the row count and the columns of its model, or the failing rows of its test."""
    unique_id = (event.metadata or {}).get("unique_id")
    name = str(getattr(unique_id, "value", unique_id))
    if isinstance(event, dg.Output) and (name in counts or name in columns):
        counted = {"dagster/row_count": counts[name]} if name in counts else {}
        return event.with_metadata({**event.metadata, **counted, **columns.get(name, {})})
    if isinstance(event, dg.AssetCheckResult) and name in rows:
        return event._replace(metadata={**event.metadata, "failing_rows": rows[name]})
    return event
