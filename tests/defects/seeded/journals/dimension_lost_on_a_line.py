from company import Deliveries
from defect import Defect, Finding
from journal_lines import on_one_line


def ask_for_a_cost_center(deliveries: Deliveries) -> None:
    mapping = deliveries.row("account_mappings", role="usage_revenue")
    mapping["dimensions"] = "cost_center=410"
    deliveries.row("accounts", account_code=mapping["account_code"])["required_dimensions"] = "cost_center"


def plant(entity: str) -> str:
    return on_one_line(entity, "dimensions = null", "dimensions is not null")


DEFECT = Defect(
    rule="A line states the dimensions that its account requires (J04).",
    caught_by=Finding("assert_j04_accounts_exist"),
    deliver=ask_for_a_cost_center,
    tamper=plant,
)
