from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.use(f"unknown.{deliveries.entity}", "10")


DEFECT = Defect(
    rule="Usage of a subject that no customer is goes to nobody's invoice and waits.",
    caught_by=Finding("quarantined_usage_events", "unknown_customer"),
    deliver=plant,
)
