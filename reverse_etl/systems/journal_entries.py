"""A sealed journal entry as every ledger sees it: its lines, exact amounts, references in free text, and what differs from what was sealed. Pure.

Amounts are integers of minor units with the exponent of their currency; a signed amount is positive for a debit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import OutboxContractError
from reverse_etl.systems.contract import RemoteDocument, RemoteLine

JOURNAL_ENTRY = "journal_entry"
DEBIT, CREDIT = "debit", "credit"
POSTED = "posted"
LINE_KEY_END = " | "
LARGEST_AMOUNT_DIGITS = 40
COMPARED = ("account", "functional_minor", "currency", "amount_minor", "party")
"""What of a line is compared where the ledger holds all of it; the names are those of ``RemoteLine``."""

_OTHER_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

_REFERENCE = re.compile(r"(?<![0-9A-Za-z-])TO-[0-9A-F]{16}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line: ``functional_minor`` in the functional currency, ``amount_minor`` in the document's; ``side`` says which way they count."""

    key: str
    account: str
    side: str
    functional_minor: int
    amount_minor: int
    customer_id: str | None = None
    description: str | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)
    partner_entity: str | None = None
    service_period_start: date | None = None
    service_period_end: date | None = None

    @property
    def signed_functional_minor(self) -> int:
        return self.functional_minor if self.side == DEBIT else -self.functional_minor

    @property
    def signed_amount_minor(self) -> int:
        return self.amount_minor if self.side == DEBIT else -self.amount_minor


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A sealed journal entry. ``description`` is for people; ``event`` is the business event it books (``invoice_issued``)."""

    reference: str
    entity: str
    posting_date: date
    period: str
    currency: str
    currency_exponent: int
    functional_currency: str
    functional_exponent: int
    lines: tuple[JournalLine, ...]
    description: str | None = None
    source_number: str | None = None
    event: str | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether the document is in another currency than the entity's books."""
        return self.currency != self.functional_currency

    def has_second_currency(self, line: JournalLine) -> bool:
        """Whether the line has an amount in a currency other than the functional one; a currency rounding line has none."""
        return self.is_foreign and line.amount_minor != 0

    def unbalanced(self) -> str | None:
        """Why debits and credits of the functional currency differ, or None."""
        debit = sum(line.functional_minor for line in self.lines if line.side == DEBIT)
        credit = sum(line.functional_minor for line in self.lines if line.side == CREDIT)
        if debit == credit:
            return None
        return f"debits {debit} and credits {credit} (minor units of the functional currency) differ"


