"""The pure mapping of QuickBooks Online in the frame of HTTP destinations."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.systems import journal_entries
from reverse_etl.systems.contract import Call, Outcome, RemoteDocument, RenderContext
from reverse_etl.systems.http_system import HttpRequest, Reading, Record
from reverse_etl.systems.journal_entries import DEBIT, JOURNAL_ENTRY, exact_decimal, journal_entry
from reverse_etl.systems.quickbooks import classification, reading, rendering
from reverse_etl.systems.quickbooks.companies import MINOR_VERSION, Company, content_of, place
from reverse_etl.systems.quickbooks.rendering import CUSTOMER, UPDATE, customer_record
from reverse_etl.transport import Answer
from reverse_etl.transport.content import write_json

HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
COMPARED = ("account", "functional_minor", "party")
"""Entries are in the functional currency: the document's own amount stands in a line's description only."""


@dataclass(frozen=True, slots=True)
class QuickBooksMapping:
    """``realms``: legal entity -> company id. ``account_code``: entity and our account code -> QuickBooks' account number.

    ``ours``: legal entity -> QuickBooks' account number -> our account code, where exactly one of ours is mapped to it.
    ``companies`` and ``tokens`` (customer id -> version) are what was read of QuickBooks before; without them nothing can be sent or compared.
    """

    realms: Mapping[str, str]
    account_code: Callable[[str, str], str]
    ours: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    companies: Mapping[str, Company] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return rendering.call_names(document)

    def render(self, context: RenderContext, call: str) -> bytes:
        return rendering.render(context, call)

    def refusal(self, call: Call) -> str | None:
        request = rendering.parse(call.request)
        if request["object"] != "JournalEntry":
            known = call.name != UPDATE or request["record"]["id"] in self.tokens
            return None if known else f"QuickBooks has no customer {request['record']['id']} any more: create it again, or restore it"
        company, record = self._company(call.document.entity), request["record"]
        if record["currency"] != company.home_currency:
            return f"QuickBooks keeps the books of {company.entity} in {company.home_currency}, not in {record['currency']}"
        for line in record["lines"]:
            if self._account_id(company, line["account"]) is None:
                code = self.account_code(company.entity, line["account"])
                return f"QuickBooks has no account with the number {code}: give it that number, or map {line['account']} under account_codes"
        return None

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        realm = self.realms[calls[0].document.entity]
        if len(calls) == 1:
            [call] = calls
            name, content = self._content(call)
            return _posted(place(realm, name.lower()), call.idempotency_key, content)
        items = []
        for call in calls:
            name, content = self._content(call)
            items.append({"bId": call.idempotency_key, "operation": call.name, name: content})
        request_id = hashlib.sha256("\n".join(call.idempotency_key for call in calls).encode()).hexdigest()[:32]
        return _posted(place(realm, "batch"), request_id, {"BatchItemRequest": items})

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        return classification.outcomes(calls, answer)

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        """The hints are not needed: numbers are searched in few requests."""
        by_entity: defaultdict[str, list[SealedDocument]] = defaultdict(list)
        for document in documents:
            by_entity[document.entity].append(document)
        found: dict[str, RemoteDocument] = {}
        for entity, of_entity in sorted(by_entity.items()):
            company = self._company(entity)
            entries = [document for document in of_entity if document.document_type == JOURNAL_ENTRY]
            customers = [document for document in of_entity if document.document_type == CUSTOMER]
            found.update((yield from reading.look_up_entries(company, entries)))
            found.update((yield from reading.look_up_customers(company, customers)))
        return found

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        """``number`` plays no part: the document number is our reference."""
        if document.document_type == CUSTOMER:
            wanted = customer_record(document)["display_name"]
            named = () if remote.remote_number == wanted else ("display name: not the one that was sealed",)
            return named if remote.status == "active" else (f"status: {remote.status} instead of active", *named)
        return journal_entries.differences(
            journal_entry(document), remote, compared=COMPARED, account_code=lambda account: self.account_code(document.entity, account)
        )

    def read_back(self, entity: str, period: str) -> Reading[Iterable[Record]]:
        return (yield from reading.read_back(self._company(entity), period))

    def ping(self) -> Reading[None]:
        for realm in self.realms.values():
            content_of((yield HttpRequest("GET", place(realm, "companyinfo", realm), (MINOR_VERSION,), {"Accept": "application/json"})))

    def _company(self, entity: str) -> Company:
        if entity not in self.companies:
            raise DestinationError(f"the accounts of {entity} have not been read")
        return self.companies[entity]

    def _account_id(self, company: Company, account: str) -> str | None:
        return company.ids.get(self.account_code(company.entity, account))

    def _content(self, call: Call) -> tuple[str, Mapping[str, Any]]:
        request = rendering.parse(call.request)
        record = request["record"]
        if request["object"] == "JournalEntry":
            company = self._company(call.document.entity)
            return "JournalEntry", {
                "DocNumber": record["number"],
                "TxnDate": record["date"],
                "PrivateNote": record["note"],
                "CurrencyRef": {"value": record["currency"]},
                "Line": [self._line(company, line, record["exponent"]) for line in record["lines"]],
            }
        content: dict[str, Any] = {"DisplayName": record["display_name"], "CompanyName": record["company_name"]}
        if record["email"]:
            content["PrimaryEmailAddr"] = {"Address": record["email"]}
        if "id" in record:
            content |= {"Id": record["id"], "SyncToken": self.tokens[record["id"]], "sparse": True}
        return "Customer", content

    def _line(self, company: Company, line: Mapping[str, Any], exponent: int) -> Mapping[str, Any]:
        detail: dict[str, Any] = {
            "PostingType": "Debit" if line["side"] == DEBIT else "Credit",
            "AccountRef": {"value": self._account_id(company, line["account"])},
        }
        if line["customer"] is not None:
            detail["Entity"] = {"Type": "Customer", "EntityRef": {"value": line["customer"]}}
        return {
            "Amount": Decimal(exact_decimal(line["minor"], exponent)),
            "Description": line["description"],
            "DetailType": reading.DETAIL,
            reading.DETAIL: detail,
        }


def _posted(path: str, request_id: str, content: Mapping[str, Any]) -> HttpRequest:
    return HttpRequest("POST", path, (("requestid", request_id), MINOR_VERSION), HEADERS, write_json(content))
