"""Controls as asset checks: who answers for them, by when, and the break list as a table."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.controls.catalogue import DELIVERY_CONTROLS, Control
from dagster_project.controls.findings import Finding, delivery_findings
from dagster_project.defs.checks.answering import answered_for
from dagster_project.defs.reporting import table


def check_specs(controls: Iterable[Control], asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            control.name,
            asset=asset,
            description=answered_for(control.title, control.owner, control.sla_hours),
            metadata={
                "control": control.documented,
                "owner": control.owner,
                "severity": control.severity,
                "sla_hours": control.sla_hours,
                "break_list": control.break_list,
            },
        )
        for control in controls
    ]


def check_results(findings: Iterable[Finding], asset: dg.AssetKey, of: str = "") -> Iterator[dg.AssetCheckResult]:
    """``of``: what was looked at, where an asset has several of it: its check shows what was looked at last."""
    for finding in findings:
        yield dg.AssetCheckResult(
            passed=finding.holds,
            asset_key=asset,
            check_name=finding.control.name,
            severity=severity_of(finding.control),
            description=f"{of}: {'it holds' if finding.holds else finding.problem or f'{finding.total} do not hold'}" if of else None,
            metadata=evidence(finding),
        )


def evaluation(finding: Finding, asset: dg.AssetKey) -> dg.AssetCheckEvaluation:
    """The same, as told by a sensor."""
    return dg.AssetCheckEvaluation(
        asset_key=asset, check_name=finding.control.name, passed=finding.holds, severity=severity_of(finding.control), metadata=evidence(finding)
    )


def severity_of(control: Control) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity(control.severity.upper())


def evidence(finding: Finding) -> dict[str, Any]:
    """The break list, and how much of it is shown."""
    told: dict[str, Any] = {"breaks": finding.total, "break_list": table(finding.rows)}
    if finding.total > len(finding.rows):
        told["shown"] = f"the first {len(finding.rows)} of {finding.total}; all of them: {finding.control.break_list}"
    if finding.problem is not None:
        told["problem"] = finding.problem
    return told | dict(finding.more or {})


def delivery_checks(deliveries: Mapping[str, dg.AssetKey]) -> dg.AssetChecksDefinition:
    """What is said of every destination after a delivery; the sensors say the same between two closes. ``deliveries``: by destination."""
    specs = [spec for asset in deliveries.values() for spec in check_specs(DELIVERY_CONTROLS, asset)]

    @dg.multi_asset_check(specs=specs, name="delivery_controls", can_subset=True, description="The controls of each destination, from the register.")
    def controls(context: dg.AssetCheckExecutionContext, installation: dg.ResourceParam[Installation]) -> Iterator[dg.AssetCheckResult]:
        asked = context.selected_asset_check_keys
        for system, asset in deliveries.items():
            if any(key.asset_key == asset for key in asked):
                for result in check_results(delivery_findings(installation, system), asset):
                    if result.check_name is not None and dg.AssetCheckKey(asset, result.check_name) in asked:
                        yield result

    return controls
