"""Every way in which a Tryton document differs from the sealed one. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.systems.contract import RemoteDocument, RemoteLine
from reverse_etl.systems.tryton.rendering import CUSTOMER, call_names, has_second_currency, party_record

POSTED, DRAFT, DUPLICATE = "posted", "draft", "duplicate"
COMPARED = ("account", "functional_minor", "currency", "amount_minor", "party")


def differences(document: SealedDocument, remote: RemoteDocument) -> tuple[str, ...]:
    if document.document_type == CUSTOMER:
        return _party_differences(document, remote)
    found = []
    if remote.status != POSTED:
        found.append(f"status: {remote.status} instead of {POSTED}")
    for what, ours, theirs in (
        ("posting date", document.posting_date, remote.document_date),
        ("period", document.period, remote.period),
        ("reference", document.reference, remote.reference),
    ):
        if ours != theirs:
            found.append(f"{what}: {theirs} instead of {ours}")
    return (*found, *_line_differences(expected_lines(document), remote.lines))


def expected_lines(document: SealedDocument) -> tuple[RemoteLine, ...]:
    """The lines of a journal entry as Tryton should hold them: a line without second currency counts in the functional one."""
    payload = document.payload
    return tuple(_expected_line(line, payload) for line in payload["lines"])


def _expected_line(line: Mapping[str, Any], payload: Mapping[str, Any]) -> RemoteLine:
    sign = 1 if line["side"] == "debit" else -1
    second = has_second_currency(line, payload)
    return RemoteLine(
        line_key=line["line_key"],
        amount_minor=sign * (line["amount_minor"] if second else line["functional_minor"]),
        currency=payload["currency"] if second else payload["functional_currency"],
        account=line["account"],
        functional_minor=sign * line["functional_minor"],
        party=line.get("customer_id"),
    )


def _line_differences(expected: tuple[RemoteLine, ...], held: tuple[RemoteLine, ...]) -> list[str]:
    found = []
    held_by_key = {line.line_key: line for line in held}
    for line in expected:
        other = held_by_key.get(line.line_key)
        if other is None:
            found.append(f"line {line.line_key}: missing")
            continue
        for field in COMPARED:
            ours, theirs = getattr(line, field), getattr(other, field)
            if ours != theirs:
                found.append(f"line {line.line_key}: {field} {theirs} instead of {ours}")
    surplus = Counter(line.line_key for line in held) - Counter(line.line_key for line in expected)
    found.extend(f"line {key or '(without key)'}: {count} more than sealed" for key, count in sorted(surplus.items()))
    return found


def _party_differences(document: SealedDocument, remote: RemoteDocument) -> tuple[str, ...]:
    record = party_record(document)
    name = remote.completed.get(call_names(document)[0], {}).get("name")
    found = []
    if remote.remote_number != record["code"]:
        found.append(f"code: {remote.remote_number} instead of {record['code']}")
    if name != record["name"]:
        found.append("name: not the one that was sealed")
    return tuple(found)
