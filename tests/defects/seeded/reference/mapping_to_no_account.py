from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.row("account_mappings", role="usage_revenue")["account_code"] = "9999"


DEFECT = Defect(
    rule="A mapping leads to an account of the chart.",
    caught_by=Finding("refused_reference_rows", "unknown_account"),
    implies=(Finding("held_lines", "unknown_account"),),
    deliver=plant,
)
