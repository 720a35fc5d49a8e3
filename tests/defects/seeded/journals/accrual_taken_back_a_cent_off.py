from company import serve_on
from defect import Defect, Finding
from outbox_rows import Lines, changed_entries, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def add_a_cent(lines: Lines) -> Lines:
        return [{**line, "amount_minor": line["amount_minor"] + 1, "functional_minor": line["functional_minor"] + 1} for line in lines]

    return changed_entries(rows, "unbilled_receivables_reversed", lambda row: with_lines(row, add_a_cent))


DEFECT = Defect(
    rule="What takes a snapshot entry back is its exact negation (J07).",
    caught_by=Finding("K5", "taken back"),
    implies=(
        Finding("K5", "taken back in functional currency"),
        Finding("K6", "sealed"),
        Finding("assert_j07_reversals_negate_their_original"),
        Finding("assert_j11_clearing_accounts_equal_their_open_items"),
        Finding("assert_s04_unbilled_receivables_equal_their_account"),
        Finding("assert_s05_revenue_equals_its_accounts"),
    ),
    deliver=serve_on,
    post=plant,
)
