"""The record service: what a request does to one record, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reverse_etl.sandbox.netsuite import customers, journals
from reverse_etl.sandbox.netsuite.errors import NetSuiteError, invalid_content, not_found
from reverse_etl.sandbox.netsuite.store import Store
from reverse_etl.sandbox.netsuite.values import EXTERNAL_ID

RECORD_PATH = "/services/rest/record/v1"
TABLES = {"journalEntry": "transaction", "customer": "customer"}


@dataclass(frozen=True, slots=True)
class Answer:
    """``content`` None: there is no body."""

    status: int
    content: Mapping[str, Any] | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """What is asked of one record. ``identifier`` None creates; ``strict``: an unknown property is an error."""

    method: str
    kind: str
    identifier: str | None
    record: Any
    replace_lines: bool = False
    expand: bool = False
    strict: bool = False


def perform(store: Store, request: RecordRequest, url: str, closed_period: str) -> Answer:
    """Execute one request in a transaction of its own; ``url`` is the one of the server.

    Raises:
        NetSuiteError: nothing was executed.
    """
    with store.transaction():
        return _perform(store, request, url + RECORD_PATH, closed_period)


def _perform(store: Store, request: RecordRequest, url: str, closed_period: str) -> Answer:
    table = TABLES[request.kind]
    found = None if request.identifier is None else store.find(table, request.identifier)
    if request.method in ("GET", "DELETE", "PATCH") and found is None:
        raise not_found(request.kind, request.identifier or "")
    if request.method == "GET" and found is not None:
        shown = journals.shown(store, found, url, request.expand) if table == "transaction" else customers.shown(store, found, url)
        return Answer(200, shown)
    if request.method == "DELETE" and found is not None:
        (journals if table == "transaction" else customers).delete(store, found)
        return Answer(204)
    external_id = _external_id(request)
    record = _record(request)
    if table == "transaction":
        identifier = journals.write(store, record, found, external_id, request.replace_lines, closed_period)
    else:
        identifier = customers.write(store, record, found, external_id)
    return Answer(204, location=f"{url}/{request.kind}/{identifier}")


def _external_id(request: RecordRequest) -> str | None:
    """The external id of an upsert."""
    if request.method != "PUT":
        return None
    identifier = request.identifier or ""
    if not identifier.startswith("eid:") or not EXTERNAL_ID.fullmatch(identifier[4:]):
        raise NetSuiteError(
            400, "INVALID_ID", "The upsert operation takes an external ID of letters, numbers, underscores and hyphens: eid:<external ID>."
        )
    return identifier[4:]


def _record(request: RecordRequest) -> Mapping[str, Any]:
    record = request.record
    if not isinstance(record, Mapping):
        raise invalid_content("The request body is not the JSON of a record.")
    known = journals.PROPERTIES if request.kind == "journalEntry" else customers.PROPERTIES
    unknown = sorted(set(record) - known)
    line = record.get("line")
    items = line.get("items") if isinstance(line, Mapping) else None
    for item in items if isinstance(items, list) else ():
        unknown += sorted(set(item) - journals.LINE_PROPERTIES) if isinstance(item, Mapping) else []
    if unknown and request.strict:
        raise invalid_content(f"Unknown reference or field: {unknown[0]}.", unknown[0])
    external_id = record.get("externalId")
    if request.method == "PUT" and external_id is not None and f"eid:{external_id}" != request.identifier:
        raise invalid_content("The external ID in the body differs from the one in the URL.", "externalId")
    return record
