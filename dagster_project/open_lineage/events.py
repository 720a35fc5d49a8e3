"""The events themselves: what OpenLineage is told of runs, steps and datasets. Pure.

A run of Dagster is a run; each of its steps is one whose parent it is; and each dataset that a step makes is one whose parent is the step, so that a
step of many models says of each what it was made from. All ids follow from Dagster's run id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import dagster as dg
from openlineage.client import facet_v2
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

from dagster_project.close.partitions import first_day, first_day_after
from dagster_project.open_lineage.graph import AssetGraph
from dagster_project.open_lineage.remote_documents import NAME, RemoteDocumentsOutputDatasetFacet
from reverse_etl.settings import SANDBOX_URL, Settings

INTEGRATION = "DAGSTER"


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found of an asset."""

    asset: dg.AssetKey
    name: str
    passed: bool
    severity: str


@dataclass(frozen=True, slots=True)
class DatasetName:
    namespace: str
    name: str


class Naming:
    """Relations are named as dbt's own integration names them, what is at a destination by the destination, and all else by its asset."""

    def __init__(self, settings: Settings, graph: AssetGraph) -> None:
        self.jobs = settings.open_lineage.namespace
        self._warehouse = f"duckdb://{settings.warehouse_path}"
        self._tables = graph.tables
        self._destinations = {
            name: f"{settings.kind(name)}://{'sandbox' if one.url == SANDBOX_URL else urlsplit(one.url).netloc}"
            for name, one in settings.destinations.items()
        }

    def of(self, asset: dg.AssetKey) -> DatasetName:
        if asset in self._tables:
            return DatasetName(self._warehouse, self._tables[asset])
        first, *rest = asset.path
        if first in self._destinations and rest:
            return DatasetName(self._destinations[first], ".".join(rest))
        return DatasetName(self.jobs, ".".join(asset.path))


@dataclass(frozen=True, slots=True)
class RunOf:
    """A run of Dagster: ``period`` and ``entity`` where it has them (``YYYY-MM``), ``day_range`` of a landing."""

    run_id: str
    job: str
    period: str | None = None
    days: tuple[str, str] | None = None


