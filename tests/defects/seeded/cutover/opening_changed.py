from company import Deliveries
from defect import Defect, Finding
from openings import deliver_open_amount, deliver_open_item, open_as_approved


def plant(made: Deliveries) -> None:
    deliver_open_item(made, "250.00")


def change(made: Deliveries) -> None:
    deliver_open_amount(made, "205.00")


DEFECT = Defect(
    rule="What opens is what two people approved, whatever is delivered afterwards.",
    caught_by=Finding("K6", "opening"),
    implies=(Finding("K6", "opening carried"),),
    deliver=plant,
    after_issue=open_as_approved,
    deliver_late=change,
)
