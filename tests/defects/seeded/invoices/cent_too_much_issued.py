from defect import Defect, Finding
from outbox_rows import Lines, changed, usage_line, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def add(lines: Lines) -> Lines:
        usage_line(lines)["amount_minor"] += 1
        return lines

    return changed(rows, "invoice", lambda row: with_lines(row, add))


DEFECT = Defect(
    rule="What is issued of a line is what is rated, to the cent.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"), Finding("re-performance")),
    issue=plant,
)
