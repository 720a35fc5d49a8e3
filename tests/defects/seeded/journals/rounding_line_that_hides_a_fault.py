from defect import Defect, Finding
from journal_lines import on_one_line


def plant(entity: str) -> str:
    return on_one_line(entity, "is_rounding = true", "side = 'credit'")


DEFECT = Defect(
    rule="A rounding line carries rounding and nothing else (J02).",
    caught_by=Finding("assert_j02_entries_balance_in_functional_currency"),
    tamper=plant,
)
