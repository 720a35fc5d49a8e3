from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    paid = {"payment_id": f"half.{deliveries.entity}", "entity_id": deliveries.entity, "invoice": f"INV-{deliveries.entity.upper()}-000001"}
    deliveries.add("payments", **paid, amount="10.005", currency="USD", paid_on="2026-01-31")


DEFECT = Defect(
    rule="Nobody has paid a fraction of a minor unit.",
    caught_by=Finding("refused_reference_rows", "fraction_of_minor_unit"),
    deliver=plant,
)
