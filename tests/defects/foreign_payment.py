"""A payment that settles the invoice in a foreign currency, at another rate than the invoice has."""

from __future__ import annotations

from company import Deliveries

BILLED, CREDITED, RECEIVED = 18603, 429, "200.00"


def pay_the_foreign_invoice(deliveries: Deliveries) -> None:
    """What the invoice was, less what the later credit memo takes off it."""
    due = BILLED - CREDITED
    deliveries.add(
        "payments",
        payment_id=f"{deliveries.entity}.bank",
        entity_id=deliveries.entity,
        invoice=f"stripe/{deliveries.entity}/invoice/{deliveries.second}:2026-01:1",
        currency="EUR",
        amount=f"{due // 100}.{due % 100:02}",
        paid_on="2026-01-31",
        functional_amount=RECEIVED,
    )


def of_payments(entity: str, *legs: str) -> str:
    """The condition that names the lines of the payment's entry."""
    named = " or ".join(f"line_key like '%#{leg}'" for leg in legs)
    return f"entity = '{entity}' and event = 'payment_received' and ({named})"
