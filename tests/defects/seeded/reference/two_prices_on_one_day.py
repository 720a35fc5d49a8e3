from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    price = deliveries.row("prices", charge_id=f"{deliveries.entity}.calls", currency="USD")
    deliveries.tables["prices"].append({**price, "price_id": f"other.{price['price_id']}", "unit_price": "0.20"})


DEFECT = Defect(
    rule="On one day one price holds.",
    caught_by=Finding("refused_reference_rows", "two_prices_for_an_instant"),
    implies=(Finding("held_lines", "missing_price"),),
    deliver=plant,
)
