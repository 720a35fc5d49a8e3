"""What documents come to in the books: receivables, revenue or deferred revenue, tax, and revenue as it is earned day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from reverse_etl.reperformance.amounts import minor_units, rounded
from reverse_etl.reperformance.facts import Settlement
from reverse_etl.reperformance.issuing import INVOICE, Document, IssuedLine
from reverse_etl.reperformance.rating import month_of, next_month

PostingKey = tuple[str, str, str, str, str, str | None]
"""Entity, period, account, currency, customer, line (None: the document as a whole)."""


@dataclass(frozen=True, slots=True)
class Leg:
    """``functional_minor``: what it is worth, where it is not its own amount at the rate of the document."""

    account: str
    line: str | None
    minor: int
    functional_minor: int | None = None


@dataclass(slots=True)
class Posted:
    minor: int = 0
    functional_minor: int = 0


def post(
    documents: Sequence[Document], settlements: Iterable[Settlement], functional_currencies: dict[str, str], until: date
) -> dict[PostingKey, Posted]:
    """Every posting up to the month ``until``, debit positive."""
    receivables = _receivables(documents, settlements, functional_currencies)
    books: defaultdict[PostingKey, Posted] = defaultdict(Posted)
    for document, receivable in zip(documents, receivables, strict=True):
        functional = functional_currencies[document.entity]
        for period, legs in _entries(document, receivable):
            if period > f"{until:%Y-%m}":
                continue
            left = 0
            for leg in legs:
                converted = _converted(leg.minor, document, functional) if leg.functional_minor is None else leg.functional_minor
                left -= converted
                _add(books, document, period, leg.account, leg.line, leg.minor, converted)
            if left:
                _add(books, document, period, min(line.accounts["currency_rounding"] for line in document.lines), None, 0, left)
    return dict(books)


def _receivables(documents: Sequence[Document], settlements: Iterable[Settlement], functional_currencies: dict[str, str]) -> list[int]:
    """What each document's receivable is worth: what it changes of the invoice's balance at the invoice's rate; no balance is worth nothing."""
    movements: defaultdict[str, list[tuple[date, int, int, int]]] = defaultdict(list)
    for place, document in enumerate(documents):
        turn = 0 if document.kind == INVOICE else 1
        movements[document.invoice_key].append((document.document_date, turn, place, sum(line.minor + line.tax for line in document.lines)))
    for settlement in settlements:
        movements[settlement.invoice_key].append((settlement.posted_on, 2, len(documents), settlement.minor))
    worth = [0] * len(documents)
    for moved in movements.values():
        balance, first = 0, min(place for _, _, place, _ in moved)
        if first == len(documents):
            continue
        invoice = documents[first]
        functional = functional_currencies[invoice.entity]
        for _, _, place, minor in sorted(moved):
            before, balance = balance, balance + minor
            if place < len(documents):
                worth[place] = _converted(balance, invoice, functional) - _converted(before, invoice, functional)
    return worth


def _entries(document: Document, receivable: int) -> Iterator[tuple[str, Sequence[Leg]]]:
    lines = document.lines
    taxes: defaultdict[tuple[str, Fraction], int] = defaultdict(int)
    for line in lines:
        taxes[line.tax_code, line.tax_rate] += line.tax
    yield (
        document.period,
        [
            Leg(min(line.accounts["receivable"] for line in lines), None, sum(line.minor + line.tax for line in lines), receivable),
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
