from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.use(deliveries.first, "10", "2026-02-20", "tomorrow")


DEFECT = Defect(
    rule="An event that has not happened when it arrives is not billed.",
    caught_by=Finding("quarantined_usage_events", "clock_ahead"),
    deliver_late=plant,
)
