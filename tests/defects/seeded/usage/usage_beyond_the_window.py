from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.use(deliveries.first, "10", "2025-12-20", "usage")


DEFECT = Defect(
    rule="Beyond the dedupe window nobody can say whether an event has been billed before, so it is not billed again.",
    caught_by=Finding("quarantined_usage_events", "beyond_window"),
    deliver_late=plant,
)
