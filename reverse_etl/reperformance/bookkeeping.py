"""What documents come to in the books: receivables, revenue or deferred revenue, tax, and revenue as it is earned day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from reverse_etl.reperformance.amounts import minor_units, rounded
from reverse_etl.reperformance.facts import Settlement
from reverse_etl.reperformance.issuing import Document, IssuedLine
from reverse_etl.reperformance.rating import month_of, next_month

PostingKey = tuple[str, str, str, str, str, str | None]
"""Entity, period, account, currency, customer, line (None: the document as a whole)."""


@dataclass(frozen=True, slots=True)
class Leg:
    account: str
    line: str | None
    minor: int
    is_receivable: bool = False


@dataclass(slots=True)
class Posted:
    minor: int = 0
    functional_minor: int = 0


def post(
    documents: Sequence[Document], functional_currencies: dict[str, str], until: date, settled: Iterable[Settlement] = ()
) -> dict[PostingKey, Posted]:
    """Every posting up to the month ``until``, debit positive."""
    books: defaultdict[PostingKey, Posted] = defaultdict(Posted)
    for document, worth in zip(documents, _receivables(documents, functional_currencies, settled), strict=True):
        functional = functional_currencies[document.entity]
        for period, legs in _entries(document):
            if period > f"{until:%Y-%m}":
                continue
            left = 0
            for leg in legs:
                converted = worth if leg.is_receivable else _converted(leg.minor, document, functional)
                left -= converted
                _add(books, document, period, leg.account, leg.line, leg.minor, converted)
            if left:
                _add(books, document, period, min(line.accounts["currency_rounding"] for line in document.lines), None, 0, left)
    return dict(books)


def _receivables(documents: Sequence[Document], functional_currencies: dict[str, str], settled: Iterable[Settlement]) -> list[int]:
    """What each document changes of its invoice's receivable in the functional currency: the balance is converted, never a part of it alone."""
    movements: defaultdict[str, list[tuple[date, bool, int, int]]] = defaultdict(list)
    for place, document in enumerate(documents):
        movements[document.invoice_key].append((document.document_date, document.corrects is not None, place, _due(document)))
    for settlement in settled:
        if settlement.invoice_key in movements:
            movements[settlement.invoice_key].append((settlement.posted_on, True, len(documents), settlement.minor))
    worth = [0] * len(documents)
    for moved in movements.values():
        balance = 0
        invoice = documents[min(place for *_, place, _ in moved)]
        functional = functional_currencies[invoice.entity]
        for _, _, place, minor in sorted(moved):
            before = _converted(balance, invoice, functional)
            balance += minor
            if place < len(documents):
                worth[place] = _converted(balance, invoice, functional) - before
    return worth


def _due(document: Document) -> int:
    return sum(line.minor + line.tax for line in document.lines)


def _entries(document: Document) -> Iterator[tuple[str, Sequence[Leg]]]:
    lines = document.lines
    taxes: defaultdict[tuple[str, Fraction], int] = defaultdict(int)
    for line in lines:
        taxes[line.tax_code, line.tax_rate] += line.tax
    yield (
        document.period,
        [
            Leg(min(line.accounts["receivable"] for line in lines), None, _due(document), is_receivable=True),
            *(Leg(line.accounts["deferred_revenue"] if line.due.kind == "fee" else _revenue(line), line.due.line, -line.minor) for line in lines),
            *(Leg(min(line.accounts["tax_payable"] for line in lines), None, -tax) for tax in taxes.values() if tax),
        ],
    )
    earned: defaultdict[str, list[Leg]] = defaultdict(list)
    for line in lines:
        if line.due.kind == "fee":
            for period, minor in _earned(line, document.period):
                earned[period] += [Leg(line.accounts["deferred_revenue"], line.due.line, minor), Leg(_revenue(line), line.due.line, -minor)]
    yield from earned.items()


def _revenue(line: IssuedLine) -> str:
    return line.accounts["subscription_revenue" if line.due.kind == "fee" else "usage_revenue"]


def _earned(line: IssuedLine, period: str) -> Iterator[tuple[str, int]]:
    """What a fee earns in each month by its days, rounded on what is earned up to the end of it; not before the month of its document."""
    due, month, earned_before = line.due, month_of(line.due.served_from), 0
    days = (due.served_to - due.served_from).days
    while month < due.served_to:
        served = (min(next_month(month), due.served_to) - due.served_from).days
        earned = rounded(Fraction(line.minor * served, days))
        yield max(f"{month:%Y-%m}", period), earned - earned_before
        earned_before, month = earned, next_month(month)


def _converted(minor: int, document: Document, functional: str) -> int:
    if document.currency == functional:
        return minor
    return rounded(minor * document.exchange_rate * minor_units(functional) / minor_units(document.currency))


def _add(books: dict[PostingKey, Posted], document: Document, period: str, account: str, line: str | None, minor: int, functional_minor: int) -> None:
    posted = books[document.entity, period, account, document.currency, document.customer_id, line]
    posted.minor += minor
    posted.functional_minor += functional_minor
