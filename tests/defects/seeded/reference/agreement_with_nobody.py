from company import Deliveries
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    agreed = {"product": "api", "selling_entity_id": "nobody", "transfer_share": "0.8", "effective_from": "2026-01-01"}
    deliveries.add("intercompany_agreements", entity_id=deliveries.entity, **agreed)


DEFECT = Defect(
    rule="Who sells what another entity invoices is an entity of the group; until it is known nothing of it is issued.",
    caught_by=Finding("refused_reference_rows", "unknown_entity"),
    implies=(Finding("held_lines", "refused_agreement"),),
    deliver=plant,
)
