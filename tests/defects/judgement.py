"""What the controls say after a close, by legal entity."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from closing import Close
from company import PERIOD
from defect import Finding

from dagster_project.published.reperforming import read_facts
from reverse_etl.reperformance import reperform

CAUGHT, FALSE_ALARMS = "caught", "false_alarms"
"""What a test records, for the line that sums them up."""
NOBODY = "no legal entity"
"""Whose a finding is that names none: nobody could act on it."""
RELATIONS = {
    "held_lines": "select distinct entity, hold_reason as detail, line_key from invoicing.held_lines where blocks_document",
    "quarantined_usage_events": "select file_name, reason as detail from usage.quarantined_usage_events",
    "refused_reference_rows": "select subject, rule as detail from staging.refused_reference_rows",
    "run_gates": "select entity, cause as detail from approvals.run_gates where is_stopped",
}
# What is served beyond the period is billed by a later close.
# A break of K0 or K1 is of the company as a whole; its subject is the file, which names whose it is.
BREAKS = f"""
    select distinct checkpoint, nullif(entity, '*') as entity, measure as detail, subject from reconciliation.checkpoint_breaks
    where checkpoint not in ('K3', 'K10') or period <= '{PERIOD}'
"""
# Told by the relation itself, which names the rule.
TOLD_OTHERWISE = ("assert_no_reference_row_is_refused",)


def findings(close: Close) -> dict[str, set[Finding]]:
    found: defaultdict[str, set[Finding]] = defaultdict(set)
    entities = frozenset(close.entities)
    for entity, refusals in close.refused.items():
        found[entity] |= refusals
    for row in close.read(BREAKS):
        found[_owner(row, entities)].add(Finding(row["checkpoint"], row["detail"]))
    for control, statement in RELATIONS.items():
        for row in close.read(statement):
            found[_owner(row, entities)].add(Finding(control, row["detail"]))
    reperformed = reperform(close.installation.settings.inbox, read_facts(close.installation, published=False))
    for month in reperformed.months:
        if month.differences:
            found[month.entity].add(Finding("re-performance"))
    for test, status in close.tests.items():
        if status != "pass" and test not in TOLD_OTHERWISE:
            for row in close.read(f"select * from breaks.{test}") or [{}]:
                found[_owner(row, entities)].add(Finding(test))
    return found


def _owner(row: dict[str, Any], entities: frozenset[str]) -> str:
    """The legal entity that a row says it is about; where it has no such column, the one that its keys name."""
    named = {row["entity"]} if row.get("entity") else {word for value in row.values() for word in re.findall(r"[a-z0-9_]+", str(value))}
    owners = named & entities
    return owners.pop() if len(owners) == 1 else NOBODY
