from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.add("key_aliases", kind="customer", old_key=deliveries.first, new_key=deliveries.second, effective_from="2026-01-15")


DEFECT = Defect(
    rule="A merge moves what is billed from a day on, and nothing of it into another currency.",
    caught_by=Finding("refused_reference_rows", "merge_across_currencies"),
    implies=(Finding("held_lines", "refused_alias"),),
    deliver_late=plant,
)
