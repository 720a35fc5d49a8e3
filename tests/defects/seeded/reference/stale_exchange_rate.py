from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.row("legal_entities", entity_id=deliveries.entity)["functional_currency"] = "CHF"
    deliveries.row("customers", customer_id=deliveries.first)["currency"] = "EUR"


DEFECT = Defect(
    rule="A document is not converted at a rate that is older than a week.",
    caught_by=Finding("held_lines", "missing_exchange_rate"),
    deliver=plant,
)
