"""What the sandbox's Tryton answers beside its own protocol: the page of a document, which the web client would show, and what it was asked.

trytond loads it as a WSGI middleware of its configuration (``wsgi middleware``); the database and the protocol stay Tryton's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reverse_etl.sandbox.recorded_requests import REQUESTS_PATH, RequestLog
from reverse_etl.sandbox.tryton.database import DATABASE
from reverse_etl.settings import SANDBOX_PAGES

SHOWN: Mapping[str, tuple[str, ...]] = {
    "account.move": ("number", "date", "period.rec_name", "journal.rec_name", "company.rec_name", "state", "description", "post_date"),
    "account.move.line": ("account.rec_name", "party.rec_name", "debit", "credit", "second_currency.code", "amount_second_currency", "description"),
    "party.party": ("name", "code", "active"),
}
Environment = Mapping[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]


class Pages:
    def __init__(self, application: Callable[[Environment, Start], Iterable[bytes]]) -> None:
        self._application = application
        self._log = RequestLog()

    def __call__(self, environment: Environment, start_response: Start) -> Iterable[bytes]:
        path, method = environment.get("PATH_INFO", ""), environment.get("REQUEST_METHOD", "GET")
        if path == REQUESTS_PATH:
            return _json(start_response, "200 OK", self._log.answer(method))
        if path.startswith(f"{SANDBOX_PAGES}/"):
            found = _document(*path.removeprefix(f"{SANDBOX_PAGES}/").partition("/")[::2])
            status = "404 Not Found" if found is None else "200 OK"
            content = {"error": "there is no such document"} if found is None else found
            return _json(start_response, status, json.dumps(content, indent=2, ensure_ascii=False, default=str).encode())
        self._log.record(method, path, environment.get("HTTP_TRACEPARENT"))
        return self._application(environment, start_response)


def _document(model: str, identifier: str) -> Mapping[str, Any] | None:
    """A move with its lines, or a party; None if there is none."""
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    if model not in SHOWN or not (identifier.isascii() and identifier.isdigit()):
        return None
    with Transaction().start(DATABASE, 0, readonly=True, context={"active_test": False}):
        records = Pool().get(model)
        found = records.search_read([("id", "=", int(identifier))], fields_names=list(SHOWN[model]))
        if not found:
            return None
        if model != "account.move":
            return dict(found[0])
        lines = Pool().get("account.move.line").search_read([("move", "=", int(identifier))], fields_names=list(SHOWN["account.move.line"]))
        return {**found[0], "lines": lines}


def _json(start_response: Start, status: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
