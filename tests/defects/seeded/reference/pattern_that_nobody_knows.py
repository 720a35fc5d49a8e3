from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    deliveries.add("plan_patterns", plan_id=deliveries.entity, rated_by="both", effective_from="2026-01-01")


DEFECT = Defect(
    rule="Who rates a plan is said once per service period: the warehouse or the billing platform.",
    caught_by=Finding("refused_reference_rows", "unknown_word"),
    implies=(Finding("held_lines", "refused_pattern"),),
    deliver=plant,
)
