from defect import Defect, Finding
from outbox_rows import changed, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def reverse(row: OutboxRow) -> OutboxRow:
        [credit] = [other for other in rows if other.document_type == "credit_memo"]
        return with_lines(row, lambda lines: [*lines, *({**line, "corrects_line_key": None} for line in credit.payload["lines"])])

    return changed(rows, "invoice", reverse)


DEFECT = Defect(
    rule="What was credited is not charged back.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"), Finding("re-performance")),
    issue_late=plant,
)
