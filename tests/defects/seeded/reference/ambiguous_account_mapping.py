from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    """A second mapping of a role says something else of the same day."""
    mapping = deliveries.row("account_mappings", role="usage_revenue")
    deliveries.add("account_mappings", **mapping | {"mapping_id": f"{mapping['mapping_id']}.again", "account_code": "1003"})


DEFECT = Defect(
    rule="On one day one mapping serves a role of one scope.",
    caught_by=Finding("refused_reference_rows", "ambiguous_account_mapping"),
    implies=(Finding("held_lines", "refused_account_mapping"),),
    deliver=plant,
)
