from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.use(deliveries.first, "7", meter="seats", event_id="seats")


DEFECT = Defect(
    rule="Usage that no subscription charges for waits for a person and is not given away.",
    caught_by=Finding("held_lines", "no_subscription"),
    deliver=plant,
)
