from defect import Defect, Finding
from outbox_rows import Lines, changed, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def unbalance(lines: Lines) -> Lines:
        next(line for line in lines if line["side"] == "credit")["amount_minor"] += 1
        return lines

    return changed(rows, "journal_entry", lambda row: with_lines(row, unbalance))


DEFECT = Defect(
    rule="Debits are credits in every entry.",
    caught_by=Finding("sealing", "contract"),
    implies=(
        Finding("K5", "receivable"),
        Finding("K5", "net"),
        Finding("K6", "sealed"),
        Finding("K6", "posted"),
        Finding("assert_s01_receivables_equal_their_control_account"),
        Finding("assert_s02_receivables_roll_forward_to_the_open_items"),
        Finding("assert_s05_revenue_equals_its_accounts"),
        Finding("assert_s06_tax_lines_equal_their_account"),
        Finding("K10", "revenue"),
        Finding("re-performance"),
    ),
    post=plant,
)
