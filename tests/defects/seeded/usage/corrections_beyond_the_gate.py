from company import Deliveries
from defect import Defect, Finding


def use_much(deliveries: Deliveries) -> None:
    deliveries.use(deliveries.first, "100000", "2026-01-23", "much")


def take_back(deliveries: Deliveries) -> None:
    deliveries.use(deliveries.first, "-60000", "2026-01-23", "less")


DEFECT = Defect(
    rule="A run whose corrections are large goes to two people first.",
    caught_by=Finding("run_gates", "correction"),
    deliver=use_much,
    deliver_late=take_back,
)
