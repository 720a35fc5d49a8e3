"""Executes requests: the idempotency store around the resources."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from reverse_etl.sandbox.faults import delayed
from reverse_etl.sandbox.xero import elements, filters
from reverse_etl.sandbox.xero.errors import InvalidError, XeroError, bad_request, internal_error, invalid, missing, unreadable
from reverse_etl.sandbox.xero.faults import Fault
from reverse_etl.sandbox.xero.store import CONTACTS, JOURNALS, Element, Store, StoredAnswer, read_date
from reverse_etl.transport.content import read_json, write_json

KEY_RETENTION_SECONDS = 360.0
LONGEST_KEY = 128
DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE = 100, 1000
API_PATH = "/api.xro/2.0"
FIELDS: Mapping[str, Mapping[str, type]] = {
    JOURNALS: {"ManualJournalID": str, "Narration": str, "Status": str, "Url": str, "Date": date},
    CONTACTS: {"ContactID": str, "ContactNumber": str, "Name": str, "ContactStatus": str},
}
_SAVE: Mapping[str, Callable[..., Element]] = {JOURNALS: elements.save_journal, CONTACTS: elements.save_contact}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of one organisation. ``query`` holds each parameter once."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    tenant: str
    key: str | None
    modified_since: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


class Engine:
    def __init__(self, store: Store, key_retention_seconds: float = KEY_RETENTION_SECONDS) -> None:
        self.store = store
        self._key_retention_seconds = key_retention_seconds
        self._keys_in_use: set[str] = set()

    async def answer(self, asked: Asked, fault: Fault | None) -> Answer:
        """The answer to an authorized request.

        Raises:
            XeroError: it is refused.
        """
        if asked.method == "GET" or asked.key is None:
            await delayed(fault)
            return self._execute(asked, None, fault)
        if not 1 <= len(asked.key) <= LONGEST_KEY:
            raise bad_request(f"The Idempotency Key has at most {LONGEST_KEY} characters", stored=False)
        url = asked.path + repr(sorted(asked.query.items())) + asked.tenant
        fingerprint = hashlib.sha256(b"\n".join((asked.method.encode(), url.encode(), asked.body))).hexdigest()
        stored = self.store.recall(asked.key, self._key_retention_seconds)
        if stored is not None and stored.fingerprint != fingerprint:
            raise bad_request(f"Idempotency Key {asked.key} is used with a different request.", 400, "IdempotencyKeyException", stored=False)
        if stored is not None:
            return Answer(stored.status, stored.body)
        if asked.key in self._keys_in_use:
            message = f"A request with the Idempotency Key {asked.key} is in progress."
            raise XeroError(409, {"ErrorNumber": 409, "Type": "IdempotencyKeyException", "Message": message}, stored=False)
        self._keys_in_use.add(asked.key)
        try:
            await delayed(fault)
            return self._execute(asked, (asked.key, fingerprint), fault)
        finally:
            self._keys_in_use.discard(asked.key)

    def _execute(self, asked: Asked, key: tuple[str, str] | None, fault: Fault | None) -> Answer:
        try:
            if fault is not None and fault.kind == "fail_with_500":
                raise internal_error()
            with self.store.transaction():
                answer = Answer(200, write_json(self._perform(asked, fault)).decode())
            if fault is not None and fault.kind == "accept_then_500":
                raise internal_error()
        except XeroError as error:
            if not error.stored:
                raise
            answer = Answer(error.status, write_json(error.body).decode())
        if key is not None:
            self.store.remember(key[0], StoredAnswer(key[1], answer.status, answer.body))
        return answer

    def _perform(self, asked: Asked, fault: Fault | None) -> Mapping[str, Any]:
        kind, _, identifier = asked.path[len(API_PATH) + 1 :].partition("/")
        if asked.method == "GET":
            return self._read(asked, kind, identifier)
        if kind not in _SAVE or (identifier and (kind != JOURNALS or asked.method == "PUT")):
            raise missing(asked.path)
        content = read_json(asked.body)
        given = content.get(kind, [content]) if isinstance(content, Mapping) else None
        if not isinstance(given, list) or not given or not all(isinstance(element, Mapping) for element in given):
            raise unreadable(f"The body holds no {kind}")
        if identifier:
            given = [{**element, "ManualJournalID": identifier} for element in given]
        shown = list(self._saved(kind, asked, given))
        if fault is not None and fault.kind == "omit_last":
            shown.pop()
        if fault is not None and fault.kind == "reverse_order":
            shown.reverse()
        return self._envelope(kind, shown)

    def _saved(self, kind: str, asked: Asked, given: Sequence[Mapping[str, Any]]) -> Iterator[Element]:
        """Each element as it was saved; with ``summarizeErrors=false`` what is invalid is shown with its errors, otherwise it refuses all."""
        each = asked.query.get("summarizeErrors", "true").lower() == "false"
        refused, saved = [], []
        for element in given:
            try:
                found = _SAVE[kind](self.store, asked.tenant, element, create=asked.method == "PUT")
                saved.append({**found, "StatusAttributeString": "OK"} if each else found)
            except InvalidError as error:
                shown = {name: element[name] for name in ("Narration", "ContactNumber", "Name") if isinstance(element.get(name), str)}
                identity = {"ManualJournalID" if kind == JOURNALS else "ContactID": elements.NOTHING}
                messages = {"HasErrors": True, "ValidationErrors": [{"Message": message} for message in error.messages]}
                failed = {**identity, **shown, "StatusAttributeString": "ERROR", **messages}
                refused.append(failed)
                saved.append(failed)
        if refused and not each:
            raise invalid(refused)
        yield from saved

    def _read(self, asked: Asked, kind: str, identifier: str) -> Mapping[str, Any]:
        if kind in FIELDS:
            return self._listed(asked, kind, identifier)
        if kind == "Accounts" and not identifier:
            return self._envelope(kind, [_shown_account(account) for account in self.store.accounts(asked.tenant)])
        if kind == "Organisation" and not identifier:
            found = self.store.organisation(asked.tenant) or {}
            shown = {"OrganisationID": found["tenant"], "Name": found["name"], "BaseCurrency": found["currency"], "OrganisationStatus": "ACTIVE"}
            lock = self.store.setting(elements.LOCK_DATE)
            return self._envelope("Organisations", [shown | ({} if lock is None else {"EndOfYearLockDate": lock})])
        if kind == "Reports" and identifier == "TrialBalance":
            return self._trial_balance(asked)
        raise missing(asked.path)

    def _listed(self, asked: Asked, kind: str, identifier: str) -> Mapping[str, Any]:
        if identifier:
            found = self.store.find(kind, asked.tenant, "id", identifier)
            if found is None:
                raise missing(identifier)
            return self._envelope(kind, [found])
        since = None
        if asked.modified_since:
            try:
                since = _moment(asked.modified_since).timestamp()
            except (ValueError, TypeError, OverflowError):
                raise bad_request("If-Modified-Since is no date") from None
        where = filters.predicate(asked.query["where"], FIELDS[kind]) if asked.query.get("where") else None
        found_all = [element for element in self.store.every(kind, asked.tenant, since) if where is None or where(_comparable(element))]
        if "page" not in asked.query:
            return self._envelope(kind, [{**element, "JournalLines": []} if kind == JOURNALS else element for element in found_all])
        page, size = _number(asked.query, "page", 1), min(_number(asked.query, "pageSize", DEFAULT_PAGE_SIZE), LARGEST_PAGE_SIZE)
        shown = found_all[(page - 1) * size : page * size]
        pagination = {"page": page, "pageSize": size, "pageCount": -(-len(found_all) // size), "itemCount": len(found_all)}
        return self._envelope(kind, shown, pagination=pagination)

    def _trial_balance(self, asked: Asked) -> Mapping[str, Any]:
        """Debit and credit of the month up to the date, and of all up to it: the net of each account on one side."""
        try:
            day = date.fromisoformat(asked.query["date"]) if "date" in asked.query else self.store.today()
        except ValueError:
            raise bad_request("The date is not valid") from None
        month: dict[str, Decimal] = {}
        total: dict[str, Decimal] = {}
        for journal in self.store.every(JOURNALS, asked.tenant):
            posted = read_date(journal["Date"])
            if journal["Status"] != "POSTED" or posted > day:
                continue
            for line in journal["JournalLines"]:
                code, amount = line["AccountCode"], Decimal(line["LineAmount"])
                total[code] = total.get(code, Decimal(0)) + amount
                if posted >= day.replace(day=1):
                    month[code] = month.get(code, Decimal(0)) + amount
        rows = []
        for account in self.store.accounts(asked.tenant):
            code = account["code"]
            if code in total:
                own = [{"Value": account["id"], "Id": "account"}]
                values = [f"{account['name']} ({code})", *_sides(month.get(code, Decimal(0))), *_sides(total[code])]
                rows.append({"RowType": "Row", "Cells": [{"Value": value, "Attributes": own} for value in values]})
        header = {"RowType": "Header", "Cells": [{"Value": name} for name in ("Account", "Debit", "Credit", "YTD Debit", "YTD Credit")]}
        report = {
            "ReportID": "TrialBalance",
            "ReportName": "Trial Balance",
            "ReportType": "TrialBalance",
            "Rows": [header, {"RowType": "Section", "Title": "Accounts", "Rows": rows}],
        }
        return self._envelope("Reports", [report])

    def _envelope(self, kind: str, shown: Sequence[Mapping[str, Any]], **more: Any) -> Mapping[str, Any]:
        moment = f"/Date({int(self.store.now() * 1000)})/"
        return {"Id": str(uuid.uuid4()), "Status": "OK", "ProviderName": "Stand-in", "DateTimeUTC": moment, **more, kind: list(shown)}


def _shown_account(account: Mapping[str, Any]) -> Element:
    shown = {
        "AccountID": account["id"],
        "Code": account["code"],
        "Name": account["name"],
        "Status": "ACTIVE",
        "Type": account["type"],
        "Class": account["class"],
        "TaxType": "NONE",
    }
    return shown | ({} if account["system_account"] is None else {"SystemAccount": account["system_account"]})


def _comparable(element: Element) -> Element:
    return {**element, "Date": read_date(element["Date"])} if "Date" in element else element


def _sides(amount: Decimal) -> tuple[str, str]:
    return (f"{amount:.2f}", "") if amount > 0 else ("", f"{-amount:.2f}") if amount < 0 else ("", "")


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise bad_request(f"The parameter {name} is no number")
    return max(1, int(text))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
