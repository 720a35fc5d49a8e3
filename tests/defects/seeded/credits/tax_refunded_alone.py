from defect import Defect, Finding
from outbox_rows import Lines, renamed, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """A credit memo beside that of the correction, on a line that nothing corrects."""

    def refund(lines: Lines) -> Lines:
        return [
            {**line, "amount_minor": 0, "tax_minor": 100, "corrects_line_key": line["corrects_line_key"].replace("calls", "base")} for line in lines
        ]

    [credit] = [row for row in rows if row.document_type == "credit_memo"]
    return [*rows, renamed(with_lines(credit, refund), ":tax")]


DEFECT = Defect(
    rule="A VAT id that comes later refunds no tax: a correction gives tax back only with the net that it was charged on.",
    caught_by=Finding("assert_credits_never_exceed_their_line"),
    implies=(Finding("re-performance"),),
    issue_late=plant,
)
