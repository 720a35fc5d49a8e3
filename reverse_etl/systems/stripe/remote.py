"""From Stripe's objects to what the poster and the warehouse compare. Pure.

Status beside Stripe's own: ``duplicate`` (several living objects carry one reference), ``incomplete`` (a draft with only a part of the lines that
one call adds, which no call of ours leaves behind), ``deleted``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.systems.contract import RemoteDocument, RemoteLine
from reverse_etl.systems.stripe.rendering import (
    APPLY_CREDIT,
    CREATE,
    CREDIT_MEMO,
    CUSTOMER,
    FINALIZE,
    INVOICE,
    LINE_KEY,
    NUMBER,
    UPDATE,
    line_calls,
    percentage,
    references,
)
from reverse_etl.systems.stripe.units import from_stripe, timestamp_day

Object = Mapping[str, Any]
DUPLICATE, INCOMPLETE, DELETED, ACTIVE = "duplicate", "incomplete", "deleted", "active"
FINAL_STATUSES = ("open", "paid", "uncollectible")


def living(objects: Sequence[Object]) -> list[Object]:
    """The objects that are not void, oldest first; the oldest if every one is void. ``objects`` come newest first, as Stripe lists them."""
    ordered = list(objects[::-1])
    return [item for item in ordered if item.get("status") != "void"] or ordered[:1]


def document_day(item: Object) -> date:
    """The date of an invoice or a credit note as its reader sees it."""
    finalized = (item.get("status_transitions") or {}).get("finalized_at")
    return timestamp_day(item.get("effective_at") or finalized or item["created"])


def currency_of(item: Object) -> str:
    return str(item["currency"]).upper()


def line_key_of(line: Object) -> str | None:
    return (line.get("metadata") or {}).get(LINE_KEY)


def exclusive_tax(taxes: Sequence[Object] | None) -> int:
    """Tax on top of the amounts; inclusive tax is part of them."""
    return sum(tax["amount"] for tax in taxes or () if tax["tax_behavior"] == "exclusive")


def line_replies(document: SealedDocument, lines: Sequence[Object]) -> dict[str, dict[str, Any]]:
    """What a later credit note needs of each line: line key -> id, tax rate and its percentage."""
    rates = {line["line_key"]: line.get("tax_rate") for line in document.payload["lines"]}
    replies: dict[str, dict[str, Any]] = {}
    for line in lines:
        key = line_key_of(line)
        if key is None or key not in rates:
            continue
        rate = next((tax["tax_rate_details"]["tax_rate"] for tax in line.get("taxes") or () if tax.get("tax_rate_details")), None)
        replies[key] = {"id": line["id"]} | ({"tax_rate": rate, "percentage": percentage(rates[key])} if rate else {})
    return replies


def amount_due(item: Object) -> int | None:
    """What was left to pay when the invoice was finalized, after the customer's balance and before payments and credit notes."""
    if item.get("ending_balance") is None:
        return None
    return int(item["total"]) + int(item["starting_balance"]) - int(item["ending_balance"])


def remote_document(
    document: SealedDocument, objects: Sequence[Object], lines: Sequence[Object], adjustments: Sequence[Object] = ()
) -> RemoteDocument:
    """One document from the objects under its reference, the lines of the first living one, and what moved the customer's balance for it."""
    found = living(objects)
    item = found[0]
    status, completed = _progress(document, item, lines, adjustments)
    if len(found) > 1 or len(adjustments) > 1:
        status = DUPLICATE
    carried = list(references(item.get("metadata") or {}))
    reference = document.reference if document.reference in carried else next(iter(carried), "")
    others = tuple(other["id"] for other in found[1:])
    if document.document_type == CUSTOMER:
        return RemoteDocument(reference, item["id"], None, status, None, None, None, None, (), completed, others)
    currency, day = currency_of(item), document_day(item)
    return RemoteDocument(
        reference=reference,
        remote_id=item["id"],
        remote_number=item.get("number"),
        status=status,
        document_date=day,
        period=f"{day:%Y-%m}",
        currency=currency,
        total_minor=from_stripe(item["total"], currency),
        lines=tuple(_remote_line(line, currency) for line in lines),
        completed=completed,
        duplicates=others,
        amount_due_minor=None if (due := amount_due(item)) is None else from_stripe(due, currency),
    )


