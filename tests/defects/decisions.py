"""Decisions of two people about what is issued."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal

from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_credit


def decided_credit(installation: Installation, entity: str, amount: Decimal) -> None:
    """A goodwill credit on the first invoice of a legal entity, which the next run issues."""
    with closing(installation.open_register()) as register:
        invoice = register.documents(document_type="invoice", entity=entity)[0]
    maker, checker = (replace(installation, acting_as=name) for name in ("ada", "grace"))
    approve(checker, ask_for_credit(maker, invoice.business_key, amount, "an outage").request_id)
