"""What the bank tells of the sample company's invoices in a foreign currency: money that is worth something else than on the day of the invoice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from reverse_etl.landing.relations import DELIVERED_COLUMNS
from reverse_etl.sandbox.sample.catalogue import Row
from reverse_etl.sandbox.sample.delivery import write_reference

STATEMENT_DAY = date(2026, 2, 20)
PAID_WHOLE_ON, PAID_IN_PARTS_ON = "2026-02-10", ("2026-02-11", "2026-02-18")


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An issued invoice and what is due of it, in minor units of its currency."""

    entity: str
    number: str
    currency: str
    exponent: int
    due_minor: int


def deliver_payments(inbox: Path, invoices: Sequence[OpenInvoice]) -> None:
    """Of each legal entity the first invoice is paid whole and the second in two parts; a statement that is there already stays."""
    path = inbox / "payments" / STATEMENT_DAY.isoformat() / "bank.csv"
    if not path.exists():
        write_reference(path, DELIVERED_COLUMNS["raw.payments"], list(_payments(invoices)))


def _payments(invoices: Sequence[OpenInvoice]) -> Iterator[Row]:
    by_entity: defaultdict[str, list[OpenInvoice]] = defaultdict(list)
    for invoice in sorted(invoices, key=lambda invoice: (invoice.entity, invoice.number)):
        by_entity[invoice.entity].append(invoice)
    for paid in by_entity.values():
        for invoice in paid[:1]:
            yield _payment(invoice, 1, invoice.due_minor, PAID_WHOLE_ON)
        for invoice in paid[1:2]:
            part = invoice.due_minor // 3
            for number, (amount, day) in enumerate(zip((part, invoice.due_minor - part), PAID_IN_PARTS_ON, strict=True), start=1):
                yield _payment(invoice, number, amount, day)


def _payment(invoice: OpenInvoice, number: int, amount_minor: int, day: str) -> Row:
    amount = format(Decimal(amount_minor).scaleb(-invoice.exponent), "f")
    return (f"{invoice.number}-{number}", invoice.entity, invoice.number, invoice.currency, amount, day, "paid", "transfer")
