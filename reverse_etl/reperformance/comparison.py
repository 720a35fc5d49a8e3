"""What the ledger should hold beside what it holds, to the last minor unit: by line, by account, and what was left out by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reverse_etl.reperformance.bookkeeping import Posted, PostingKey
from reverse_etl.reperformance.facts import UNKNOWN_CUSTOMER, LedgerLine
from reverse_etl.reperformance.scope import EVENTS

OUTSIDE_THE_SAMPLE = "customers outside of the sample"


@dataclass(frozen=True, slots=True)
class Compared:
    """Amounts in minor units, debit positive; functional ones in the currency of the entity."""

    entity: str
    period: str
    account: str
    currency: str
    expected_minor: int
    ledger_minor: int
    expected_functional_minor: int
    ledger_functional_minor: int

    @property
    def difference_minor(self) -> int:
        return self.ledger_minor - self.expected_minor

    @property
    def difference_functional_minor(self) -> int:
        return self.ledger_functional_minor - self.expected_functional_minor

    @property
    def differs(self) -> bool:
        return bool(self.difference_minor or self.difference_functional_minor)


@dataclass(frozen=True, slots=True)
class Difference(Compared):
    """``line``: subscription/charge/first day of the period; None where it is of the document as a whole (receivable, tax, currency rounding)."""

    customer_id: str
    line: str | None


@dataclass(frozen=True, slots=True)
class NotReperformed:
    """``lines``: how many lines of the ledger."""

    reason: str
    lines: int


@dataclass(frozen=True, slots=True)
class MonthReperformed:
    """One month of one legal entity. ``lines``: the lines of the ledger; ``reperformed``: how many of them were compared."""

    entity: str
    period: str
    lines: int
    reperformed: int
    accounts: Sequence[Compared]
    differences: Sequence[Difference]
    not_reperformed: Sequence[NotReperformed]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is due and waits for a person: in no ledger, and expected in none."""

    entity: str
    customer_id: str
    line: str
    currency: str
    minor: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reperformance:
    months: Sequence[MonthReperformed]
    waiting: Sequence[Waiting]

    @property
    def agrees(self) -> bool:
        return not any(month.differences for month in self.months)


def compare(
    expected: Mapping[PostingKey, Posted],
    ledger: Sequence[LedgerLine],
    months: Iterable[tuple[str, str]],
    chosen: Sequence[str],
    left_out: Mapping[str, str],
) -> list[MonthReperformed]:
    """Every month of every entity. ``left_out``: customer -> why nothing of it is re-performed; of the others only ``chosen`` ones are."""
    held: defaultdict[PostingKey, Posted] = defaultdict(Posted)
    lines: Counter[tuple[str, str]] = Counter()
    reasons: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    inside = set(chosen)
    for line in ledger:
        month = (line.entity, line.period)
        lines[month] += 1
        reason = _reason(line, inside, left_out)
        if reason is not None:
            reasons[month][reason] += 1
            continue
        posted = held[line.entity, line.period, line.account, line.currency, line.customer_id, line.line]
        posted.minor += line.minor
        posted.functional_minor += line.functional_minor
    return [
        _month(entity, period, expected, held, lines[entity, period], [NotReperformed(*item) for item in sorted(reasons[entity, period].items())])
        for entity, period in months
    ]


def _reason(line: LedgerLine, inside: set[str], left_out: Mapping[str, str]) -> str | None:
    if line.event not in EVENTS:
        return f"the event {line.event}"
    if line.customer_id in left_out:
        return left_out[line.customer_id]
    return None if line.customer_id in inside or line.customer_id == UNKNOWN_CUSTOMER else OUTSIDE_THE_SAMPLE


def _month(
    entity: str,
    period: str,
    expected: Mapping[PostingKey, Posted],
    held: Mapping[PostingKey, Posted],
    lines: int,
    not_reperformed: Sequence[NotReperformed],
) -> MonthReperformed:
    keys = sorted({key for key in (*expected, *held) if key[:2] == (entity, period)}, key=lambda key: tuple(part or "" for part in key))
    nothing = Posted()
    differences, sums = [], defaultdict[tuple[str, str], list[int]](lambda: [0, 0, 0, 0])
    for key in keys:
        ours, theirs = expected.get(key, nothing), held.get(key, nothing)
        amounts = (ours.minor, theirs.minor, ours.functional_minor, theirs.functional_minor)
        _, _, account, currency, customer_id, line = key
        sums[account, currency] = [total + amount for total, amount in zip(sums[account, currency], amounts, strict=True)]
        difference = Difference(entity, period, account, currency, *amounts, customer_id, line)
        if difference.differs:
            differences.append(difference)
    accounts = [Compared(entity, period, account, currency, *amounts) for (account, currency), amounts in sorted(sums.items())]
    return MonthReperformed(entity, period, lines, lines - sum(left.lines for left in not_reperformed), accounts, differences, not_reperformed)
