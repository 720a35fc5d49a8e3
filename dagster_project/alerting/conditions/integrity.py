"""The register is not what it says it is."""

from __future__ import annotations

from collections.abc import Iterator

from dagster_project.alerting.conditions.words import listing, sentence
from dagster_project.alerting.facts import Facts
from dagster_project.quantities import counted
from reverse_etl.alerting import Alert, AlertKind, Severity


def register_integrity(facts: Facts) -> Iterator[Alert]:
    if facts.integrity is not None and facts.integrity.findings:
        findings = facts.integrity.findings
        yield Alert(
            AlertKind.REGISTER_INTEGRITY,
            Severity.CRITICAL,
            "register",
            sentence(f"{counted(len(findings), 'finding')} of the audit: {listing(findings)}"),
            facts.integrity.checked_at,
            next_command="tieout audit verify",
            count=len(findings),
        )
