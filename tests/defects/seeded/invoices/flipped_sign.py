from defect import Defect, Finding
from outbox_rows import Lines, changed, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def flip(lines: Lines) -> Lines:
        line = next(line for line in lines if line["kind"] == "fee")
        line |= {"amount_minor": -line["amount_minor"], "tax_minor": -line["tax_minor"]}
        return lines

    return changed(rows, "invoice", lambda row: with_lines(row, flip))


DEFECT = Defect(
    rule="What is charged is not given.",
    caught_by=Finding("K3", "amount"),
    implies=(
        Finding("assert_credits_never_exceed_their_line"),
        Finding("K10", "revenue"),
        Finding("re-performance"),
    ),
    issue=plant,
)
