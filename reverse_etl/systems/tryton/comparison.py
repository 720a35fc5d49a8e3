"""Every way in which a Tryton document differs from the sealed one. Pure."""

from __future__ import annotations

from reverse_etl.documents import SealedDocument
from reverse_etl.systems import journal_entries
from reverse_etl.systems.contract import RemoteDocument
from reverse_etl.systems.journal_entries import POSTED, journal_entry
from reverse_etl.systems.tryton.rendering import CUSTOMER, call_names, party_record

DRAFT, DUPLICATE = "draft", "duplicate"
__all__ = ["DRAFT", "DUPLICATE", "POSTED", "differences"]


def differences(document: SealedDocument, remote: RemoteDocument) -> tuple[str, ...]:
    if document.document_type == CUSTOMER:
        return _party_differences(document, remote)
    return journal_entries.differences(journal_entry(document), remote)


def _party_differences(document: SealedDocument, remote: RemoteDocument) -> tuple[str, ...]:
    record = party_record(document)
    name = remote.completed.get(call_names(document)[0], {}).get("name")
    found = []
    if remote.remote_number != record["code"]:
        found.append(f"code: {remote.remote_number} instead of {record['code']}")
    if name != record["name"]:
        found.append("name: not the one that was sealed")
    return tuple(found)
