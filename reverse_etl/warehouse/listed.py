"""What sealed documents list (lines, credits), one row for each element: read out of the JSON once, for the mirror."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.landing.register_relations import REGISTER_RELATIONS

READ: Mapping[str, Callable[[Any], Any]] = {"varchar": str, "bigint": int, "integer": int, "date": date.fromisoformat}


@dataclass(frozen=True, slots=True)
class Listed:
    """A column takes the member of its name from the element, unless it is named here: ``of_document`` and ``of_element`` give column -> member."""

    relation: str
    document_types: tuple[str, ...]
    member: str
    of_document: Mapping[str, str]
    of_element: Mapping[str, str] = field(default_factory=dict)

    def rows(self, documents: Sequence[SealedDocument]) -> list[dict[str, Any]]:
        columns = {name: READ[kind] for name, kind in REGISTER_RELATIONS[self.relation].items() if name != "document_position"}
        fixed = [(name, self.of_document[name], read) for name, read in columns.items() if name in self.of_document]
        own = [(name, self.of_element.get(name, name), read) for name, read in columns.items() if name not in self.of_document]
        return [
            {"document_position": document.position} | _members(document.payload, fixed) | _members(element, own)
            for document in documents
            if document.document_type in self.document_types
            for element in document.payload.get(self.member) or ()
        ]


BILLING_TYPES = ("invoice", "credit_memo")
LISTED = (
    Listed(
        "register.billing_lines",
        BILLING_TYPES,
        "lines",
        of_document={
            "bill_to_customer_id": "customer_id",
            "invoice_key": "invoice_key",
            "functional_currency": "functional_currency",
            "exchange_rate": "exchange_rate",
            "exchange_rate_date": "exchange_rate_date",
            "decision_id": "decision_id",
        },
        of_element={"document_line_key": "line_key", "line_key": "rated_line_key"},
    ),
    Listed("register.credit_applications", BILLING_TYPES, "credits", of_document={"customer_id": "customer_id", "invoice_key": "invoice_key"}),
    Listed(
        "register.journal_lines",
        ("journal_entry",),
        "lines",
        of_document={"source_document": "source_document", "event": "event", "reverses": "reverses"},
    ),
)


def _members(holder: Mapping[str, Any], wanted: Sequence[tuple[str, str, Callable[[Any], Any]]]) -> dict[str, Any]:
    return {name: None if (value := holder.get(member)) is None else read(value) for name, member, read in wanted}
