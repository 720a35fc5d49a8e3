from defect import Defect, Finding
from outbox_rows import Lines, changed, usage_line, with_lines

from reverse_etl.documents import OutboxRow

SUBSCRIPTION_REVENUE = "1003"


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """A line is frozen with an account of the chart that is mapped to another role; its journal follows it."""

    def map_otherwise(lines: Lines) -> Lines:
        usage_line(lines)["revenue_account"] = SUBSCRIPTION_REVENUE
        return lines

    return changed(rows, "invoice", lambda row: with_lines(row, map_otherwise))


DEFECT = Defect(
    rule="A line is posted to the account that its product is mapped to.",
    caught_by=Finding("re-performance"),
    issue=plant,
)
