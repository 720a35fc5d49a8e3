from defect import Defect, Finding

from dagster_project.close import Installation


def plant(installation: Installation, entity: str) -> None:
    """One line of a landed file is gone from raw; the landing had counted it."""
    where = f"subject = 'first.{entity}' and time like '2026-01-20%'"
    installation.warehouse.execute([f"delete from raw.usage_events where {where}"])


DEFECT = Defect(
    rule="Every landed line is kept, a counted duplicate or quarantined.",
    caught_by=Finding("K1", "events"),
    implies=(
        Finding("K0", "quantity"),
        Finding("held_lines", "coverage_shrunk"),
    ),
    after_issue=plant,
)
