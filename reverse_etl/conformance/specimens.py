"""The documents that a kit posts to a sandbox: as small as they can be, balanced, and recognisable for whoever cleans up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from reverse_etl.documents import SealedDocument, canonical_json, sha256_hex

CUSTOMER, JOURNAL_ENTRY = "customer", "journal_entry"
UNKNOWN_ACCOUNT = "tieout-no-such-account"


@dataclass(frozen=True, slots=True)
class Specimens:
    """What is posted where: two accounts of the sandbox that need no party, a day in an open period and, if there is one, a day in a closed one.

    ``run`` is in every natural id, so that one run never meets the documents of another. ``amount_minor``: of an entry, in the functional currency.
    """

    system: str
    entity: str
    run: str
    posting_date: date
    currency: str = "USD"
    currency_exponent: int = 2
    debit_account: str | None = None
    credit_account: str | None = None
    closed_date: date | None = None
    amount_minor: int = 101

    def of(
        self, document_type: str, name: str, *, amount_minor: int | None = None, account: str | None = None, day: date | None = None
    ) -> SealedDocument:
        """A document; the same name gives the same business key, another ``amount_minor`` another content under it."""
        if document_type == CUSTOMER:
            payload: dict[str, Any] = {
                "customer_id": self._identifier(name),
                "name": f"Tieout conformance {self.run} {name}" + (f" {amount_minor}" if amount_minor else ""),
                "email": None,
                "country": "US",
                "currency": self.currency,
                "tax_id": None,
                "payment_term_days": 30,
            }
            return self._sealed(CUSTOMER, name, payload, 0, day or self.posting_date)
        amount = amount_minor or self.amount_minor
        return self._sealed(JOURNAL_ENTRY, name, self._entry(name, amount, account), amount, day or self.posting_date)

    def _entry(self, name: str, amount: int, account: str | None) -> dict[str, Any]:
        return {
            "source_document": None,
            "source_number": self._identifier(name),
            "event": "conformance",
            "description": f"Tieout conformance {self.run}",
            "customer_id": None,
            "currency": self.currency,
            "currency_exponent": self.currency_exponent,
            "functional_currency": self.currency,
            "functional_exponent": self.currency_exponent,
            "lines": [
                {
                    "line_key": f"{self._identifier(name)}#{side}",
                    "account": code,
                    "side": side,
                    "amount_minor": amount,
                    "functional_minor": amount,
                    "customer_id": None,
                    "description": "conformance",
                }
                for side, code in (("debit", account or self.debit_account), ("credit", self.credit_account))
            ],
        }

    def _identifier(self, name: str) -> str:
        return f"conformance-{self.run}-{name}"

    def _sealed(self, document_type: str, name: str, payload: dict[str, Any], total: int, day: date) -> SealedDocument:
        natural_id = self._identifier(name)
        return SealedDocument(
            position=0,
            system=self.system,
            entity=self.entity,
            document_type=document_type,
            natural_id=natural_id,
            business_key=f"{self.system}/{self.entity}/{document_type}/{natural_id}",
            revision=1,
            operation="create",
            number=None,
            document_date=day,
            posting_date=day,
            period=f"{day:%Y-%m}",
            currency=self.currency,
            total_minor=total,
            depends_on=(),
            sensitivity="internal",
            cause="conformance",
            content_hash=sha256_hex(canonical_json(payload)),
            payload=payload,
            correlation_id=self.run,
        )
