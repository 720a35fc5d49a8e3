from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    """The account asks for a cost center, and its mapping states none."""
    account = deliveries.row("account_mappings", role="usage_revenue")["account_code"]
    deliveries.row("accounts", account_code=account)["required_dimensions"] = "cost_center"


DEFECT = Defect(
    rule="Nothing is posted without the dimensions that its account requires.",
    caught_by=Finding("held_lines", "missing_dimension"),
    deliver=plant,
)
