from defect import Defect, Finding
from outbox_rows import Lines, changed, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """A line is posted to the account that its role has by now, which is in the chart too."""

    def map_anew(lines: Lines) -> Lines:
        next(line for line in lines if line["source_line_key"])["account"] = "1007"
        return lines

    return changed(rows, "journal_entry", lambda row: with_lines(row, map_anew))


DEFECT = Defect(
    rule="A mapping that changes moves what is issued next; an issued line stays on the accounts that were frozen with it.",
    caught_by=Finding("K5", "net"),
    implies=(
        Finding("assert_s05_revenue_equals_its_accounts"),
        Finding("K10", "revenue"),
        Finding("re-performance"),
    ),
    post=plant,
)
