from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.is_sent = False


DEFECT = Defect(
    rule="A file that was sent and never arrives is missed on the day, not with the invoice.",
    caught_by=Finding("K0", "rows"),
    implies=(
        Finding("K0", "quantity"),
        # A later correction takes back what never came.
        Finding("held_lines", "negative_net_usage"),
    ),
    deliver=plant,
)
