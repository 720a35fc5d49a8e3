from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.row("tax_rates", tax_code="standard")["rate"] = "7.25"


DEFECT = Defect(
    rule="A tax rate is a fraction; one above 1 is a mistake of a hundredfold.",
    caught_by=Finding("refused_reference_rows", "rate_above_one"),
    implies=(Finding("held_lines", "refused_tax_rate"),),
    deliver=plant,
)
