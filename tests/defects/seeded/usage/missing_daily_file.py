from defect import Defect, Finding

from dagster_project.close import Installation


def plant(installation: Installation, entity: str) -> None:
    """Raw is restored without the file of a day, and without the trace of its landing."""
    installation.warehouse.execute(
        [f"delete from raw.{relation} where file_name = 'usage/2026-02-01/{entity}.jsonl'" for relation in ("usage_events", "landed_files")]
    )


DEFECT = Defect(
    rule="What was billed must still be there: a file that is missing later is no reason for a credit.",
    caught_by=Finding("held_lines", "coverage_shrunk"),
    implies=(Finding("re-performance"),),
    after_issue=plant,
)
