"""Lists that are read page by page, and the records of a read-back. Pure."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import RemoteDocument
from reverse_etl.systems.http import answers
from reverse_etl.systems.http.fields import DocumentFields
from reverse_etl.systems.http.specification import Listing, ReadBack
from reverse_etl.systems.http.templates import MISSING, at_path, text_of
from reverse_etl.systems.http_system import HttpRequest, Record
from reverse_etl.systems.journal_entries import iso_exponents, leading_reference
from reverse_etl.transport import Answer

MOST_PAGES = 100_000
MOVES, MOVE_LINES, ACCOUNT_MOVEMENTS = "raw.ledger_moves", "raw.ledger_move_lines", "raw.ledger_account_movements"


def walked(listing: Listing, first: HttpRequest) -> Generator[HttpRequest, Answer, list[Any]]:
    """Every item of all pages.

    Raises:
        DestinationError: a page is missing or none, the pages do not end, or they do not add up to what the destination counts.
    """
    items: list[Any] = []
    request, number = _first(listing, first), listing.next.first if listing.next else 1
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    counted: Any = MISSING
    while True:
        seen.add((request.path, tuple(request.query)))
        if len(seen) > MOST_PAGES:
            raise DestinationError(f"{first.path} has more than {MOST_PAGES} pages")
        answer = yield request
        said = answers.said_by(answer)
        content = said.content
        if any(said.holds(condition) for condition in listing.absent):
            return items
        if answer.status != 200:
            raise DestinationError(f"{first.path}: {answer.shown()}")
        page = answers.items_of(content, listing.items)
        items += page
        if listing.count is not None:
            counted = at_path(content, listing.count)
        number += 1
        following = _following(listing, request, first, content, page, number)
        if following is None:
            break
        if (following.path, tuple(following.query)) in seen:
            raise DestinationError(f"{first.path}: the pages do not advance")
        request = following
    if listing.count is not None and counted != len(items):
        raise DestinationError(f"{first.path}: the destination counts {counted!r}, but {len(items)} were read: read again")
    return items


def read_back_records(
    listing: ReadBack, fields: DocumentFields, entity: str, period: str, items: Sequence[Any], moved: Sequence[Any], functional_currency: str | None
) -> list[Record]:
    """The records of what was read, without their ``read_id``.

    Raises:
        DestinationError: an item does not hold what the specification says.
    """
    exponents = iso_exponents()
    records: list[Record] = []
    for item, remote in answers.documents_of(fields, items, exponents, functional_currency):
        ours = remote if leading_reference(remote.reference) else replace(remote, reference="")
        records.append((MOVES, _move(fields, item, ours, entity, period)))
        records.extend((MOVE_LINES, record) for record in _lines(fields, item, ours, entity, period))
    if listing.movements is not None:
        exponent = exponents.get(functional_currency or "", 2)
        for item in moved:
            records.append(
                (
                    ACCOUNT_MOVEMENTS,
                    {
                        "entity": entity,
                        "period": period,
                        "account_code": answers.text_at(item, listing.movements.account),
                        "debit_minor": answers.amount_of(listing.movements.debit, item, exponent),
                        "credit_minor": answers.amount_of(listing.movements.credit, item, exponent),
                    },
                )
            )
    return records


def _move(fields: DocumentFields, item: Any, remote: RemoteDocument, entity: str, period: str) -> Mapping[str, Any]:
    return {
        "entity": entity,
        "period": period,
        "remote_id": remote.remote_id,
        "reference": remote.reference or None,
        "number": remote.remote_number,
        "state": remote.status,
        "posting_date": remote.document_date,
        "erp_period": remote.period,
        "description": answers.text_at(item, fields.description),
        "cancels_remote_id": None,
        "written_at": answers.instant_of(at_path(item, fields.written_at)) if fields.written_at else None,
    }


def _lines(fields: DocumentFields, item: Any, remote: RemoteDocument, entity: str, period: str) -> Sequence[Mapping[str, Any]]:
    if fields.lines is None:
        return []
    sources = answers.items_of(item, fields.lines.items)
    records = []
    for number, (source, line) in enumerate(zip(sources, remote.lines, strict=True), 1):
        functional = line.amount_minor if line.functional_minor is None else line.functional_minor
        records.append(
            {
                "entity": entity,
                "period": period,
                "remote_id": remote.remote_id,
                "remote_line_id": answers.text_at(source, fields.lines.remote_line_id) or f"{remote.remote_id}.{number}",
                "line_key": line.line_key if remote.reference else None,
                "account_code": line.account,
                "debit_minor": max(functional, 0),
                "credit_minor": max(-functional, 0),
                "currency": line.currency,
                "amount_minor": line.amount_minor,
                "party_code": line.party,
            }
        )
    return records


def _first(listing: Listing, request: HttpRequest) -> HttpRequest:
    if listing.next is not None and listing.next.page is not None:
        return _asking(request, listing.next.page, str(listing.next.first))
    return request


def _following(listing: Listing, request: HttpRequest, first: HttpRequest, content: Any, page: Sequence[Any], number: int) -> HttpRequest | None:
    if listing.next is None:
        return None
    if listing.next.page is not None:
        return _asking(request, listing.next.page, str(number)) if page else None
    where = listing.next.link or listing.next.cursor or ""
    found = at_path(content, where)
    if found is MISSING or found in (None, "", False):
        return None
    if listing.next.link is not None:
        return replace(request, path=text_of(found), query=())
    return _asking(first, listing.next.parameter or "", text_of(found))


def _asking(request: HttpRequest, parameter: str, value: str) -> HttpRequest:
    return replace(request, query=(*((name, old) for name, old in request.query if name != parameter), (parameter, value)))
