"""What documents would move: by account of the general ledger, and by customer and kind of revenue. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from reverse_etl.documents import SealedDocument
from reverse_etl.register.contract import JOURNAL_ENTRY

BILLING_SIGNS = {"invoice": 1, "credit_memo": -1}


@dataclass(frozen=True, slots=True)
class AccountAmount:
    """Debits and credits of one account, in minor units of the transaction and of the functional currency."""

    account: str
    currency: str
    debit_minor: int
    credit_minor: int
    functional_currency: str
    functional_debit_minor: int
    functional_credit_minor: int


@dataclass(frozen=True, slots=True)
class RevenueAmount:
    """What is billed to one customer of one kind of line, in minor units; what is credited is negative."""

    customer_id: str
    kind: str
    currency: str
    amount_minor: int
    tax_minor: int


def account_amounts(documents: Iterable[SealedDocument]) -> tuple[AccountAmount, ...]:
    """By account and currency, of the journal entries among the documents."""
    sums: defaultdict[tuple[str, str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(("debit", "credit", "f_debit", "f_credit"), 0))
    for document in documents:
        if document.document_type != JOURNAL_ENTRY:
            continue
        functional = str(document.payload.get("functional_currency") or document.currency)
        for line in document.payload["lines"]:
            total = sums[str(line["account"]), document.currency, functional]
            total[line["side"]] += line["amount_minor"]
            total[f"f_{line['side']}"] += line["functional_minor"]
    return tuple(
        AccountAmount(account, currency, total["debit"], total["credit"], functional, total["f_debit"], total["f_credit"])
        for (account, currency, functional), total in sorted(sums.items())
    )


def revenue_amounts(documents: Iterable[SealedDocument]) -> tuple[RevenueAmount, ...]:
    """By customer, kind of line and currency, of the billing documents among the documents."""
    sums: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for document in documents:
        sign = BILLING_SIGNS.get(document.document_type)
        if sign is None:
            continue
        billed_to = document.payload.get("customer_id")
        for line in document.payload["lines"]:
            total = sums[str(line.get("customer_id") or billed_to or ""), str(line.get("kind") or ""), document.currency]
            total[0] += sign * line["amount_minor"]
            total[1] += sign * line["tax_minor"]
    return tuple(RevenueAmount(*key, amount, tax) for key, (amount, tax) in sorted(sums.items()))
