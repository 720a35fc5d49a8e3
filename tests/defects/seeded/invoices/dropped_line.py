from defect import Defect, Finding
from outbox_rows import changed, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return changed(rows, "invoice", lambda row: with_lines(row, lambda lines: [line for line in lines if line["kind"] != "usage"]))


DEFECT = Defect(
    rule="What is rated is issued.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"), Finding("re-performance")),
    issue=plant,
)
