from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    price = deliveries.row("prices", charge_id=f"{deliveries.entity}.calls", currency="USD")
    price["tier_up_to"] = "100"
    deliveries.tables["prices"].append({**price, "tier_from": "200", "tier_up_to": "", "unit_price": "0.05"})


DEFECT = Defect(
    rule="Every unit of a tiered price has a price.",
    caught_by=Finding("refused_reference_rows", "gapped_tiers"),
    implies=(Finding("held_lines", "missing_price"),),
    deliver=plant,
)
