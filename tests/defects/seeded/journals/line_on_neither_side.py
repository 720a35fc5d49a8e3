from defect import Defect, Finding
from journal_lines import on_one_line


def plant(entity: str) -> str:
    return on_one_line(entity, "side = 'both'", "side = 'credit'")


DEFECT = Defect(
    rule="A line is a debit or a credit (J03).",
    caught_by=Finding("assert_j03_lines_are_debit_or_credit"),
    implies=(
        Finding("assert_j01_entries_balance_in_transaction_currency"),
        Finding("assert_j02_entries_balance_in_functional_currency"),
    ),
    tamper=plant,
)
