"""Events as a consumer reads them, checked against OpenLineage's own classes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import attr
import jsonschema
from openlineage.client import facet_v2
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

from dagster_project.open_lineage.remote_documents import NAME, SCHEMA_FILE

FACETS: Mapping[str, type] = {
    "parent": facet_v2.parent_run.ParentRunFacet,
    "nominalTime": facet_v2.nominal_time_run.NominalTimeRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
    "documentation": facet_v2.documentation_dataset.DocumentationDatasetFacet,
    "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
    "columnLineage": facet_v2.column_lineage_dataset.ColumnLineageDatasetFacet,
    "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "dataQualityAssertions": facet_v2.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
}
DATASET_FACETS, OUTPUT_FACETS = {"documentation", "schema", "columnLineage"}, {"outputStatistics", NAME}


def assert_valid(event: Mapping[str, Any]) -> None:
    """Every member is one of the specification's, every required one is there, and every facet is of the version that it names."""
    run, job = event["run"], event["job"]
    RunEvent(
        eventType=RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=Run(run["runId"]),
        job=Job(job["namespace"], job["name"]),
        inputs=[InputDataset(one["namespace"], one["name"]) for one in event["inputs"]],
        outputs=[OutputDataset(one["namespace"], one["name"]) for one in event["outputs"]],
        producer=event["producer"],
    )
    assert set(event) == {"eventType", "eventTime", "run", "job", "inputs", "outputs", "producer", "schemaURL"}
    assert event["schemaURL"].startswith("https://openlineage.io/spec/2-")
    _assert_facets(run.get("facets", {}), {"parent", "nominalTime", "errorMessage", "processing_engine"})
    _assert_facets(job.get("facets", {}), {"jobType", "sourceCodeLocation"})
    for dataset in event["inputs"]:
        _assert_facets(dataset.get("inputFacets", {}), {"dataQualityAssertions"})
    for dataset in event["outputs"]:
        _assert_facets(dataset.get("facets", {}), DATASET_FACETS)
        _assert_facets(dataset.get("outputFacets", {}), OUTPUT_FACETS)


def assert_whole(events: Iterable[Mapping[str, Any]]) -> None:
    """Each run begins once and ends once, in that order; what it says of its parent is a run that began."""
    began: dict[str, int] = {}
    ended: dict[str, int] = {}
    for event in events:
        run, state = event["run"]["runId"], event["eventType"]
        parent = event["run"].get("facets", {}).get("parent")
        assert parent is None or parent["run"]["runId"] in began, event["job"]
        if state == "START":
            began[run] = began.get(run, 0) + 1
        else:
            assert run in began, event["job"]
        if state in ("COMPLETE", "FAIL", "ABORT"):
            ended[run] = ended.get(run, 0) + 1
    assert set(began.values()) == {1}
    assert ended == began


def _assert_facets(facets: Mapping[str, Any], allowed: set[str]) -> None:
    assert set(facets) <= allowed, set(facets) - allowed
    for name, facet in facets.items():
        if name == NAME:
            jsonschema.validate(facet, json.loads(SCHEMA_FILE.read_bytes()))
        else:
            _assert_members(facet, FACETS[name], name)
            assert facet["_schemaURL"] == FACETS[name]._get_schema()  # type: ignore[attr-defined]


def _assert_members(content: Mapping[str, Any], kind: type, where: str) -> None:
    members = {member.name: member for member in attr.fields(kind)}
    assert set(content) <= set(members), (where, set(content) - set(members))
    required = {name for name, member in members.items() if member.default is attr.NOTHING}
    assert required <= set(content), (where, required - set(content))


def of_state(events: Iterable[Mapping[str, Any]], state: str, job: str) -> list[Mapping[str, Any]]:
    return [event for event in events if event["eventType"] == state and event["job"]["name"] == job]
