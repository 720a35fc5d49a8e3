"""What Xero holds: look-ups by our reference, read-backs of a month. Pure walks."""

from __future__ import annotations

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.systems.carried_amounts import carried_party, document_currency, remote_line
from reverse_etl.systems.contract import RemoteDocument, RemoteLine
from reverse_etl.systems.http_system import HttpRequest, Reading, Record
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY, POSTED, leading_reference, line_key_of, minor_units
from reverse_etl.systems.xero.answers import REMOTE_ID, identity
from reverse_etl.systems.xero.options import Options
from reverse_etl.systems.xero.rendering import API_PATH, CONTACTS, CREATE, CUSTOMER, JOURNALS, SAVE, contact_name, contact_number, reading_headers

ELEMENTS_PER_PAGE = 1000
LONGEST_FILTER = 1500
MOVES, MOVE_LINES = "raw.ledger_moves", "raw.ledger_move_lines"
DELETED = "deleted"
GONE = frozenset({"DELETED", "VOIDED", "ARCHIVED"})
DECIMALS = 2
_INSTANT = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
Element = Mapping[str, Any]


def look_up(options: Options, documents: Sequence[SealedDocument]) -> Reading[Mapping[str, RemoteDocument]]:
    """Documents of one entity at a time, under our references and the contacts' numbers."""
    found: dict[str, RemoteDocument] = {}
    for entity in sorted({document.entity for document in documents}):
        entries = {d.reference: d for d in documents if d.entity == entity and d.document_type == JOURNAL_ENTRY}
        held: defaultdict[str, list[Element]] = defaultdict(list)
        for where in _filters(_of_reference(options, reference) for reference in entries):
            for element in (yield from _elements(options, entity, JOURNALS, where)):
                reference = leading_reference(element.get("Narration")) or _linked(options, element, entries)
                if reference in entries:
                    held[str(reference)].append(element)
        for reference, elements in held.items():
            found[reference] = _remote_journal(entries[reference], elements)
        customers = [d for d in documents if d.entity == entity and d.document_type == CUSTOMER]
        numbers: dict[str, Element] = {}
        for where in _filters(f"ContactNumber=={_text(contact_number(document))}" for document in customers):
            contacts = yield from _elements(options, entity, CONTACTS, where)
            numbers |= {str(contact.get("ContactNumber")): contact for contact in contacts}
        for document in customers:
            if contact_number(document) in numbers:
                found[document.reference] = _remote_contact(document, numbers[contact_number(document)])
    return found


def read_back(options: Options, entity: str, period: str) -> Reading[Iterable[Record]]:
    """All manual journals dated in the month, ours or not. Xero tells no debits and credits of an account, so there are no movements."""
    first, last = month(period)
    currency = yield from _base_currency(options, entity)
    where = f"Date >= {_date(first)} AND Date <= {_date(last)}"
    records: list[Record] = []
    for element in (yield from _elements(options, entity, JOURNALS, where)):
        reference = leading_reference(element.get("Narration"))
        records.append((MOVES, _move_record(element, reference, entity, period)))
        lines = element.get("JournalLines") or []
        records.extend(
            (MOVE_LINES, _line_record(options, element, line, number, reference is not None, currency, entity, period))
            for number, line in enumerate(lines, start=1)
        )
    return records


def ping(options: Options) -> Reading[None]:
    for entity in sorted(options.tenants):
        yield from _base_currency(options, entity)


def month(period: str) -> tuple[date, date]:
    year, number = int(period[:4]), int(period[5:7])
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])


def _elements(options: Options, entity: str, kind: str, where: str) -> Reading[list[Element]]:
    """All elements, page by page: without a page Xero leaves the lines out.

    Raises:
        DestinationError: it is refused, or changed while it was read.
    """
    found: dict[str, Element] = {}
    page = 1
    while True:
        query = (("where", where), ("page", str(page)), ("pageSize", str(ELEMENTS_PER_PAGE)))
        answer = yield HttpRequest("GET", f"{API_PATH}/{kind}", query, reading_headers(options, entity))
        content = answer.content()
        if answer.status != 200 or not isinstance(content, Mapping):
            raise DestinationError(f"Xero does not list {kind}: {answer.shown()}")
        elements = content[kind]
        found.update({str(identity(element)): element for element in elements})
        if len(elements) < ELEMENTS_PER_PAGE:
            break
        page += 1
    counted = content.get("pagination", {}).get("itemCount")
    if counted is not None and int(counted) != len(found):
        raise DestinationError(f"Xero counts {counted} {kind} and hands over {len(found)}: read again")
    return list(found.values())


def _base_currency(options: Options, entity: str) -> Reading[str]:
    answer = yield HttpRequest("GET", f"{API_PATH}/Organisation", (), reading_headers(options, entity))
    content = answer.content()
    if answer.status != 200 or not isinstance(content, Mapping):
        raise DestinationError(f"Xero does not answer for the organisation of {entity}: {answer.shown()}")
    return str(content["Organisations"][0]["BaseCurrency"])


