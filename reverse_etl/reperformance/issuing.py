"""The documents that follow: each run of a close issues what is due by then, less what was issued before; what is less is credited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from reverse_etl.reperformance.amounts import rounded, spread
from reverse_etl.reperformance.facts import ClosedPeriod, SealedHeader
from reverse_etl.reperformance.rating import DueLine, last_day, month_of, next_month
from reverse_etl.reperformance.references import References

INVOICE, CREDIT_MEMO = "invoice", "credit_memo"


@dataclass(slots=True)
class IssuedLine:
    """One line of an issued invoice with what was resolved for it; ``left`` and ``tax_left`` are what credits have not taken back."""

    due: DueLine
    minor: int
    tax: int
    tax_code: str
    tax_rate: Fraction
    accounts: Mapping[str, str]
    left: int = 0
    tax_left: int = 0


@dataclass(frozen=True)
class Document:
    """``lines`` of a credit memo are negative, and ``invoice_key`` is the invoice that it corrects; of an invoice it is its own.

    ``is_issued``: the register has it; one that it has not is what should be there.
    """

    key: str
    invoice_key: str
    kind: str
    entity: str
    customer_id: str
    currency: str
    period: str
    document_date: date
    exchange_rate: Fraction
    lines: Sequence[IssuedLine]
    is_issued: bool = True


@dataclass
class Issuing:
    """``lines_due``: the lines that are due by a landing position, up to a month. ``waiting``: (customer, line) of what waits for a person."""

    references: Callable[[int], References]
    lines_due: Callable[[int, date], Mapping[str, DueLine]]
    issued: defaultdict[str, list[tuple[Document, IssuedLine]]] = field(default_factory=lambda: defaultdict(list))
    documents: list[Document] = field(default_factory=list)
    closed: dict[str, date] = field(default_factory=dict)

    def replay(self, entity: str, headers: Sequence[SealedHeader], closed: Sequence[ClosedPeriod], landed: int) -> None:
        """Issue what the register says was issued, run by run, each with the files that had landed."""
        runs: defaultdict[tuple[str, int], list[SealedHeader]] = defaultdict(list)
        for header in headers:
            runs[header.run, _landing_position(header, headers, closed, landed)].append(header)
        for (_, position), run in sorted(runs.items(), key=lambda item: item[1][0].position):
            first_open = self._first_open(entity, position, [one for one in closed if one.position < run[0].position])
            for period in sorted({header.period for header in run}):
                self._issue(entity, position, date.fromisoformat(f"{period}-01"), first_open, [header for header in run if header.period == period])

    def missing(self, entity: str, position: int, until: date) -> list[tuple[DueLine, int]]:
        """The lines that are due by a landing position and not issued, with what is missing (or, negative, was not taken back) of each."""
        due = self.lines_due(position, until)
        found = []
        for key in sorted({*due, *(key for key, lines in self.issued.items() if lines[0][0].entity == entity)}):
            line = due.get(key) or self.issued[key][0][1].due
            difference = (due[key].minor if key in due else 0) - self._standing(key)
            if line.entity == entity and difference:
                found.append((line, difference))
        return found

    def expect(self, entity: str, position: int, missing: Iterable[tuple[DueLine, int]]) -> None:
        """Documents that nobody has issued, in the month in which they were due."""
        by_document: defaultdict[tuple[str, date], list[tuple[DueLine, int]]] = defaultdict(list)
        for line, difference in missing:
            if difference > 0:
                by_document[line.customer.customer_id, line.due_month].append((line, difference))
            else:
                for original, pieces in self._taken_back(line.line, -difference):
                    self._keep(self._memo(f"unissued/{original.key}/{line.line}", line.due_month, last_day(line.due_month), original, pieces, False))
        for (customer_id, month), lines in by_document.items():
            self._keep(self._invoice(f"unissued/{customer_id}/{month}", position, month, last_day(month), lines, False))

    def _first_open(self, entity: str, position: int, closed: Sequence[ClosedPeriod]) -> date:
        if closed:
            return next_month(max(date.fromisoformat(f"{one.period}-01") for one in closed))
        known = self.references(position).entities.get(entity)
        return month_of(known.cutover_on) if known else date.min

    def _issue(self, entity: str, position: int, month: date, first_open: date, headers: Sequence[SealedHeader]) -> None:
        due = self.lines_due(position, month)
        differences: defaultdict[str, list[tuple[DueLine, int]]] = defaultdict(list)
        reductions: list[tuple[str, int]] = []
        for key, line in sorted(due.items()):
            difference = line.minor - self._standing(key)
            if line.entity != entity or max(line.due_month, first_open) != month or not difference:
                continue
            if difference > 0:
                differences[line.customer.customer_id].append((line, difference))
            else:
                reductions.append((key, -difference))
        by_invoice: defaultdict[str, list[IssuedLine]] = defaultdict(list)
        originals: dict[str, Document] = {}
        memos = {header.invoice_key: header for header in headers if header.document_type == CREDIT_MEMO}
        for key, reduction in reductions:
            for original, pieces in self._taken_back(key, reduction):
                if original.key in memos:
                    by_invoice[original.key] += pieces
                    originals[original.key] = original
        for header in headers:
            if header.document_type == INVOICE and header.customer_id in differences:
                lines = differences[header.customer_id]
                self._keep(self._invoice(header.business_key, position, month, header.document_date, lines, True))
        for invoice_key, pieces in by_invoice.items():
            header = memos[invoice_key]
            self._keep(self._memo(header.business_key, month, header.document_date, originals[invoice_key], pieces, True))

    def _standing(self, key: str) -> int:
        return sum(line.left for _, line in self.issued.get(key, ()))

    def _invoice(self, key: str, position: int, month: date, day: date, lines: Sequence[tuple[DueLine, int]], is_issued: bool) -> Document:
        references = self.references(position)
        customer = lines[0][0].customer
        entity = references.entities[customer.entity]
        taxes = _taxes(references, lines, day)
        made = []
        for line, minor in lines:
            tax, rate = taxes[line.line]
            accounts = {
                role: references.account(customer.entity, role, line.charge.product, last_day(month)) or f"no account for {role}"
                for role in ("receivable", "tax_payable", "deferred_revenue", "currency_rounding", "subscription_revenue", "usage_revenue")
            }
            made.append(IssuedLine(line, minor, tax, line.charge.tax_code, rate, accounts, minor, tax))
        exchange_rate = references.exchange_rate(customer.currency, entity.functional_currency, day)
        period = f"{month:%Y-%m}"
        rate = Fraction(0) if exchange_rate is None else exchange_rate
        return Document(key, key, INVOICE, customer.entity, customer.customer_id, customer.currency, period, day, rate, made, is_issued)

    def _taken_back(self, key: str, reduction: int) -> list[tuple[Document, list[IssuedLine]]]:
        """What was issued last is taken back first; the last of a line takes the tax that is left with it."""
        taken: list[tuple[Document, list[IssuedLine]]] = []
        for document, line in reversed(self.issued[key]):
            piece = min(line.left, reduction)
            if piece <= 0:
                continue
            tax = line.tax_left if piece == line.left else min(line.tax_left, rounded(piece * line.tax_rate))
            taken.append((document, [IssuedLine(line.due, -piece, -tax, line.tax_code, line.tax_rate, line.accounts)]))
            reduction -= piece
        return taken

    def _memo(self, key: str, month: date, day: date, original: Document, pieces: Sequence[IssuedLine], is_issued: bool) -> Document:
        for piece in pieces:
            [line] = [line for document, line in self.issued[piece.due.line] if document is original]
            line.left += piece.minor
            line.tax_left += piece.tax
        period = f"{month:%Y-%m}"
        return Document(
            key,
            original.key,
            CREDIT_MEMO,
            original.entity,
            original.customer_id,
            original.currency,
            period,
            day,
            original.exchange_rate,
            pieces,
            is_issued,
        )

    def _keep(self, document: Document) -> None:
        self.documents.append(document)
        if document.kind == INVOICE:
            for line in document.lines:
                self.issued[line.due.line].append((document, line))


def _landing_position(header: SealedHeader, headers: Sequence[SealedHeader], closed: Sequence[ClosedPeriod], landed: int) -> int:
    """How far landing had come: as the header says, or another one of its run, or the close that followed."""
    if header.landing_position is not None:
        return header.landing_position
    of_run = [other for other in headers if other.run == header.run and other.landing_position is not None]
    if of_run:
        nearest = min(of_run, key=lambda other: (abs(other.position - header.position), other.position))
        return nearest.landing_position or 0
    return next((one.landing_position for one in closed if one.position > header.position), landed)


def _taxes(references: References, lines: Sequence[tuple[DueLine, int]], day: date) -> Mapping[str, tuple[int, Fraction]]:
    """Tax and rate by line: rounded once per country, component and rate, or per line where the entity says so, and spread back."""
    groups: defaultdict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    rates: defaultdict[str, Fraction] = defaultdict(Fraction)
    taxes: defaultdict[str, int] = defaultdict(int)
    for line, minor in lines:
        by_line = references.entities[line.entity].tax_rounding == "line"
        for tax in references.taxes(line.entity, line.customer.country, line.charge.tax_code, day):
            unit = (line.customer.country, tax.component, str(tax.rate.normalize()), line.line if by_line else "")
            groups[unit][line.line] = minor
            rates[line.line] += Fraction(tax.rate)
    for (_, _, rate, _), shares in groups.items():
        for key, part in spread(rounded(sum(shares.values()) * Fraction(rate)), shares).items():
            taxes[key] += part
    return {line.line: (taxes[line.line], rates[line.line]) for line, _ in lines}
