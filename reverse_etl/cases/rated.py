"""What the models say of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class RatedLine:
    """A line of one charge and service period; ``charge`` is its name in the scenario. Fees, commitments and discounts say how many units
    of the period they were served."""

    charge: str
    kind: str
    service_period_start: date
    service_period_end: date
    amount_precise: Decimal
    amount_minor: int
    discount_minor: int = 0
    gross_amount: Decimal = Decimal(0)
    percent_discount: Decimal = Decimal(0)
    maximum_discount: Decimal = Decimal(0)
    served_units: int | None = None
    period_units: int | None = None


@dataclass(frozen=True, slots=True)
class RatedTier:
    tier_from: Decimal
    unit_price: Decimal
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A line of an invoice, or of a credit memo (negative), that a run proposes; in minor units."""

    document_type: str
    charge: str
    amount_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class JournalLine:
    """``event`` is invoice_issued, credit_memo_issued, revenue_recognised or payment_received; amounts in minor units, debit positive; ``role``
    says what the account is mapped to."""

    event: str
    charge: str
    role: str
    period: str
    amount_minor: int
    functional_minor: int


@dataclass(frozen=True, slots=True)
class CreditBalance:
    """A grant of prepaid credits before a run draws from it, and what the run draws; in minor units."""

    grant: str
    granted_minor: int
    balance_minor: int
    drawn_minor: int


@dataclass(frozen=True, slots=True)
class RatedRun:
    """``taxes`` in minor units by the component of the tax; ``journals`` are of what was issued before the run."""

    lines: Sequence[RatedLine] = ()
    tiers: Sequence[RatedTier] = ()
    documents: Sequence[DocumentLine] = ()
    taxes: Mapping[str, int] = field(default_factory=dict)
    journals: Sequence[JournalLine] = ()
    credits: Sequence[CreditBalance] = ()
    exponent: int = 2
    hold_reasons: Sequence[str] = ()

    def line(self, charge: str) -> RatedLine:
        return next(line for line in self.lines if line.charge == charge)

    def net_minor(self, *document_types: str) -> int:
        return sum(line.amount_minor for line in self.documents if line.document_type in (document_types or ("invoice", "credit_memo")))

    def tax_minor(self, *document_types: str) -> int:
        return sum(line.tax_minor for line in self.documents if line.document_type in (document_types or ("invoice", "credit_memo")))

    def net(self, *document_types: str) -> Decimal:
        """In units of the currency."""
        return Decimal(self.net_minor(*document_types)).scaleb(-self.exponent)


@dataclass(frozen=True, slots=True)
class RatedScenario:
    """Amounts of all lines of the period that was asked for, in units of the currency and in minor units, as of the last run."""

    amount_precise: Decimal
    amount_minor: int
    exponent: int
    quantity: Decimal
    closing_level: Decimal | None = None
    tier_amounts: Sequence[Decimal] = ()
    months: Sequence[str] = ()
    dispositions: Mapping[str, int] = field(default_factory=dict)
    hold_reasons: Sequence[str] = ()
    refusals: Sequence[str] = ()
    runs: Sequence[RatedRun] = ()

    @property
    def amount_rounded(self) -> Decimal:
        return Decimal(self.amount_minor).scaleb(-self.exponent)
