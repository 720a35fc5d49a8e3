from defect import Defect, Finding
from outbox_rows import Lines, changed, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def drop(lines: Lines) -> Lines:
        dropped = next(line for line in lines if "#tax:" in line["line_key"])
        receivable = next(line for line in lines if line["customer_id"])
        for amount in ("amount_minor", "functional_minor"):
            receivable[amount] -= dropped[amount]
        return [line for line in lines if line is not dropped]

    return changed(rows, "journal_entry", lambda row: with_lines(row, drop))


DEFECT = Defect(
    rule="An entry has every leg of its document.",
    caught_by=Finding("K5", "receivable"),
    implies=(
        Finding("K6", "sealed"),
        Finding("assert_s01_receivables_equal_their_control_account"),
        Finding("assert_s02_receivables_roll_forward_to_the_open_items"),
        Finding("assert_s06_tax_lines_equal_their_account"),
        Finding("re-performance"),
    ),
    post=plant,
)
