from defect import Defect, Finding
from outbox_rows import Lines, changed, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def refund(lines: Lines) -> Lines:
        for line in lines:
            line["tax_minor"] += 1000
        return lines

    return changed(rows, "credit_memo", lambda row: with_lines(row, refund))


DEFECT = Defect(
    rule="A tax number that comes later refunds no tax: a correction gives back tax only with the net that it was charged on.",
    caught_by=Finding("K3", "tax"),
    issue_late=plant,
)
