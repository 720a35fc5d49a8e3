from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.told_rows = 1


DEFECT = Defect(
    rule="What a producer says that it sent was received, to the row.",
    caught_by=Finding("K0", "rows"),
    deliver=plant,
)
