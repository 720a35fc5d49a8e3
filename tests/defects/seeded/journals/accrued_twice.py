from company import serve_on
from defect import Defect, Finding
from outbox_rows import renamed

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """What was accrued is accrued once more, as if nothing were sealed for the period yet."""
    return [*rows, *(renamed(row, ":again") for row in rows if row.cause == "unbilled_receivables_accrued")]


DEFECT = Defect(
    rule="A snapshot is sealed once for a period, whatever comes later.",
    caught_by=Finding("K5", "snapshot entries"),
    implies=(
        Finding("K5", "accrued"),
        Finding("K5", "taken back"),
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
