from dataclasses import replace

from closing import Close
from defect import Finding, RegisterDefect

from dagster_project.close.outbox import OPENINGS, proposed
from reverse_etl.documents import OutboxRow


def propose(close: Close) -> list[OutboxRow]:
    [row] = proposed(close.installation.warehouse, [OPENINGS], "opening_not_approved")
    return [replace(row, total_minor=100, payload={**row.payload, "signed_minor": 100, "signed_functional_minor": 100})]


DEFECT = RegisterDefect(
    rule="An opening is sealed exactly as two people have approved it.",
    caught_by=Finding("sealing", "not_approved"),
    propose=propose,
)
