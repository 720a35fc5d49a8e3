from defect import Defect, Finding
from journal_lines import on_one_line


def plant(entity: str) -> str:
    return on_one_line(entity, "functional_minor = functional_minor + 1", "side = 'credit'")


DEFECT = Defect(
    rule="Debits are credits in the functional currency, but for a rounding line (J02).",
    caught_by=Finding("assert_j02_entries_balance_in_functional_currency"),
    tamper=plant,
)
