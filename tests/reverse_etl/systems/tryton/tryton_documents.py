"""Sealed documents for the specifications of the Tryton system, and a driver that posts them call by call."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from reverse_etl.documents import SealedDocument, canonical_json, idempotency_key, sha256_hex
from reverse_etl.sandbox.tryton.specification import Account, Company, LedgerSpecification
from reverse_etl.systems.contract import Call, Outcome, RenderContext, Succeeded
from reverse_etl.systems.tryton import Tryton

US, EU = "northlight_us", "northlight_eu"
FUNCTIONAL = {US: "USD", EU: "EUR"}
ACCOUNTS = (
    ("1100", "Accounts receivable", "asset", True),
    ("2200", "Tax payable", "liability", False),
    ("2400", "Deferred revenue", "liability", False),
    ("4000", "Usage revenue", "revenue", False),
    ("7900", "Currency rounding", "expense", False),
)
SPECIFICATION = LedgerSpecification(
    companies=(Company(US, "Northlight Inc.", "USD"), Company(EU, "Northlight GmbH", "EUR")),
    accounts=tuple(Account(entity, *account) for entity in (US, EU) for account in ACCOUNTS),
    currencies={"USD": 2, "EUR": 2, "JPY": 0},
    first_year=2026,
    last_year=2026,
)
_positions = itertools.count(1)


def sealed(
    document_type: str,
    natural_id: str,
    payload: Mapping[str, Any],
    *,
    entity: str = US,
    posting_date: date = date(2026, 1, 31),
    revision: int = 1,
) -> SealedDocument:
    return SealedDocument(
        position=next(_positions),
        system="tryton",
        entity=entity,
        document_type=document_type,
        natural_id=natural_id,
        business_key=f"tryton/{entity}/{document_type}/{natural_id}",
        revision=revision,
        operation="create" if revision == 1 else "update",
        number=None,
        document_date=posting_date,
        posting_date=posting_date,
        period=f"{posting_date:%Y-%m}",
        currency=str(payload.get("currency", "USD")),
        total_minor=0,
        depends_on=(),
        sensitivity="confidential-financial",
        cause="rating",
        content_hash=sha256_hex(canonical_json(payload)),
        payload=payload,
        correlation_id="specification",
    )


def customer(customer_id: str, name: str = "Aurora Robotics", *, entity: str = US, revision: int = 1) -> SealedDocument:
    return sealed("customer", customer_id, {"customer_id": customer_id, "name": name}, entity=entity, revision=revision)


def line(
    key: str, account: str, side: str, functional_minor: int, *, amount_minor: int | None = None, customer_id: str | None = None
) -> dict[str, Any]:
    return {
        "line_key": key,
        "account": account,
        "side": side,
        "amount_minor": functional_minor if amount_minor is None else amount_minor,
        "functional_minor": functional_minor,
        "customer_id": customer_id,
        "description": "API calls",
    }


def entry(
    *,
    entity: str = US,
    posting_date: date = date(2026, 1, 31),
    customer_id: str | None = "C0001",
    minor: int = 11900,
    currency: str | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
) -> SealedDocument:
    """An issued invoice of 119.00 in the functional currency unless said otherwise."""
    natural_id = f"entry-{next(_positions)}"
    tax = minor * 19 // 119
    return sealed(
        "journal_entry",
        natural_id,
        {
            "source_number": "INV-NORTHLIGHT_US-000001",
            "event": "invoice_issued",
            "description": "Invoice issued",
            "currency": currency or FUNCTIONAL[entity],
            "currency_exponent": 0 if currency == "JPY" else 2,
            "functional_currency": FUNCTIONAL[entity],
            "functional_exponent": 2,
            "lines": list(
                lines
                or (
                    line(f"{natural_id}#receivable", "1100", "debit", minor, customer_id=customer_id),
                    line(f"{natural_id}#line:1", "4000", "credit", minor - tax),
                    line(f"{natural_id}#tax", "2200", "credit", tax),
                )
            ),
        },
        entity=entity,
        posting_date=posting_date,
    )


def yen_entry(customer_id: str = "C0001", posting_date: date = date(2026, 1, 31)) -> SealedDocument:
    """1,500 yen, 10.01 dollars of receivable against 10.00 of revenue, so that a cent of rounding remains without yen."""
    return entry(
        posting_date=posting_date,
        currency="JPY",
        lines=(
            line("yen#receivable", "1100", "debit", 1001, amount_minor=1500, customer_id=customer_id),
            line("yen#line:1", "4000", "credit", 1000, amount_minor=1500),
            line("yen#rounding", "7900", "credit", 1, amount_minor=0),
        ),
    )


class Driver:
    """Renders and sends calls as a poster would, without its register."""

    def __init__(self, system: Tryton) -> None:
        self._system = system

    def calls(
        self, documents: Sequence[SealedDocument], name: str, replies: Mapping[str, Mapping[str, Any]] | None = None, generation: int = 1
    ) -> list[Call]:
        """``replies``: reply of the create call by reference."""
        return [
            Call(
                document,
                name,
                generation,
                idempotency_key(document, name, generation),
                self._system.render(RenderContext(document, {"create": (replies or {}).get(document.reference, {})}, {}), name),
            )
            for document in documents
        ]

    def send(
        self, documents: Sequence[SealedDocument], name: str, replies: Mapping[str, Mapping[str, Any]] | None = None, generation: int = 1
    ) -> list[Outcome]:
        """Outcomes in the order of the documents."""
        calls = self.calls(documents, name, replies, generation)
        outcomes = self._system.send(calls)
        return [outcomes[call.idempotency_key] for call in calls]

    def create(self, *documents: SealedDocument) -> dict[str, Mapping[str, Any]]:
        """Replies by reference; every document must succeed."""
        outcomes = self.send(documents, "create")
        replies = {}
        for document, outcome in zip(documents, outcomes, strict=True):
            assert isinstance(outcome, Succeeded), outcome
            replies[document.reference] = outcome.reply
        return replies

    def post(self, *documents: SealedDocument) -> list[str]:
        """Create and post; the moves' ids in the order of the documents."""
        outcomes = self.send(documents, "post", self.create(*documents))
        assert all(isinstance(outcome, Succeeded) for outcome in outcomes), outcomes
        return [outcome.remote_id for outcome in outcomes if isinstance(outcome, Succeeded)]
