"""Outbox rows as the warehouse would propose them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from reverse_etl.documents import OutboxRow
from reverse_etl.register import Register

ENTITY = "northlight_us"


def invoice(register: Register, customer: str = "C0001", amount: int = 1000, head: int = 0, period: str = "2026-01") -> OutboxRow:
    natural_id = f"{customer}:{period}:1"
    line = {"line_key": f"{natural_id}:usage", "kind": "usage", "amount_minor": amount, "tax_minor": amount // 5}
    total = amount + amount // 5
    return OutboxRow(
        contract_version=1,
        system="stripe",
        entity=ENTITY,
        document_type="invoice",
        natural_id=natural_id,
        business_key=f"stripe/{ENTITY}/invoice/{natural_id}",
        revision=1,
        operation="create",
        series="invoice",
        document_date=date.fromisoformat(f"{period}-28"),
        posting_date=date.fromisoformat(f"{period}-28"),
        period=period,
        currency="USD",
        total_minor=total,
        depends_on=(f"stripe/{ENTITY}/customer/{customer}",),
        sensitivity="confidential-financial",
        cause="rating",
        subtracted_key=f"{customer}:{period}",
        register_head=head,
        register_incarnation=register.incarnation,
        payload={"currency": "USD", "subtotal_minor": amount, "tax_minor": amount // 5, "total_minor": total, "lines": [line]},
    )


def credit_memo(register: Register, customer: str = "C0001", amount: int = 100, head: int = 0) -> OutboxRow:
    natural_id = f"{customer}:2026-01:credit:1"
    return replace(
        invoice(register, customer, amount, head),
        document_type="credit_memo",
        series="credit_memo",
        natural_id=natural_id,
        business_key=f"stripe/{ENTITY}/credit_memo/{natural_id}",
    )


def customer(register: Register, customer_id: str = "C0001", revision: int = 1, head: int = 0, name: str = "Ada") -> OutboxRow:
    return replace(
        invoice(register, customer_id, head=head),
        document_type="customer",
        series=None,
        natural_id=customer_id,
        business_key=f"stripe/{ENTITY}/customer/{customer_id}",
        revision=revision,
        operation="create" if revision == 1 else "update",
        total_minor=0,
        depends_on=(),
        subtracted_key=f"customer:{customer_id}",
        payload={"customer_id": customer_id, "name": name},
    )


def journal(register: Register, lines: Sequence[Mapping[str, Any]] | None = None, total: int = 1200) -> OutboxRow:
    return replace(
        invoice(register),
        system="tryton",
        document_type="journal_entry",
        series=None,
        natural_id="J1",
        business_key=f"tryton/{ENTITY}/journal_entry/J1",
        depends_on=(),
        subtracted_key="journal:J1",
        total_minor=total,
        payload={"currency": "USD", "lines": lines or [journal_line("1", "debit", 1200), journal_line("2", "credit", 1200)]},
    )


def journal_line(key: str, side: str, amount: int, functional: int | None = None) -> dict[str, Any]:
    return {
        "line_key": key,
        "account": "1100",
        "side": side,
        "amount_minor": amount,
        "functional_minor": amount if functional is None else functional,
    }
