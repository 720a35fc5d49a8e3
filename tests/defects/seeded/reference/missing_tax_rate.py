from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.remove("tax_rates", tax_code="standard")


DEFECT = Defect(
    rule="No document is issued without the tax rate of its day.",
    caught_by=Finding("held_lines", "missing_tax_rate"),
    deliver=plant,
)
