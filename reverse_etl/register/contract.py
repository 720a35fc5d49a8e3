"""What a row must satisfy to be sealed. Pure: it looks at one row and nothing else; the warehouse's tests assert the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from reverse_etl.documents import OUTBOX_CONTRACT_VERSION, PROHIBITED, SENSITIVITY_CLASSES, OutboxRow
from reverse_etl.register.records.storable import storable

NUMBER_PREFIXES = {"invoice": "INV", "credit_memo": "CM"}
MASTER_DATA = ("customer",)
USAGE_REPORT = "usage_report"
JOURNAL_ENTRY = "journal_entry"
OPENING = "opening"
DOCUMENT_TYPES = ("customer", "invoice", "credit_memo", JOURNAL_ENTRY, USAGE_REPORT, OPENING)
CARRIED_OVER = "register"
"""The system of what is delivered to nobody: a former system has posted it."""
OPENINGS = ("open_item", "deferred_revenue", "prepaid_credit", "billed_line", "balance")
CURRENCY = re.compile(r"[A-Z]{3}")
FIELD_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("system", "entity", "document_type", "natural_id", "business_key", "operation", "period", "currency"), str),
    **dict.fromkeys(("sensitivity", "cause", "subtracted_key", "register_incarnation"), str),
    **dict.fromkeys(("revision", "total_minor", "register_head"), int),
    **dict.fromkeys(("document_date", "posting_date"), date),
    "depends_on": tuple,
    "payload": Mapping,
}
# What every database holds and indexes.
LONGEST_TEXT, LARGEST_BIGINT = 1_000, 2**63 - 1
LARGEST_INTEGER = {"revision": 2**31 - 1}
REPORTED_VALUE = re.compile(r"[1-9]\d{0,14}", re.ASCII)
PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def violations(row: OutboxRow) -> tuple[str, ...]:
    """Every way in which the row breaks the outbox contract (that its payload is exact, its content hash checks); empty when it may be sealed."""
    if row.contract_version != OUTBOX_CONTRACT_VERSION:
        return (f"contract version {row.contract_version} is unknown; this register seals version {OUTBOX_CONTRACT_VERSION}",)
    return tuple(_types(row)) or (*_header(row), *_dates(row), *_content(row))


def _types(row: OutboxRow) -> Iterator[str]:
    # A warehouse hands over nulls and other types as they come; one such row must not bring the others down.
    for name, kind in FIELD_TYPES.items():
        value = getattr(row, name)
        if not isinstance(value, kind) or isinstance(value, bool):
            yield f"{name} {value!r} is not of type {kind.__name__}"
        elif isinstance(value, str) and (storable(value) != value or len(value) > LONGEST_TEXT):
            yield f"{name} {value[:60]!r} is longer than {LONGEST_TEXT} characters or holds one that no database stores"
        elif isinstance(value, int) and abs(value) > LARGEST_INTEGER.get(name, LARGEST_BIGINT):
            yield f"{name} {value} is too large"
    if isinstance(row.depends_on, tuple) and not all(isinstance(key, str) for key in row.depends_on):
        yield "depends_on holds something that is not a business key"


def _header(row: OutboxRow) -> Iterator[str]:
    if row.document_type not in DOCUMENT_TYPES:
        yield f"document type {row.document_type!r} is unknown"
    expected_key = f"{row.system}/{row.entity}/{row.document_type}/{row.natural_id}"
    if row.business_key != expected_key or not row.natural_id:
        yield f"business key {row.business_key!r} is not {expected_key!r}"
    if row.revision < 1:
        yield f"revision {row.revision} is below 1"
    # A reposted entry is an entry of its own, not a new version of the one before.
    if row.operation != ("create" if row.revision <= 1 or row.document_type == JOURNAL_ENTRY else "update"):
        yield f"operation {row.operation!r} does not go with revision {row.revision}"
    expected_series = row.document_type if row.document_type in NUMBER_PREFIXES else None
    if row.series != expected_series:
        yield f"series {row.series!r} of a {row.document_type} must be {expected_series!r}"
    if not CURRENCY.fullmatch(row.currency or ""):
        yield f"currency {row.currency!r} is not an ISO 4217 code"
    if row.sensitivity not in SENSITIVITY_CLASSES:
        yield f"sensitivity {row.sensitivity!r} is none of {', '.join(SENSITIVITY_CLASSES)}"
    if row.sensitivity == PROHIBITED:
        yield "what is prohibited is never sealed"
    if not row.subtracted_key:
        yield "the key it was subtracted from is empty"
    if any(not key.startswith(f"{row.system}/") for key in row.depends_on):
        yield "it depends on a document of another system"


def _dates(row: OutboxRow) -> Iterator[str]:
    if not PERIOD.fullmatch(row.period or ""):
        yield f"period {row.period!r} is not YYYY-MM"
    elif row.posting_date.strftime("%Y-%m") != row.period:
        yield f"posting date {row.posting_date} is outside its period {row.period}"
    if row.document_date > row.posting_date:
        yield f"posting date {row.posting_date} is before the document's date {row.document_date}"


def _content(row: OutboxRow) -> Iterator[str]:
    if row.document_type in MASTER_DATA:
        return
    if row.document_type == USAGE_REPORT:
        yield from _usage_report(row)
        return
    if row.document_type == OPENING:
        yield from _opening(row)
        return
    # A journal entry may be of the functional currency alone; that no line of it is nothing is checked below.
    if row.total_minor < (0 if row.document_type == JOURNAL_ENTRY else 1):
        yield f"total {row.total_minor} is not positive"
    if row.payload.get("currency") != row.currency:
        yield f"payload currency {row.payload.get('currency')!r} is not the row's {row.currency!r}"
    lines = row.payload.get("lines")
    if not isinstance(lines, Sequence) or isinstance(lines, str) or not lines or not all(isinstance(line, Mapping) for line in lines):
        yield "it has no lines"
        return
    keys = [line.get("line_key") for line in lines]
    if None in keys or "" in keys or len(set(keys)) != len(keys):
        yield "a line key is missing or occurs twice"
    yield from _journal(row, lines) if row.document_type == JOURNAL_ENTRY else _invoice(row, lines)


def _usage_report(row: OutboxRow) -> Iterator[str]:
    if row.total_minor != 0:
        yield f"total {row.total_minor} of a usage report, which carries no money"
    for name in ("usage_key", "event_name", "customer_id"):
        if not row.payload.get(name):
            yield f"{name} is missing"
    value = row.payload.get("value")
    if not isinstance(value, str) or not REPORTED_VALUE.fullmatch(value):
        yield f"value {value!r} is not a whole number above zero of at most 15 digits"
    if _integer(row.payload, "timestamp") is None:
        yield "the timestamp is not a whole number of seconds"


def _opening(row: OutboxRow) -> Iterator[str]:
    opening, signed, functional = row.payload.get("opening"), _integer(row.payload, "signed_minor"), _integer(row.payload, "signed_functional_minor")
    if row.system != CARRIED_OVER:
        yield f"an opening is carried over by the register and never delivered to {row.system}"
    if opening not in OPENINGS:
        yield f"opening {opening!r} is none of {', '.join(OPENINGS)}"
    if row.payload.get("currency") != row.currency:
        yield f"payload currency {row.payload.get('currency')!r} is not the row's {row.currency!r}"
    if row.total_minor == 0 or signed is None or functional is None:
        yield "an amount is zero, missing or not an integer of minor units"
        return
    if abs(signed) != (0 if opening == "billed_line" else abs(row.total_minor)) or signed * functional < 0:
        yield f"it opens {signed} and {functional} in functional currency, the row's total is {row.total_minor}"
    if opening != "billed_line" and not (row.payload.get("account") and row.payload.get("equity_account") and row.payload.get("rounding_account")):
        yield "an account is missing"
    if opening in ("deferred_revenue", "billed_line") and not (row.payload.get("service_period_start") and row.payload.get("service_period_end")):
        yield "the service period is missing"


def _invoice(row: OutboxRow, lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    amounts = [_integer(line, "amount_minor") for line in lines]
    taxes = [_integer(line, "tax_minor") for line in lines]
    subtotal, tax, total = (_integer(row.payload, name) for name in ("subtotal_minor", "tax_minor", "total_minor"))
    if None in amounts or None in taxes or subtotal is None or tax is None or total is None:
        yield "an amount is missing or not an integer of minor units"
        return
    amount_sum, tax_sum = sum(amount or 0 for amount in amounts), sum(amount or 0 for amount in taxes)
    if amount_sum != subtotal:
        yield f"lines sum to {amount_sum}, the subtotal is {subtotal}"
    if tax_sum != tax:
        yield f"line taxes sum to {tax_sum}, the tax is {tax}"
    if not subtotal + tax == total == row.total_minor:
        yield f"subtotal {subtotal} + tax {tax}, the payload's total {total} and the row's total {row.total_minor} differ"
    yield from _credits(row, total)
    if row.document_type == "credit_memo" and any((amount or 0) < 0 for amount in amounts + taxes):
        yield "a credited amount is negative"


def _credits(row: OutboxRow, total: int) -> Iterator[str]:
    """Prepaid credits that an invoice draws, or that a credit memo gives back; a document that knows of none says nothing."""
    member = "applied_credit_minor" if row.document_type == "invoice" else "restored_credit_minor"
    if row.payload.get(member, 0) == 0 and not row.payload.get("credits"):
        return
    credits, applied = row.payload.get("credits"), _integer(row.payload, member)
    if not isinstance(credits, Sequence) or applied is None or not all(isinstance(credit, Mapping) for credit in credits):
        yield f"{member} or its credits are missing"
        return
    amounts = [_integer(credit, "amount_minor") or 0 for credit in credits]
    if any(amount <= 0 for amount in amounts) or not all(credit.get("grant_id") and credit.get("account") for credit in credits):
        yield "a credit lacks its grant, its account or a positive amount"
    if sum(amounts) != applied:
        yield f"credits sum to {sum(amounts)}, {member} is {applied}"
    if applied > total:
        yield f"{member} {applied} is more than the total {total}"
    if row.document_type == "invoice" and _integer(row.payload, "amount_due_minor") != total - applied:
        yield f"the amount due {row.payload.get('amount_due_minor')} is not the total {total} less {applied} of credits"


def _journal(row: OutboxRow, lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(lines) < 2:
        yield "a journal entry needs at least two lines"
    sums = {(side, unit): 0 for side in ("debit", "credit") for unit in ("amount_minor", "functional_minor")}
    for line in lines:
        side, amount, functional = line.get("side"), _integer(line, "amount_minor"), _integer(line, "functional_minor")
        if side not in ("debit", "credit") or amount is None or functional is None or amount < 0 or functional < 0:
            yield f"line {line.get('line_key')!r} has no side or an amount that is not a non-negative integer of minor units"
            return
        if not line.get("account"):
            yield f"line {line.get('line_key')!r} has no account"
        if amount == functional == 0:
            yield f"line {line.get('line_key')!r} is zero"
        sums[side, "amount_minor"] += amount
        sums[side, "functional_minor"] += functional
    for unit, name in (("amount_minor", row.currency), ("functional_minor", "functional currency")):
        if sums["debit", unit] != sums["credit", unit]:
            yield f"debits {sums['debit', unit]} and credits {sums['credit', unit]} differ in {name}"
    if sums["debit", "amount_minor"] != row.total_minor:
        yield f"debits {sums['debit', 'amount_minor']} are not the row's total {row.total_minor}"
    yield from _summary(row.payload.get("summarised") or (), lines)


def _summary(summarised: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a summary stands for sums to its lines, in both currencies."""
    if not summarised:
        return
    rest = {(line["line_key"], unit): line[unit] for line in lines for unit in ("amount_minor", "functional_minor")}
    for line in summarised:
        for unit in ("amount_minor", "functional_minor"):
            key = (line.get("posted_line_key"), unit)
            if key not in rest:
                yield f"summarised line {line.get('line_key')!r} is in none of its lines"
                return
            rest[key] -= _integer(line, unit) or 0
    for (line_key, unit), difference in rest.items():
        if difference:
            yield f"line {line_key!r} differs by {difference} ({unit}) from what it summarises"


def _integer(record: Mapping[str, Any], name: str) -> int | None:
    value = record.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
