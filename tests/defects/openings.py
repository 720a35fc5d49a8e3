"""What a former system leaves at cutover, and its approval by two people."""

from __future__ import annotations

from dataclasses import replace

from company import Deliveries

from dagster_project.close import Installation
from dagster_project.close.approvals import approve
from dagster_project.close.openings import ask_for_opening, seal_opening


def deliver_open_item(made: Deliveries, amount: str) -> None:
    """One invoice of the first customer that the former system has issued and nobody has paid."""
    role, account = "opening_balance_equity", "3900"
    made.add("accounts", entity_id=made.entity, account_code=account, name=role, account_type="equity", is_receivable="false")
    mapping = {"mapping_id": f"{made.entity}.{role}", "role": role, "product": "*", "account_code": account, "effective_from": "2026-01-01"}
    made.add("account_mappings", entity_id=made.entity, **mapping)
    deliver_open_amount(made, amount)


def deliver_open_amount(made: Deliveries, amount: str) -> None:
    invoice = {"number": f"OLD-{made.entity}", "document_date": "2025-12-15", "due_on": "2026-01-14", "currency": "USD", "open_amount": amount}
    made.add("opening_invoices", entity_id=made.entity, customer_id=made.first, **invoice)


def open_as_approved(installation: Installation, entity: str) -> None:
    maker, checker = (replace(installation, acting_as=name) for name in ("ada", "grace"))
    approve(checker, ask_for_opening(maker, entity, "cutover").request_id)
    report = seal_opening(maker, entity, "cutover")
    assert report is not None
    assert report.refused == ()
