from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.use(deliveries.first, "5", event_id="negative")
    deliveries.events[-1]["data"]["quantity"] = "-5"


DEFECT = Defect(
    rule="Recorded usage never reduces an invoice; a correction says that it is one.",
    caught_by=Finding("quarantined_usage_events", "negative_quantity"),
    deliver=plant,
)
