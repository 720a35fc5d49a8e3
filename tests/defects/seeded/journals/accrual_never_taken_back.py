from company import serve_on
from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return [row for row in rows if row.cause != "unbilled_receivables_reversed"]


DEFECT = Defect(
    rule="What is accrued at the end of a month is taken back on the first day of the next.",
    caught_by=Finding("K5", "taken back"),
    implies=(
        Finding("K5", "taken back in functional currency"),
        Finding("K6", "sealed"),
        Finding("K6", "posted"),
        Finding("assert_j11_clearing_accounts_equal_their_open_items"),
        Finding("assert_s04_unbilled_receivables_equal_their_account"),
        Finding("assert_s05_revenue_equals_its_accounts"),
    ),
    deliver=serve_on,
    post=plant,
)
