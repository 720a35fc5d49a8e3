from dataclasses import replace
from datetime import date

from defect import Defect, Finding
from outbox_rows import changed

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def move(row: OutboxRow) -> OutboxRow:
        return replace(row, posting_date=date(2026, 2, 1), period="2026-02")

    return changed(rows, "journal_entry", move)


DEFECT = Defect(
    rule="An entry is posted in the period of what it follows from.",
    caught_by=Finding("K6", "sealed"),
    implies=(
        Finding("K5", "net"),
        Finding("K5", "receivable"),
        Finding("K6", "posted"),
        Finding("assert_s01_receivables_equal_their_control_account"),
        Finding("assert_s02_receivables_roll_forward_to_the_open_items"),
        Finding("assert_s05_revenue_equals_its_accounts"),
        Finding("assert_s06_tax_lines_equal_their_account"),
        Finding("re-performance"),
    ),
    post=plant,
)