def _filters(conditions: Iterable[str]) -> Iterator[str]:
    """The conditions joined by OR, in filters that a URL can carry."""
    joined = ""
    for condition in conditions:
        if joined and len(joined) + len(condition) > LONGEST_FILTER:
            yield joined
            joined = ""
        joined += f" OR {condition}" if joined else condition
    if joined:
        yield joined


def _of_reference(options: Options, reference: str) -> str:
    # A journal that Xero reverses begins with other words, so it is not taken for ours.
    url = options.url(reference)
    narrated = f"Narration.StartsWith({_text(reference)})"
    return narrated if url is None else f"{narrated} OR Url=={_text(url)}"


def _linked(options: Options, element: Element, entries: Mapping[str, SealedDocument]) -> str | None:
    """The reference of a journal whose narration somebody has rewritten, by its link."""
    return next((reference for reference in entries if options.link is not None and element.get("Url") == options.url(reference)), None)


def _remote_journal(document: SealedDocument, elements: Sequence[Element]) -> RemoteDocument:
    live = [element for element in elements if element.get("Status") not in GONE]
    first, *others = live or elements
    base, exponent = document.payload["functional_currency"], document.payload["functional_exponent"]
    lines = tuple(_remote_line(line, exponent, base) for line in first.get("JournalLines") or ())
    currency, total = document_currency(lines, base)
    day = _day(first)
    remote_id = str(identity(first))
    return RemoteDocument(
        reference=leading_reference(first.get("Narration")) or document.reference,
        remote_id=remote_id,
        remote_number=None,
        status=_status(first),
        document_date=day,
        period=f"{day:%Y-%m}",
        currency=currency,
        total_minor=total,
        lines=lines,
        completed={CREATE: {REMOTE_ID: remote_id}},
        duplicates=tuple(str(identity(other)) for other in others) if live else (),
    )


def _remote_contact(document: SealedDocument, contact: Element) -> RemoteDocument:
    """A change counts as done when the contact has the name that it writes."""
    remote_id, name = str(identity(contact)), contact.get("Name")
    done = document.operation != "update" or name == contact_name(document)
    return RemoteDocument(
        reference=document.reference,
        remote_id=remote_id,
        remote_number=contact_number(document),
        status="active",
        document_date=None,
        period=None,
        currency=None,
        total_minor=None,
        lines=(),
        completed={SAVE: {REMOTE_ID: remote_id, "name": name}} if done else {},
    )


def _remote_line(line: Element, exponent: int, currency: str) -> RemoteLine:
    text = line.get("Description")
    return remote_line(text, str(line.get("AccountCode")), minor_units(line["LineAmount"], exponent), currency, carried_party(text))


def _status(element: Element) -> str:
    status = str(element.get("Status"))
    return DELETED if status in GONE else POSTED if status == "POSTED" else status.lower()


def _move_record(element: Element, reference: str | None, entity: str, period: str) -> Mapping[str, Any]:
    return {
        "entity": entity,
        "period": period,
        "remote_id": str(identity(element)),
        "reference": reference,
        "number": None,
        "state": _status(element),
        "posting_date": _day(element),
        "erp_period": f"{_day(element):%Y-%m}",
        "description": element.get("Narration"),
        "cancels_remote_id": None,
        "written_at": _instant(element.get("UpdatedDateUTC")),
    }


def _line_record(
    options: Options, element: Element, line: Element, number: int, ours: bool, currency: str, entity: str, period: str
) -> Mapping[str, Any]:
    text = line.get("Description")
    own = text if ours else None
    held = remote_line(own, str(line.get("AccountCode")), minor_units(line["LineAmount"], DECIMALS), currency, carried_party(own))
    functional = held.functional_minor or 0
    return {
        "entity": entity,
        "period": period,
        "remote_id": str(identity(element)),
        "remote_line_id": f"{identity(element)}/{number}",
        "line_key": line_key_of(text) if ours else None,
        "account_code": options.own_account(entity, str(line.get("AccountCode"))),
        "debit_minor": max(functional, 0),
        "credit_minor": max(-functional, 0),
        "currency": held.currency,
        "amount_minor": held.amount_minor,
        "party_code": held.party,
    }


def _day(element: Element) -> date:
    found = _instant(element["Date"])
    if found is None:
        raise DestinationError(f"Xero's date {element['Date']!r} cannot be read")
    return found.date()


def _instant(text: str | None) -> datetime | None:
    """Without a zone, in UTC."""
    match = _INSTANT.fullmatch(text or "")
    return None if match is None else datetime.fromtimestamp(int(match[1]) / 1000, UTC).replace(tzinfo=None)


def _date(day: date) -> str:
    return f"DateTime({day.year}, {day.month:02}, {day.day:02})"


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
