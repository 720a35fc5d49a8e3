from defect import Defect, Finding
from outbox_rows import renamed

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return [*rows, *(renamed(row, ":again") for row in rows if row.document_type == "invoice")]


DEFECT = Defect(
    rule="An invoice is issued once.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"), Finding("re-performance")),
    issue=plant,
)
