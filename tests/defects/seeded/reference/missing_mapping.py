from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.remove("account_mappings", role="usage_revenue")


DEFECT = Defect(
    rule="Without an account for a posting role nothing is posted by guess.",
    caught_by=Finding("held_lines", "missing_account_mapping"),
    deliver=plant,
)
