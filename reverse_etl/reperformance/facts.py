"""What the re-performer is told, and all that it is told: which files landed when, which documents were issued, and what is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

UNKNOWN_CUSTOMER = ""
"""Of a ledger line that follows from no document that is known: compared, and expected nowhere."""


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A delivered file that landed. ``position`` is its place in the order of landing, ``file_name`` its path below the inbox.

    ``is_mapped``: its columns have other names than those that are documented.
    """

    position: int
    source: str
    file_name: str
    landed_on: date
    content_hash: str
    is_mapped: bool = False


@dataclass(frozen=True, slots=True)
class SealedHeader:
    """The header of an issued invoice or credit memo: that it was issued, to whom, when, and with which files landed; none of its amounts.

    ``invoice_key``: the invoice that a credit memo corrects. ``landing_position``: how far landing had come when the document was computed, None
    where nothing of it is usage.
    """

    position: int
    business_key: str
    entity: str
    document_type: str
    customer_id: str
    currency: str
    period: str
    document_date: date
    cause: str
    run: str
    invoice_key: str | None = None
    landing_position: int | None = None


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """The first close of a period: its place in the register, and how far landing had come."""

    position: int
    entity: str
    period: str
    landing_position: int


@dataclass(frozen=True, slots=True)
class HeldLine:
    """What waits for a person and why, as the installation says it."""

    entity: str
    customer_id: str
    line: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What somebody recorded of an invoice's receivable (a payment, a refund, a write-off), in minor units, debit positive."""

    invoice_key: str
    posted_on: date
    minor: int


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A line of the general ledger. Amounts are in minor units, debit positive; ``customer_id`` is whose document it follows from.

    ``line``: the invoice line behind it (subscription/charge/first day of its period), None where it follows from the document as a whole.
    """

    entity: str
    period: str
    account: str
    currency: str
    event: str
    customer_id: str
    line: str | None
    minor: int
    functional_minor: int


@dataclass(frozen=True, slots=True)
class Facts:
    """``sealed`` in the order of the register; ``files`` in the order of landing."""

    files: Sequence[LandedFile]
    sealed: Sequence[SealedHeader]
    closed: Sequence[ClosedPeriod]
    held: Sequence[HeldLine]
    ledger: Sequence[LedgerLine]
    settlements: Sequence[Settlement] = ()
