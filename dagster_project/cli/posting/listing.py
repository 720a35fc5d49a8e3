"""How exceptions of one kind are listed for people: each by itself, or those of one reason together where there are many. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster_project.quantities import exponents, quantity

SHOWN = 20
DOCUMENT_COLUMNS = ("id", "subject", "age", "amount_at_risk", "reason", "what_to_do")

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Listing:
    title: str
    rows: Sequence[Record]
    columns: Sequence[str]


def listed(records: Sequence[Record], everything: bool) -> Listing:
    """Of at least one exception, all of one kind. A document has an id, by which it is dealt with, so documents are never taken together."""
    of = f"{len(records):,} of kind {records[0]['kind']}"
    if "id" in records[0]:
        return _each(of, records, everything, DOCUMENT_COLUMNS)
    together = _by_reason(records)
    if len(records) > SHOWN and len(together) < len(records) and not everything:
        shown = together[:SHOWN]
        more = f", the first {SHOWN} of {len(together)}" if len(shown) < len(together) else ""
        columns = _columns(shown, ("number", "amount", "reason", "first", "what_to_do"))
        return Listing(f"{of}, by reason{more} (--all shows every one)", shown, columns)
    rows = [{**record, "amount": _amount([record])} for record in records]
    return _each(of, rows, everything, _columns(rows, ("subject", "amount", "reason", "what_to_do")))


def _each(of: str, records: Sequence[Record], everything: bool, columns: Sequence[str]) -> Listing:
    shown = records if everything else records[:SHOWN]
    more = f" (first {SHOWN}; --all shows every one)" if len(shown) < len(records) else ""
    return Listing(of + more, shown, columns)


def _by_reason(records: Sequence[Record]) -> list[Record]:
    """One row per reason, those with most first."""
    alike: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        alike[_alike(record), record["what_to_do"]].append(record)
    rows = [
        {"number": len(found), "amount": _amount(found), "reason": reason, "first": found[0]["subject"], "what_to_do": what_to_do}
        for (reason, what_to_do), found in alike.items()
    ]
    return sorted(rows, key=lambda row: -row["number"])


def _alike(record: Record) -> str:
    """The reason of a break has its own two sides: those of a checkpoint and measure are alike."""
    if "measure" not in record:
        return str(record["reason"])
    checkpoint, entity, period, *_ = record["subject"].split()
    return f"{checkpoint} {entity} {period}: {record['measure']}"


def _amount(records: Sequence[Record]) -> str | None:
    """What is at stake, added up by currency; none where none of them says."""
    sums: defaultdict[str, int] = defaultdict(int)
    for record in records:
        if record.get("amount_minor") and record.get("currency"):
            sums[record["currency"]] += record["amount_minor"]
    return ", ".join(quantity(str(minor), currency, exponents()) for currency, minor in sorted(sums.items())) or None


def _columns(rows: Sequence[Record], columns: Sequence[str]) -> Sequence[str]:
    return [column for column in columns if column != "amount" or any(row["amount"] for row in rows)]
