from defect import Defect, Finding
from foreign_payment import pay_the_foreign_invoice
from outbox_rows import Lines, changed_entries, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """What was paid stands on another account of the chart."""

    def elsewhere(lines: Lines) -> Lines:
        return [{**line, "account": "1007"} if line["line_key"].endswith("#cash") else line for line in lines]

    return changed_entries(rows, "payment_received", lambda row: with_lines(row, elsewhere))


DEFECT = Defect(
    rule="The account of cash is its dated list of what is in transit (S07).",
    caught_by=Finding("assert_s07_cash_clearing_equals_its_items"),
    implies=(Finding("assert_j11_clearing_accounts_equal_their_open_items"),),
    deliver_late=pay_the_foreign_invoice,
    post=plant,
)
