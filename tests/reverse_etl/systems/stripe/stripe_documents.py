"""Sealed documents for the specifications of the Stripe system, and a driver that posts them call by call."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from reverse_etl.documents import SealedDocument, canonical_json, idempotency_key, sha256_hex
from reverse_etl.systems.contract import Call, Dependency, Outcome, RenderContext, Succeeded
from reverse_etl.systems.stripe import StripeSystem

US, EU = "northlight_us", "northlight_eu"
_positions = itertools.count(1)


def sealed(
    document_type: str,
    natural_id: str,
    payload: Mapping[str, Any],
    *,
    entity: str = US,
    number: str | None = None,
    currency: str = "USD",
    document_date: date = date(2026, 1, 31),
    depends_on: tuple[str, ...] = (),
    revision: int = 1,
) -> SealedDocument:
    return SealedDocument(
        position=next(_positions),
        system="stripe",
        entity=entity,
        document_type=document_type,
        natural_id=natural_id,
        business_key=f"stripe/{entity}/{document_type}/{natural_id}",
        revision=revision,
        operation="create" if revision == 1 else "update",
        number=number,
        document_date=document_date,
        posting_date=document_date,
        period=f"{document_date:%Y-%m}",
        currency=currency,
        total_minor=payload.get("total_minor", 0),
        depends_on=depends_on,
        sensitivity="internal",
        cause="rating",
        content_hash=sha256_hex(canonical_json(payload)),
        payload=payload,
        correlation_id="specification",
    )


def customer(customer_id: str, *, entity: str = US, revision: int = 1, name: str = "Ada Ltd", email: str | None = None) -> SealedDocument:
    payload = {"customer_id": customer_id, "name": name, "email": email or f"{customer_id}@example.test", "country": "US", "currency": "USD"}
    return sealed("customer", customer_id, payload | {"tax_id": None, "payment_term_days": 30}, entity=entity, revision=revision)


def line(key: str, amount: int, tax: int = 0, rate: str | None = None, **more: Any) -> dict[str, Any]:
    fixed = {"kind": "usage", "description": "API calls", "quantity": "12.5", "tax_code": "standard" if rate else None}
    period = {"service_period_start": "2026-01-01", "service_period_end": "2026-02-01"}
    return {"line_key": key, "amount_minor": amount, "tax_minor": tax, "tax_rate": rate} | fixed | period | more


def _totals(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    subtotal, tax = sum(item["amount_minor"] for item in lines), sum(item["tax_minor"] for item in lines)
    return {"subtotal_minor": subtotal, "tax_minor": tax, "total_minor": subtotal + tax, "lines": list(lines)}


def invoice(
    of: SealedDocument, number: str, lines: Sequence[Mapping[str, Any]], currency: str = "USD", day: date = date(2026, 1, 31), applied: int = 0
) -> SealedDocument:
    payload = _totals(lines) | {"customer_id": of.natural_id, "currency": currency, "document_date": day.isoformat(), "due_date": "2026-03-02"}
    payload |= {"applied_credit_minor": applied, "amount_due_minor": payload["total_minor"] - applied}
    key = (of.business_key,)
    return sealed("invoice", f"{number}:1", payload, entity=of.entity, number=number, currency=currency, document_date=day, depends_on=key)


def credit_memo(
    of: SealedDocument,
    number: str,
    lines: Sequence[Mapping[str, Any]],
    day: date = date(2026, 2, 28),
    restored: int = 0,
    disposition: str | None = None,
    refunded: int = 0,
    returned: int = 0,
) -> SealedDocument:
    payload = _totals(lines) | {"invoice_key": of.business_key, "invoice_number": of.number, "document_date": day.isoformat()}
    payload |= {"restored_credit_minor": restored, "disposition": disposition}
    payload |= {"refund_amount_minor": refunded, "out_of_band_amount_minor": returned}
    key = (of.business_key,)
    return sealed("credit_memo", f"{number}:1", payload, entity=of.entity, number=number, currency=of.currency, document_date=day, depends_on=key)


class Driver:
    """Posts documents in order and remembers what later ones depend on; no retries, like one pass of the poster."""

    def __init__(self, system: StripeSystem) -> None:
        self.system = system
        self.posted: dict[str, Dependency] = {}

    def call(self, document: SealedDocument, name: str, replies: Mapping[str, Mapping[str, Any]], generation: int = 1) -> Call:
        request = self.system.render(RenderContext(document, replies, self.posted), name)
        return Call(document, name, generation, idempotency_key(document, name, generation), request)

    def send(self, call: Call) -> Outcome:
        return self.system.send([call])[call.idempotency_key]

    def post(self, document: SealedDocument, upto: str | None = None, replies: Mapping[str, Mapping[str, Any]] | None = None) -> str:
        """Send every call that has no reply yet (up to and with ``upto``); the remote id."""
        known = dict(replies or {})
        for name in self.system.call_names(document):
            if name not in known:
                outcome = self.send(self.call(document, name, known))
                assert isinstance(outcome, Succeeded), outcome
                known[name] = outcome.reply
                self.posted[document.business_key] = Dependency(outcome.remote_id, dict(known))
            if name == upto:
                break
        return self.posted[document.business_key].remote_id
