from company import Deliveries
from defect import Defect, Finding


def grant_what_expires(deliveries: Deliveries) -> None:
    for code, role in (("2500", "contract_liability"), ("4800", "breakage_revenue")):
        deliveries.add("accounts", entity_id=deliveries.entity, account_code=code, name=role, account_type="liability", is_receivable="false")
        mapping = deliveries.row("account_mappings", role="cash")
        deliveries.add("account_mappings", **mapping | {"mapping_id": f"{deliveries.entity}.{role}", "role": role, "account_code": code})
    deliveries.add(
        "credit_grants",
        grant_id=f"{deliveries.entity}.grant",
        customer_id=deliveries.first,
        currency="USD",
        amount="10.00",
        kind="paid",
        granted_on="2026-01-01",
        expires_on="2026-01-20",
        priority="1",
    )


def plant(entity: str) -> str:
    return f"""
        update accounting.journal_lines
        set amount_minor = 2 * amount_minor, functional_minor = 2 * functional_minor, signed_minor = 2 * signed_minor
        where entity = '{entity}' and event = 'breakage_recognised'
    """


DEFECT = Defect(
    rule="What expired of paid credits is earned once.",
    caught_by=Finding("assert_breakage_is_what_expired"),
    implies=(Finding("K6", "sealed"),),
    deliver=grant_what_expires,
    tamper=plant,
)
