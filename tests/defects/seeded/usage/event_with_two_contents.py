from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    event = next(event for event in deliveries.events if event["subject"] == deliveries.first)
    deliveries.events.append({**event, "data": {"meter": "calls", "quantity": "2000"}})


DEFECT = Defect(
    rule="One source and id is one event; a second content under it would be billed twice or hidden.",
    caught_by=Finding("quarantined_usage_events", "conflicting_content"),
    deliver=plant,
)
