"""Outbox rows that are changed on their way to the register, and agree with themselves all the same: the register refuses what does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from reverse_etl.documents import OutboxRow

Line = dict[str, Any]
Lines = list[Line]


def changed(rows: Sequence[OutboxRow], document_type: str, change: Callable[[OutboxRow], OutboxRow]) -> list[OutboxRow]:
    """The rows with the first of a document type changed."""
    [index, *_] = (index for index, row in enumerate(rows) if row.document_type == document_type)
    return [*rows[:index], change(rows[index]), *rows[index + 1 :]]


def with_lines(row: OutboxRow, change: Callable[[Lines], Lines]) -> OutboxRow:
    """An invoice, credit memo or journal entry with other lines, and the totals of those."""
    lines = change([dict(line) for line in row.payload["lines"]])
    if row.document_type == "journal_entry":
        total = sum(line["amount_minor"] for line in lines if line["side"] == "debit")
        return replace(row, total_minor=total, payload={**row.payload, "lines": lines})
    subtotal, tax = (sum(line[name] for line in lines) for name in ("amount_minor", "tax_minor"))
    totals = {"subtotal_minor": subtotal, "tax_minor": tax, "total_minor": subtotal + tax}
    due = {"amount_due_minor": subtotal + tax} if row.document_type == "invoice" else {}
    return replace(row, total_minor=subtotal + tax, payload={**row.payload, **totals, **due, "lines": lines})


def renamed(row: OutboxRow, suffix: str) -> OutboxRow:
    """The same document under another key, with lines of their own; a summary is one of the same entries."""
    natural_id = f"{row.natural_id}{suffix}"
    lines = [{**line, "line_key": f"{line['line_key']}{suffix}"} for line in row.payload["lines"]]
    summarised = [{**line, "posted_line_key": f"{line['posted_line_key']}{suffix}"} for line in row.payload.get("summarised") or ()]
    key = row.business_key.removesuffix(row.natural_id) + natural_id
    payload = {**row.payload, "lines": lines} | ({"summarised": summarised} if summarised else {})
    return replace(row, natural_id=natural_id, business_key=key, payload=payload)


def usage_line(lines: Lines) -> Line:
    """The one line of usage."""
    [line] = [line for line in lines if line["kind"] == "usage"]
    return line


def changed_entries(rows: Sequence[OutboxRow], cause: str, change: Callable[[OutboxRow], OutboxRow]) -> list[OutboxRow]:
    """The rows with every journal entry of a cause changed."""
    return [change(row) if row.cause == cause else row for row in rows]
