from defect import Defect, Finding
from foreign_payment import pay_the_foreign_invoice

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return [row for row in rows if row.cause != "payment_received"]


DEFECT = Defect(
    rule="What was paid is in transit until it has arrived: it does not vanish from the account (S07).",
    caught_by=Finding("assert_s07_cash_clearing_equals_its_items"),
    implies=(
        Finding("assert_j11_clearing_accounts_equal_their_open_items"),
        Finding("assert_s01_receivables_equal_their_control_account"),
        Finding("assert_s02_receivables_roll_forward_to_the_open_items"),
        Finding("K5", "payments received"),
        Finding("K6", "sealed"),
        Finding("K6", "posted"),
    ),
    deliver_late=pay_the_foreign_invoice,
    post=plant,
)