class Events:
    """Builds the events of one installation."""

    def __init__(self, settings: Settings, graph: AssetGraph) -> None:
        self.naming = Naming(settings, graph)
        self._graph = graph
        self._repository = (settings.open_lineage.repository or "").rstrip("/")
        self._producer = self._repository or f"urn:tieout:producer:{version('tieout')}"
        self._engine = facet_v2.processing_engine_run.ProcessingEngineRunFacet(
            version=version("dagster"), name="Dagster", openlineageAdapterVersion=version("tieout"), producer=self._producer
        )

    def run(self, of: RunOf, state: RunState, at: float, error: str | None = None) -> RunEvent:
        return self._event(state, at, Run(of.run_id, self._run_facets(of, error)), self._job(of.job, "JOB"))

    def step(self, of: RunOf, step: str, state: RunState, at: float, checks: Sequence[Check] = (), error: str | None = None) -> RunEvent:
        facets = self._run_facets(of, error) | {"parent": self._parent(of, None)}
        return self._event(state, at, Run(step_run_id(of, step), facets), self._job(f"{of.job}.{step}", "STEP"), inputs=self._checked(checks))

    def dataset_started(self, of: RunOf, step: str, asset: dg.AssetKey, number: int, at: float) -> RunEvent:
        run = Run(dataset_run_id(of, asset, number), self._run_facets(of, None) | {"parent": self._parent(of, step)})
        return self._event(RunState.START, at, run, self._asset_job(asset))

    def dataset(
        self,
        of: RunOf,
        step: str,
        asset: dg.AssetKey,
        number: int,
        at: float,
        metadata: Mapping[str, Any],
        documents: RemoteDocumentsOutputDatasetFacet | None = None,
    ) -> RunEvent:
        """``metadata``: what Dagster was told of the materialization."""
        run = Run(dataset_run_id(of, asset, number), self._run_facets(of, None) | {"parent": self._parent(of, step)})
        inputs = [self._input(one) for one in self._graph.upstream.get(asset, ())]
        return self._event(RunState.COMPLETE, at, run, self._asset_job(asset), inputs=inputs, outputs=[self._output(asset, metadata, documents)])

    def _event(
        self, state: RunState, at: float, run: Run, job: Job, inputs: list[InputDataset] | None = None, outputs: list[OutputDataset] | None = None
    ) -> RunEvent:
        time = datetime.fromtimestamp(at, UTC).isoformat()
        return RunEvent(eventType=state, eventTime=time, run=run, job=job, inputs=inputs or [], outputs=outputs or [], producer=self._producer)

    def _job(self, name: str, kind: str) -> Job:
        job_type = facet_v2.job_type_job.JobTypeJobFacet(processingType="BATCH", integration=INTEGRATION, jobType=kind, producer=self._producer)
        return Job(self.naming.jobs, name, {"jobType": job_type})

    def _asset_job(self, asset: dg.AssetKey) -> Job:
        job = self._job(".".join(asset.path), "ASSET")
        path = self._graph.sources.get(asset)
        if path is not None and job.facets is not None:
            url = f"{self._repository}/{path}" if self._repository else f"urn:tieout:source:{path}"
            job.facets["sourceCodeLocation"] = facet_v2.source_code_location_job.SourceCodeLocationJobFacet(
                type="git", url=url, repoUrl=self._repository or None, path=path, version=version("tieout"), producer=self._producer
            )
        return job

    def _run_facets(self, of: RunOf, error: str | None) -> dict[str, facet_v2.RunFacet]:
        facets: dict[str, facet_v2.RunFacet] = {"processing_engine": self._engine}
        nominal = _nominal(of)
        if nominal is not None:
            facets["nominalTime"] = facet_v2.nominal_time_run.NominalTimeRunFacet(nominal[0], nominal[1], producer=self._producer)
        if error is not None:
            facets["errorMessage"] = facet_v2.error_message_run.ErrorMessageRunFacet(error, "python", producer=self._producer)
        return facets

    def _parent(self, of: RunOf, step: str | None) -> facet_v2.parent_run.ParentRunFacet:
        """The run, or one of its steps; at the root there is the run."""
        parents = facet_v2.parent_run
        run_id, name = (of.run_id, of.job) if step is None else (step_run_id(of, step), f"{of.job}.{step}")
        root = parents.Root(run=parents.RootRun(of.run_id), job=parents.RootJob(self.naming.jobs, of.job))
        return parents.ParentRunFacet(parents.Run(run_id), parents.Job(self.naming.jobs, name), root, producer=self._producer)

    def _input(self, asset: dg.AssetKey) -> InputDataset:
        named = self.naming.of(asset)
        return InputDataset(named.namespace, named.name)

    def _checked(self, checks: Sequence[Check]) -> list[InputDataset]:
        """Each asset that was checked, with what was found of it."""
        quality = facet_v2.data_quality_assertions_dataset
        found: list[InputDataset] = []
        for asset in dict.fromkeys(check.asset for check in checks):
            assertions = [
                quality.Assertion(assertion=check.name, success=check.passed, severity=check.severity, name=check.name)
                for check in checks
                if check.asset == asset
            ]
            named = self.naming.of(asset)
            facet = quality.DataQualityAssertionsDatasetFacet(assertions, producer=self._producer)
            found.append(InputDataset(named.namespace, named.name, inputFacets={"dataQualityAssertions": facet}))
        return found

    def _output(self, asset: dg.AssetKey, metadata: Mapping[str, Any], documents: RemoteDocumentsOutputDatasetFacet | None) -> OutputDataset:
        named = self.naming.of(asset)
        facets: dict[str, facet_v2.DatasetFacet] = {}
        output_facets: dict[str, facet_v2.OutputDatasetFacet] = {}
        if asset in self._graph.descriptions:
            facets["documentation"] = facet_v2.documentation_dataset.DocumentationDatasetFacet(
                description=self._graph.descriptions[asset], producer=self._producer
            )
        schema = _value(metadata, "dagster/column_schema")
        if isinstance(schema, dg.TableSchema):
            columns = facet_v2.schema_dataset
            facets["schema"] = columns.SchemaDatasetFacet(
                [columns.SchemaDatasetFacetFields(column.name, column.type, column.description) for column in schema.columns],
                producer=self._producer,
            )
        lineage = _value(metadata, "dagster/column_lineage")
        if isinstance(lineage, dg.TableColumnLineage):
            facets["columnLineage"] = self._column_lineage(lineage)
        rows = _value(metadata, "dagster/row_count")
        if isinstance(rows, int):
            statistics = facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows, producer=self._producer)
            output_facets["outputStatistics"] = statistics
        if documents is not None:
            output_facets[NAME] = documents
        return OutputDataset(named.namespace, named.name, facets=facets, outputFacets=output_facets)

    def _column_lineage(self, lineage: dg.TableColumnLineage) -> facet_v2.DatasetFacet:
        columns = facet_v2.column_lineage_dataset
        fields = {}
        for column, deps in lineage.deps_by_column.items():
            inputs = []
            for dep in deps:
                named = self.naming.of(dep.asset_key)
                inputs.append(columns.InputField(named.namespace, named.name, dep.column_name, [columns.Transformation(type="DIRECT")]))
            if inputs:
                fields[column] = columns.Fields(inputs)
        return columns.ColumnLineageDatasetFacet(fields, producer=self._producer)


def step_run_id(of: RunOf, step: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{of.run_id}/{step}"))


def dataset_run_id(of: RunOf, asset: dg.AssetKey, number: int) -> str:
    """``number``: of the materialization of this asset in this run, for there is one for each partition."""
    return str(uuid5(NAMESPACE_URL, f"{of.run_id}/{asset.to_user_string()}#{number}"))


def _nominal(of: RunOf) -> tuple[str, str] | None:
    if of.period is not None:
        return f"{first_day(of.period).isoformat()}T00:00:00Z", f"{first_day_after(of.period).isoformat()}T00:00:00Z"
    if of.days is not None:
        return f"{of.days[0]}T00:00:00Z", f"{of.days[1]}T23:59:59Z"
    return None


def _value(metadata: Mapping[str, Any], name: str) -> Any:
    found = metadata.get(name)
    return getattr(found, "value", found)
