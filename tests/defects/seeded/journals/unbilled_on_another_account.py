from company import serve_on
from defect import Defect, Finding
from outbox_rows import Lines, changed_entries, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """What is not billed yet stands on another account of the chart, and is taken back from there."""

    def elsewhere(lines: Lines) -> Lines:
        return [{**line, "account": "1007"} if "#unbilled:" in line["line_key"] else line for line in lines]

    for cause in ("unbilled_receivables_accrued", "unbilled_receivables_reversed"):
        rows = changed_entries(rows, cause, lambda row: with_lines(row, elsewhere))
    return rows


DEFECT = Defect(
    rule="What is served and not billed is the balance of its account (S04).",
    caught_by=Finding("assert_s04_unbilled_receivables_equal_their_account"),
    implies=(Finding("assert_j11_clearing_accounts_equal_their_open_items"),),
    deliver=serve_on,
    post=plant,
)
