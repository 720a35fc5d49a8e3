"""Decisions of two people about what is issued."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_credit, ask_for_void
from reverse_etl.register import ApprovalRequest


def decided_credit(installation: Installation, entity: str, amount: Decimal) -> None:
    """A goodwill credit on the first invoice of a legal entity, which the next run issues."""
    _decided(installation, entity, lambda maker, invoice: ask_for_credit(maker, invoice, amount, "an outage"))


def decided_void(installation: Installation, entity: str) -> None:
    """A void of the first invoice of a legal entity, which the next run issues."""
    _decided(installation, entity, lambda maker, invoice: ask_for_void(maker, invoice, False, "the wrong customer"))


def _decided(installation: Installation, entity: str, ask: Callable[[Installation, str], ApprovalRequest]) -> None:
    with closing(installation.open_register()) as register:
        invoice = register.documents(document_type="invoice", entity=entity)[0]
    maker, checker = (replace(installation, acting_as=name) for name in ("ada", "grace"))
    approve(checker, ask(maker, invoice.business_key).request_id)
