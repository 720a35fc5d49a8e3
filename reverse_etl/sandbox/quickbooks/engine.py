"""Executes requests of one company: single operations, queries, batches, and the answers that a request id replays."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reverse_etl.sandbox.faults import delayed
from reverse_etl.sandbox.quickbooks.accounting import customers, journal_entries, queries, reports
from reverse_etl.sandbox.quickbooks.errors import QuickBooksError, business, internal, missing_parameter, not_found, refused, unsupported
from reverse_etl.sandbox.quickbooks.faults import Fault
from reverse_etl.sandbox.quickbooks.store import Company, Object, Store
from reverse_etl.sandbox.quickbooks.values import Members, parsed, to_json

REQUEST_RETENTION_SECONDS = 300.0
LONGEST_REQUEST_ID, LONGEST_BATCH_REQUEST_ID = 50, 36
LARGEST_BATCH = 30
Operation = Callable[[Store, Company, Members], Object]
OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "JournalEntry": {"create": journal_entries.create, "update": journal_entries.update, "delete": journal_entries.delete},
    "Customer": {"create": customers.create, "update": customers.update},
}
KINDS = {kind.lower(): kind for kind in (*OPERATIONS, "Account")}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request below ``/v3/company/<realm>/``: ``place`` are the parts of the path after it."""

    method: str
    place: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes


class Engine:
    def __init__(self, store: Store, request_retention_seconds: float = REQUEST_RETENTION_SECONDS) -> None:
        self.store = store
        self._retention = request_retention_seconds
        self._in_turn: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def answer(self, company: Company, asked: Asked, fault: Fault | None) -> str:
        """The body of a success.

        Raises:
            QuickBooksError: nothing was executed, or a fault says so.
        """
        request_id = asked.query.get("requestid")
        if asked.method != "POST" or not request_id or asked.place == ("query",):
            await delayed(fault)
            return self._execute(company, asked, None, fault)
        longest = LONGEST_BATCH_REQUEST_ID if asked.place == ("batch",) else LONGEST_REQUEST_ID
        if len(request_id) > longest:
            raise refused("2050", "Invalid String Length", f"Min:0 Max:{longest} supplied length:{len(request_id)}", "requestid")
        # A second request under an id waits for the first, and is answered as it was.
        async with self._in_turn[company.realm, request_id]:
            stored = self.store.recall(company.realm, request_id, self._retention)
            if stored is not None:
                return stored
            await delayed(fault)
            return self._execute(company, asked, request_id, fault)

    def _execute(self, company: Company, asked: Asked, request_id: str | None, fault: Fault | None) -> str:
        if fault is not None and fault.kind == "fail_with_500":
            raise internal()
        with self.store.transaction():
            body = to_json(self._result(company, asked) | {"time": self.store.timestamp()})
            if request_id is not None:
                self.store.remember(company.realm, request_id, body)
        if fault is not None and fault.kind == "accept_then_500":
            raise internal()
        return body

    def _result(self, company: Company, asked: Asked) -> dict[str, Any]:
        return self._read(company, asked) if asked.method == "GET" else self._written(company, asked)

    def _read(self, company: Company, asked: Asked) -> dict[str, Any]:
        match asked.place:
            case ("query",):
                return {"QueryResponse": queries.execute(self.store, company, asked.query.get("query", ""))}
            case ("companyinfo", _):
                return {"CompanyInfo": queries.company_information(company)}
            case ("preferences",):
                return {"Preferences": queries.preferences(company)}
            case ("reports", "GeneralLedger"):
                return reports.general_ledger(self.store, company, dict(asked.query))
            case (name, identifier) if name in KINDS:
                item = self.store.find(company.realm, KINDS[name], identifier)
                if item is None:
                    raise not_found(identifier)
                return {KINDS[name]: queries.with_balance(self.store, company, item) if KINDS[name] == "Customer" else item}
        raise unsupported(f"GET {'/'.join(asked.place)}")

    def _written(self, company: Company, asked: Asked) -> dict[str, Any]:
        match asked.place:
            case ("query",):
                return {"QueryResponse": queries.execute(self.store, company, _text(asked.body))}
            case ("batch",):
                return {"BatchItemResponse": self._batch(company, asked.body)}
            case (name,) if name in KINDS:
                content = parsed(asked.body)
                wanted = asked.query.get("operation") or ("update" if isinstance(content, dict) and content.get("Id") is not None else "create")
                return self._operate(company, KINDS[name], wanted, content)
        raise unsupported(f"POST {'/'.join(asked.place)}")

    def _operate(self, company: Company, kind: str, wanted: str, content: Any) -> dict[str, Any]:
        operation = OPERATIONS.get(kind, {}).get(wanted)
        if operation is None:
            raise unsupported(f"{wanted} of {kind}")
        with self.store.savepoint():
            return {kind: operation(self.store, company, Members(content))}

    def _batch(self, company: Company, body: bytes) -> list[dict[str, Any]]:
        members = Members(parsed(body))
        items = list(members.children("BatchItemRequest"))
        members.finish()
        if not items:
            raise missing_parameter("BatchItemRequest")
        if len(items) > LARGEST_BATCH:
            raise business(f"A batch has at most {LARGEST_BATCH} items, this one has {len(items)}.")
        answers = []
        for item in items:
            identifier = item.value("bId")
            try:
                result = self._batch_item(company, item)
            except QuickBooksError as error:
                result = {"Fault": error.fault}
            answers.append(result | ({"bId": identifier} if isinstance(identifier, str) else {}))
        return answers

    def _batch_item(self, company: Company, item: Members) -> dict[str, Any]:
        item.required_text("bId", 100)
        text = item.text("Query", queries.LONGEST_QUERY)
        if text is not None:
            item.finish("optionsData")
            return {"QueryResponse": queries.execute(self.store, company, text)}
        wanted = item.choice("operation", "create", "update", "delete")
        kind = next((kind for kind in OPERATIONS if kind in item), None)
        if kind is None:
            raise missing_parameter("Entity")
        content = item.value(kind)
        item.finish("optionsData")
        return self._operate(company, kind, wanted, content)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise refused("4000", "Error parsing query", "the query is no UTF-8") from None
