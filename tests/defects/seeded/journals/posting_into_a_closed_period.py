from contextlib import closing

from defect import Defect, Finding

from dagster_project.close import Installation


def plant(installation: Installation, entity: str) -> None:
    """The period is closed while its journals are not posted yet."""
    with closing(installation.open_register()) as register:
        register.close_period(entity, "2026-01", landing_position=None, actor="tests")


DEFECT = Defect(
    rule="A closed period takes no entry (J05).",
    caught_by=Finding("assert_j05_posting_periods_are_open"),
    implies=(
        Finding("sealing", "closed_period"),
        Finding("K5", "receivable"),
        Finding("K5", "net"),
        Finding("K5", "recognised"),
        Finding("K6", "sealed"),
        Finding("K6", "posted"),
        Finding("assert_closed_periods_stay_tied"),
        Finding("K10", "revenue"),
        Finding("re-performance"),
    ),
    before_posting=plant,
)
