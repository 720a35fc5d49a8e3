"""The register's mirror in the warehouse, at the three moments of a close at which models read it."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.steps import mirror_register
from dagster_project.controls.catalogue import REGISTER_CONTROLS
from dagster_project.controls.findings import register_findings
from dagster_project.defs.checks.controls import check_results, check_specs
from dagster_project.defs.partitions import ONE_PERIOD_PER_RUN, WAREHOUSE_POOL
from dagster_project.defs.reporting import step, table
from dagster_project.defs.row_counts import ROW_COUNT, rows_of
from dagster_project.oversight.auditing import write_anchor
from reverse_etl.landing.register_relations import REGISTER_RELATIONS

MOMENTS = {
    "opening": "Read by invoicing, before anything of the close is sealed.",
    "issued": "Read by accounting, once the billing documents are sealed.",
    "closing": "Read by reconciliation, once everything is delivered and verified.",
}
ANCHOR = dg.AssetKey(["register", "anchor"])


@dg.asset(
    key=ANCHOR,
    group_name="register",
    kinds={"sqlite"},
    owners=["team:finance-engineering"],
    check_specs=check_specs(REGISTER_CONTROLS, ANCHOR),
    description="Where the register stands, day by day: position, hash, documents and totals. An older or changed register is told from it, and "
    "audited before it is anchored.",
)
def register_anchor(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[Any]:
    findings = register_findings(installation)
    yield from check_results(findings, ANCHOR)
    with step(context, "register/anchor") as told:
        anchor = write_anchor(installation)
        told.message = f"anchored at position {anchor.position}"
    yield dg.MaterializeResult(metadata={"position": anchor.position, "head_hash": anchor.head_hash, "anchor": anchor.line()})


def register_mirror(moment: str, deps: list[dg.AssetKey], close: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The mirror of one moment as a step of its own."""
    name = f"register_{moment}"

    @dg.multi_asset(specs=[mirror_spec(moment, deps)], name=name, partitions_def=close, backfill_policy=ONE_PERIOD_PER_RUN, pool=WAREHOUSE_POOL)
    def mirrored(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> dg.MaterializeResult[None]:
        return mirror(context, installation, moment)

    return mirrored


def mirror_spec(moment: str, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["register", moment],
        deps=deps,
        group_name="register",
        kinds={"sqlite", "duckdb"},
        owners=["team:finance-engineering"],
        description=f"The register's documents, states and periods, mirrored by position. {MOMENTS[moment]}",
    )


def mirror(context: dg.AssetExecutionContext, installation: Installation, moment: str) -> dg.MaterializeResult[None]:
    with step(context, f"register/{moment}") as told:
        report = mirror_register(installation)
        told.message = f"mirrored to position {report.position}"
        rows = rows_of(installation, REGISTER_RELATIONS)
        told.metadata = {
            "position": report.position,
            "incarnation": report.incarnation,
            ROW_COUNT: rows["register.documents"],
            "relations": table([{"relation": relation, "rows": rows[relation], "appended": report.appended.get(relation, 0)} for relation in rows]),
        }
    return dg.MaterializeResult(asset_key=["register", moment], metadata=told.metadata)
