"""MetricFlow on the project's semantic manifest: the SQL that it makes of a metric on DuckDB. Who asks runs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from metricflow_semantic_interfaces.transformations.semantic_manifest_transformer import PydanticSemanticManifestTransformer
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup


class DuckDb:
    """What MetricFlow must know of an engine to write SQL for it; it is never asked to run any."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()


def metric_engine(semantic_manifest: Path) -> MetricFlowEngine:
    manifest = PydanticSemanticManifest.parse_raw(semantic_manifest.read_text())
    return MetricFlowEngine(SemanticManifestLookup(PydanticSemanticManifestTransformer.transform(manifest)), DuckDb())


def metric_query(engine: MetricFlowEngine, metrics: Sequence[str], group_by: Sequence[str]) -> str:
    request = MetricFlowQueryRequest.create(metric_names=metrics, group_by_names=group_by)
    return engine.explain(request).sql_statement.without_descriptions.sql
