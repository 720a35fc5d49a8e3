from defect import Defect, Finding
from journal_lines import on_one_line


def plant(entity: str) -> str:
    return on_one_line(entity, "account = '9999'", "side = 'credit'")


DEFECT = Defect(
    rule="A line is on an account of the chart (J04).",
    caught_by=Finding("assert_j04_accounts_exist"),
    tamper=plant,
)
