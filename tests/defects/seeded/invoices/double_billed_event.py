from defect import Defect, Finding
from outbox_rows import Lines, changed, usage_line, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def bill_again(lines: Lines) -> Lines:
        line = usage_line(lines)
        return [
            *lines,
            {**line, "line_key": f"{line['line_key']}:again", "amount_minor": 10000, "tax_minor": 725, "quantity": "1000", "event_count": 1},
        ]

    return changed(rows, "invoice", lambda row: with_lines(row, bill_again))


DEFECT = Defect(
    rule="An event is billed once.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"), Finding("re-performance")),
    issue=plant,
)
