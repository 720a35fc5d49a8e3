from company import Deliveries
from defect import Defect, Finding
from openings import deliver_open_item


def plant(made: Deliveries) -> None:
    deliver_open_item(made, "250.00")


DEFECT = Defect(
    rule="Nothing is billed before two people have approved what the former system leaves.",
    caught_by=Finding("held_lines", "opening_not_approved"),
    implies=(Finding("K6", "opening"), Finding("K6", "opening carried")),
    deliver=plant,
)