def journal_entry(document: SealedDocument) -> JournalEntry:
    """The entry that a sealed document holds.

    Raises:
        OutboxContractError: it is no journal entry, or lacks something that one has.
    """
    if document.document_type != JOURNAL_ENTRY:
        raise OutboxContractError(f"{document.business_key}: a {document.document_type} is no {JOURNAL_ENTRY}")
    payload = document.payload
    try:
        return JournalEntry(
            reference=document.reference,
            entity=document.entity,
            posting_date=document.posting_date,
            period=document.period,
            currency=payload["currency"],
            currency_exponent=payload["currency_exponent"],
            functional_currency=payload["functional_currency"],
            functional_exponent=payload["functional_exponent"],
            lines=tuple(_line(document, line) for line in payload["lines"]),
            description=payload.get("description"),
            source_number=payload.get("source_number"),
            event=payload.get("event"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise OutboxContractError(f"{document.business_key}: not the payload of a {JOURNAL_ENTRY} ({type(error).__name__}: {error})") from error


def exact_decimal(minor: int, exponent: int) -> str:
    """The amount as exact decimal text with all the decimals of its currency: ``exact_decimal(-5, 2) == "-0.05"``."""
    return format(Decimal(minor).scaleb(-exponent), "f")


def minor_units(value: Any, exponent: int) -> int:
    """Minor units of a decimal text, a ``Decimal`` or an integer of whole units. Parse JSON with ``parse_float=Decimal``: a binary float is refused.

    Raises:
        ValueError: it is no exact number, or has more decimals than the currency.
    """
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        raise ValueError(f"{value!r} is no exact amount")
    try:
        scaled = Decimal(value).scaleb(exponent)
        if scaled.adjusted() > LARGEST_AMOUNT_DIGITS:
            raise ValueError("it is too large")
        whole = int(scaled)
    except (ArithmeticError, ValueError) as error:
        raise ValueError(f"{str(value)[:60]!r} is no amount: {error}") from error
    if scaled != whole:
        raise ValueError(f"{value!r} has more than {exponent} decimals")
    return whole


def iso_exponents() -> Mapping[str, int]:
    """Decimals of the currencies that do not have two (ISO 4217), by currency."""
    return {currency: exponent for exponent, currencies in _OTHER_EXPONENTS.items() for currency in currencies.split()}


def leading_reference(text: str | None) -> str | None:
    """Our reference at the beginning of a text; None where there is none: a text that only mentions one is somebody else's."""
    match = _REFERENCE.match(text or "")
    return match.group() if match else None


def described(key: str, end: str, *words: str | None, length: int) -> str:
    """A key, then words for people in at most ``length`` characters. The key is never cut: everything is found again by it."""
    text = " ".join(" ".join(str(word).split()) for word in words if word)
    return f"{key}{end}{text}"[: max(length, len(key))].rstrip() if text else key


def line_key_of(description: str | None) -> str | None:
    """The line key at the beginning of a line's description, as ``described(key, LINE_KEY_END, ...)`` wrote it."""
    return (description or "").partition(LINE_KEY_END)[0] or None


def expected_lines(entry: JournalEntry, account_code: Callable[[str], str] = str) -> tuple[RemoteLine, ...]:
    """The lines as a ledger should hold them: a line without second currency counts in the functional one.

    ``account_code`` gives the ledger's code of one of our accounts.
    """
    return tuple(
        RemoteLine(
            line_key=line.key,
            amount_minor=line.signed_amount_minor if entry.has_second_currency(line) else line.signed_functional_minor,
            currency=entry.currency if entry.has_second_currency(line) else entry.functional_currency,
            account=account_code(line.account),
            functional_minor=line.signed_functional_minor,
            party=line.customer_id,
        )
        for line in entry.lines
    )


def differences(
    entry: JournalEntry,
    remote: RemoteDocument,
    *,
    compared: Sequence[str] = COMPARED,
    account_code: Callable[[str], str] = str,
) -> tuple[str, ...]:
    """Every way in which a ledger's entry differs from the sealed one: status, posting date, period, reference, and each line by its key.

    ``compared``: the fields of ``RemoteLine`` that the ledger holds. A ledger without periods of its own states the month of the posting date.
    """
    found = []
    for what, ours, theirs in (
        ("status", POSTED, remote.status),
        ("posting date", entry.posting_date, remote.document_date),
        ("period", entry.period, remote.period),
        ("reference", entry.reference, remote.reference),
    ):
        if ours != theirs:
            found.append(f"{what}: {theirs} instead of {ours}")
    return (*found, *line_differences(expected_lines(entry, account_code), remote.lines, compared))


def line_differences(expected: Sequence[RemoteLine], held: Sequence[RemoteLine], compared: Sequence[str] = COMPARED) -> list[str]:
    found = []
    held_by_key = {line.line_key: line for line in held}
    for line in expected:
        other = held_by_key.get(line.line_key)
        if other is None:
            found.append(f"line {line.line_key}: missing")
            continue
        for name in compared:
            ours, theirs = getattr(line, name), getattr(other, name)
            if ours != theirs:
                found.append(f"line {line.line_key}: {name} {theirs} instead of {ours}")
    surplus = Counter(line.line_key for line in held) - Counter(line.line_key for line in expected)
    found.extend(f"line {key or '(without key)'}: {count} more than sealed" for key, count in sorted(surplus.items()))
    return found


def _line(document: SealedDocument, line: Mapping[str, Any]) -> JournalLine:
    if line["side"] not in (DEBIT, CREDIT):
        raise OutboxContractError(f"{document.business_key}: line {line['line_key']}: side {line['side']!r} is neither {DEBIT} nor {CREDIT}")
    return JournalLine(
        key=line["line_key"],
        account=line["account"],
        side=line["side"],
        functional_minor=_whole(line["functional_minor"]),
        amount_minor=_whole(line["amount_minor"]),
        customer_id=line.get("customer_id"),
        description=line.get("description"),
        dimensions=_dimensions(line.get("dimensions")),
        partner_entity=line.get("partner_entity"),
        service_period_start=_day(line.get("service_period_start")),
        service_period_end=_day(line.get("service_period_end")),
    )


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is no integer of minor units")
    return value


def _dimensions(text: str | None) -> Mapping[str, str]:
    """From the canonical text ``name=value;name=value``."""
    return {name: value for name, _, value in (part.partition("=") for part in (text or "").split(";") if part)}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
