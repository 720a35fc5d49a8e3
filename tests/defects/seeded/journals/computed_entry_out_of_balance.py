from defect import Defect, Finding
from journal_lines import on_one_line


def plant(entity: str) -> str:
    return on_one_line(entity, "amount_minor = amount_minor + 1", "side = 'credit' and currency = functional_currency")


DEFECT = Defect(
    rule="Debits are credits in the currency of the transaction (J01).",
    caught_by=Finding("assert_j01_entries_balance_in_transaction_currency"),
    tamper=plant,
)
