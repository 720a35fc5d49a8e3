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
    """A column takes the member of its name from the element, unless it is named here: ``of_document`` and ``of_element`` give column -> member.

    ``members``: where the elements are; of several the first that the document has. ``of_either``: columns that an element has of its own where
    its document is made of several. ``beside``: only documents that have this member too.
    """

    relation: str
    document_types: tuple[str, ...]
    members: tuple[str, ...]
    of_document: Mapping[str, str] = field(default_factory=dict)
    of_element: Mapping[str, str] = field(default_factory=dict)
    of_either: tuple[str, ...] = ()
    beside: str | None = None

    def rows(self, documents: Sequence[SealedDocument]) -> list[dict[str, Any]]:
        columns = {name: READ[kind] for name, kind in REGISTER_RELATIONS[self.relation].items() if name != "document_position"}
        fixed = [
            (name, self.of_document.get(name, name), read) for name, read in columns.items() if name in self.of_document or name in self.of_either
        ]
        own = [(name, self.of_element.get(name, name), read) for name, read in columns.items() if name not in self.of_document]
        return [
            {"document_position": document.position} | _members(document.payload, fixed) | _members(element, own, self.of_either)
            for document in documents
            if document.document_type in self.document_types and (self.beside is None or document.payload.get(self.beside))
            for element in self._elements(document)
        ]

    def _elements(self, document: SealedDocument) -> Sequence[Mapping[str, Any]]:
        held = (document.payload.get(member) for member in self.members)
        return next((elements for elements in held if elements), ())


BILLING_TYPES = ("invoice", "credit_memo")
JOURNAL_TYPES = ("journal_entry",)
ENTRY_MEMBERS = ("source_document", "event", "reverses", "exchange_rate", "payment_method")
"""What a journal entry says of all its lines; in a summary each line says it of the entry that it is of."""
LISTED = (
    Listed(
        "register.billing_lines",
        BILLING_TYPES,
        ("lines",),
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
    Listed("register.credit_applications", BILLING_TYPES, ("credits",), of_document={"customer_id": "customer_id", "invoice_key": "invoice_key"}),
    Listed("register.journal_lines", JOURNAL_TYPES, ("summarised", "lines"), of_either=ENTRY_MEMBERS),
    Listed("register.summary_lines", JOURNAL_TYPES, ("lines",), beside="summarised"),
)


def _members(holder: Mapping[str, Any], wanted: Sequence[tuple[str, str, Callable[[Any], Any]]], if_present: Sequence[str] = ()) -> dict[str, Any]:
    return {
        name: None if (value := holder.get(member)) is None else read(value)
        for name, member, read in wanted
        if name not in if_present or holder.get(member) is not None
    }
