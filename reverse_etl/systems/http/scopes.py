"""What templates may name (the document, its journal entry, earlier replies, dependencies), and what a found document is compared with. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.systems import journal_entries
from reverse_etl.systems.contract import Dependency, RemoteDocument, RemoteLine, RenderContext
from reverse_etl.systems.http.specification import Comparison
from reverse_etl.systems.http.templates import TemplateError
from reverse_etl.systems.journal_entries import DEBIT, JOURNAL_ENTRY, JournalEntry, JournalLine, exact_decimal, iso_exponents, journal_entry

DOCUMENT = frozenset(
    {
        "reference",
        "business_key",
        "natural_id",
        "entity",
        "document_type",
        "operation",
        "revision",
        "document_number",
        "document_date",
        "posting_date",
        "period",
        "currency",
        "total_minor",
    }
)
RENDERING = DOCUMENT | {"payload", "entry", "replies", "options"}
BATCH = DOCUMENT | {"items", "options"}
LOOK_UP = frozenset(
    {"reference", "references", "remote_id", "natural_id", "entity", "document_type", "document_number", "first_day", "last_day", "options"}
)
LINK = frozenset({"remote_id", "entity", "document_type", "options"})
PERIOD = frozenset({"entity", "period", "first_day", "last_day", "options"})


def document_names(document: SealedDocument) -> dict[str, Any]:
    return {
        "reference": document.reference,
        "business_key": document.business_key,
        "natural_id": document.natural_id,
        "entity": document.entity,
        "document_type": document.document_type,
        "operation": document.operation,
        "revision": document.revision,
        "document_number": document.number,
        "document_date": document.document_date.isoformat(),
        "posting_date": document.posting_date.isoformat(),
        "period": document.period,
        "currency": document.currency,
        "total_minor": document.total_minor,
    }


def rendering_scope(context: RenderContext, options: Mapping[str, str], account_code: Callable[[str], str]) -> Mapping[str, Any]:
    document = context.document
    scope = document_names(document) | {
        "payload": document.payload,
        "replies": context.replies,
        "options": options,
        "accounts": account_code,
        "dependencies": _remote_ids(document, context.dependencies),
    }
    if document.document_type == JOURNAL_ENTRY:
        scope["entry"] = _entry(journal_entry(document), account_code)
    return scope


def look_up_scope(documents: Sequence[SealedDocument], remote_ids: Mapping[str, str], options: Mapping[str, str]) -> Mapping[str, Any]:
    first = documents[0]
    days = [day for document in documents for day in (document.posting_date, document.document_date)]
    return {
        "reference": first.reference,
        "references": [document.reference for document in documents],
        "remote_id": remote_ids.get(first.reference),
        "natural_id": first.natural_id,
        "entity": first.entity,
        "document_type": first.document_type,
        "document_number": first.number,
        "first_day": min(days).isoformat(),
        "last_day": max(days).isoformat(),
        "options": options,
    }


def period_scope(entity: str, period: str, options: Mapping[str, str]) -> Mapping[str, Any]:
    year, month = (int(part) for part in period.split("-"))
    last = calendar.monthrange(year, month)[1]
    return {"entity": entity, "period": period, "first_day": f"{period}-01", "last_day": f"{period}-{last:02}", "options": options}


def currencies_of(documents: Sequence[SealedDocument]) -> tuple[Mapping[str, int], str | None]:
    """Decimals by currency as the documents state them, and their functional currency (documents of one entity have one)."""
    exponents = dict(iso_exponents())
    functional: str | None = None
    for document in documents:
        payload = document.payload
        for name, exponent in (("currency", "currency_exponent"), ("functional_currency", "functional_exponent")):
            if isinstance(payload.get(exponent), int) and isinstance(payload.get(name), str):
                exponents[payload[name]] = payload[exponent]
        functional = payload.get("functional_currency", functional)
    return exponents, functional


def differences(document: SealedDocument, remote: RemoteDocument, compared: Comparison, account_code: Callable[[str], str]) -> tuple[str, ...]:
    """Every way in which what was found differs from what was sealed, of all that is to be compared."""
    found = []
    for wanted, what, ours, theirs in (
        (compared.status, "status", journal_entries.POSTED, remote.status),
        (compared.document_date, "posting date", document.posting_date, remote.document_date),
        (compared.period, "period", document.period, remote.period),
        (True, "reference", document.reference, remote.reference),
        (remote.currency is not None, "currency", document.currency, remote.currency),
        (remote.total_minor is not None, "total", document.total_minor, remote.total_minor),
    ):
        if wanted and ours != theirs:
            found.append(f"{what}: {theirs} instead of {ours}")
    if compared.lines:
        found += journal_entries.line_differences(_expected_lines(document, account_code), remote.lines, compared.lines)
    return tuple(found)


def _expected_lines(document: SealedDocument, account_code: Callable[[str], str]) -> Sequence[RemoteLine]:
    if document.document_type == JOURNAL_ENTRY:
        return journal_entries.expected_lines(journal_entry(document), account_code)
    return [
        RemoteLine(line["line_key"], line["amount_minor"], document.currency, line.get("tax_minor") or 0)
        for line in document.payload.get("lines", ())
    ]


def _entry(entry: JournalEntry, account_code: Callable[[str], str]) -> Mapping[str, Any]:
    """A journal entry for templates: amounts also as exact decimal text."""
    return {
        "description": entry.description,
        "source_number": entry.source_number,
        "event": entry.event,
        "currency": entry.currency,
        "functional_currency": entry.functional_currency,
        "is_foreign": entry.is_foreign,
        "lines": [_entry_line(entry, line, account_code) for line in entry.lines],
    }


def _entry_line(entry: JournalEntry, line: JournalLine, account_code: Callable[[str], str]) -> Mapping[str, Any]:
    functional = exact_decimal(line.functional_minor, entry.functional_exponent)
    amount = exact_decimal(line.amount_minor, entry.currency_exponent)
    return {
        "key": line.key,
        "account": account_code(line.account),
        "side": line.side,
        "description": line.description,
        "customer_id": line.customer_id,
        "partner_entity": line.partner_entity,
        "dimensions": line.dimensions,
        "functional": functional,
        "signed_functional": exact_decimal(line.signed_functional_minor, entry.functional_exponent),
        "amount": amount,
        "signed_amount": exact_decimal(line.signed_amount_minor, entry.currency_exponent),
        "debit": functional if line.side == DEBIT else None,
        "credit": None if line.side == DEBIT else functional,
        "debit_amount": amount if line.side == DEBIT else None,
        "credit_amount": None if line.side == DEBIT else amount,
        "functional_minor": line.functional_minor,
        "amount_minor": line.amount_minor,
    }


def _remote_ids(document: SealedDocument, dependencies: Mapping[str, Dependency]) -> Callable[[str | None, str], str]:
    def remote_id(document_type: str | None, natural_id: str) -> str:
        key = f"{document.system}/{document.entity}/{document_type or 'customer'}/{natural_id}"
        if key not in dependencies:
            raise TemplateError(f"{document.business_key} does not depend on {key}")
        return dependencies[key].remote_id

    return remote_id
