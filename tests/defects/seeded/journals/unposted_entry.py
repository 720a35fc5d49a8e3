from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return [row for row in rows if ":issued" not in row.natural_id or "invoice" not in row.natural_id]


DEFECT = Defect(
    rule="Every issued document is in the journals.",
    caught_by=Finding("K5", "receivable"),
    implies=(
        Finding("K5", "net"),
        Finding("K6", "sealed"),
        Finding("K6", "posted"),
        Finding("assert_s01_receivables_equal_their_control_account"),
        Finding("assert_s02_receivables_roll_forward_to_the_open_items"),
        Finding("assert_s03_deferred_revenue_equals_its_account_and_schedule"),
        Finding("assert_s05_revenue_equals_its_accounts"),
        Finding("assert_s06_tax_lines_equal_their_account"),
        Finding("K10", "revenue"),
        Finding("re-performance"),
    ),
    post=plant,
)