def differences(document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
    """Every way in which the remote document differs from the sealed one."""
    found: list[str] = []

    def compare(what: str, ours: object, theirs: object) -> None:
        if ours != theirs:
            found.append(f"{what}: sealed {ours}, at Stripe {theirs}")

    compare("reference", document.reference, remote.reference)
    accepted = {CUSTOMER: (ACTIVE,), INVOICE: FINAL_STATUSES, CREDIT_MEMO: ("issued",)}[document.document_type]
    if remote.status not in accepted:
        found.append(f"status: {remote.status}, expected {' or '.join(accepted)}")
    if document.document_type == CUSTOMER:
        return tuple(found)
    theirs = remote.remote_number if document.document_type == INVOICE else remote.completed.get(CREATE, {}).get(NUMBER)
    compare("number", number, theirs)
    compare("date", document.document_date, remote.document_date)
    compare("currency", document.currency, remote.currency)
    compare("total", document.total_minor, remote.total_minor)
    if remote.amount_due_minor is not None:
        compare("amount due", document.payload.get("amount_due_minor", document.total_minor), remote.amount_due_minor)
    compare("tax", document.payload["tax_minor"], sum(line.tax_minor for line in remote.lines))
    found.extend(_line_differences(document, remote))
    return tuple(found)


def _line_differences(document: SealedDocument, remote: RemoteDocument) -> list[str]:
    ours = Counter((line["line_key"], line["amount_minor"], line["tax_minor"]) for line in document.payload["lines"])
    theirs = Counter((line.line_key, line.amount_minor, line.tax_minor) for line in remote.lines)
    missing = [f"line {key}: amount {amount}, tax {tax} is not at Stripe" for key, amount, tax in sorted((ours - theirs).elements())]
    extra = [
        f"line {key or '(without key)'}: amount {amount}, tax {tax} is only at Stripe" for key, amount, tax in sorted((theirs - ours).elements())
    ]
    return missing + extra


def _progress(
    document: SealedDocument, item: Object, lines: Sequence[Object], adjustments: Sequence[Object]
) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """The status, and the calls that have taken effect with the replies later calls need."""
    if item.get("deleted"):
        return DELETED, {}
    if document.document_type == CUSTOMER:
        return ACTIVE, {UPDATE if document.operation == "update" else CREATE: {"id": item["id"]}}
    if document.document_type == CREDIT_MEMO:
        return str(item["status"]), {CREATE: {"id": item["id"], NUMBER: (item.get("metadata") or {}).get(NUMBER)}}
    completed: dict[str, Mapping[str, Any]] = {CREATE: {"id": item["id"]}}
    status = str(item["status"])
    replies = line_replies(document, lines)
    for name, chunk in line_calls(document).items():
        present = {line["line_key"]: replies[line["line_key"]] for line in chunk if line["line_key"] in replies}
        if len(present) == len(chunk):
            completed[name] = {"lines": present}
        elif present:
            status = INCOMPLETE
    if adjustments:
        completed[APPLY_CREDIT] = {"id": adjustments[0]["id"]}
    if item["status"] != "draft":
        completed[FINALIZE] = {"id": item["id"], "status": item["status"]} | ({"number": item["number"]} if item.get("number") else {})
    return status, completed


def _remote_line(line: Object, currency: str) -> RemoteLine:
    amount, tax = from_stripe(line["amount"], currency), from_stripe(exclusive_tax(line.get("taxes")), currency)
    # An amount without an exact counterpart is none of ours, so its key is not shown as one of ours.
    exact = amount is not None and tax is not None
    return RemoteLine(line_key_of(line) or "" if exact else "(not exact)", amount or 0, currency, tax or 0)
