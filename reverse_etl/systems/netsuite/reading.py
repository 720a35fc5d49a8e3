"""What NetSuite holds, by SuiteQL: look-ups by external id, read-backs of a period with the movement of each account. Pure walks.

Tables and columns are those of the records catalog (``transaction``, ``transactionline``, ``transactionaccountingline``, ...). SuiteQL answers
texts, leaves nulls out and sees what is committed.
"""

from __future__ import annotations

import itertools
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.systems.carried_amounts import document_currency, remote_line
from reverse_etl.systems.contract import RemoteDocument
from reverse_etl.systems.http_system import HttpRequest, Reading, Record
from reverse_etl.systems.journal_entries import POSTED, leading_reference, line_key_of, minor_units
from reverse_etl.systems.netsuite.answers import INTERNAL_ID
from reverse_etl.systems.netsuite.options import BY_EXTERNAL_ID, Options
from reverse_etl.systems.netsuite.rendering import UPSERT, customer_external_id, customer_name
from reverse_etl.transport.content import write_json

SUITEQL_PATH = "/services/rest/query/v1/suiteql"
ROWS_PER_PAGE = 1000
MOST_ROWS = 100_000
MOVES, MOVE_LINES, ACCOUNT_MOVEMENTS = "raw.ledger_moves", "raw.ledger_move_lines", "raw.ledger_account_movements"
PENDING, VOIDED, ELSEWHERE = "pending approval", "voided", "in another subsidiary"
NO_DECIMALS = frozenset({"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"})
"""Base currencies without decimals (ISO 4217); NetSuite's others have two."""

# The primary accounting book; the others of Multi-Book Accounting hold the same lines by other rules.
_POSTED = """
FROM transaction t
 JOIN transactionline l ON l.transaction = t.id
 JOIN transactionaccountingline a ON a.transaction = t.id AND a.transactionline = l.id AND a.accountingbook = 1
 JOIN account acc ON acc.id = a.account
 JOIN subsidiary s ON s.id = l.subsidiary
 JOIN currency b ON b.id = s.currency
"""
_LINES = f"""
SELECT t.id, t.externalid, t.tranid, t.type, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, t.posting, t.voided, t.memo, c.symbol AS currency,
 TO_CHAR(p.startdate, 'YYYY-MM-DD') AS periodstart, TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS writtenat,
 l.id AS lineid, l.memo AS linememo, a.debit, a.credit,
 acc.id AS accountid, acc.externalid AS accountexternalid, acc.acctnumber, cu.externalid AS customer, s.id AS subsidiary,
 s.externalid AS subsidiaryexternalid, b.symbol AS basecurrency
{_POSTED} JOIN currency c ON c.id = t.currency
 LEFT JOIN accountingperiod p ON p.id = t.postingperiod
 LEFT JOIN customer cu ON cu.id = l.entity
"""
_ORDER = " ORDER BY t.id, l.id"
Row = Mapping[str, str]


class TooManyRowsError(DestinationError):
    """A query finds more rows than NetSuite hands over."""


def look_up(options: Options, documents: Sequence[SealedDocument]) -> Reading[Mapping[str, RemoteDocument]]:
    """Documents of one type under their external ids."""
    entries = {document.reference: document for document in documents if document.document_type == "journal_entry"}
    found: dict[str, RemoteDocument] = {}
    if entries:
        rows = yield from _rows(f"{_LINES} WHERE t.type = 'Journal' AND t.externalid IN ({_texts(entries)}){_ORDER}")
        for reference, lines in itertools.groupby(rows, lambda row: row["externalid"]):
            found[reference] = _remote_entry(options, entries[reference], list(lines))
    customers = [document for document in documents if document.document_type == "customer"]
    if customers:
        by_external_id = {customer_external_id(options, document): document for document in customers}
        query = "SELECT id, externalid, entityid, companyname FROM customer"
        rows = yield from _rows(f"{query} WHERE externalid IN ({_texts(by_external_id)}) ORDER BY id")
        held = {row["externalid"]: row for row in rows}
        for document in customers:
            row = held.get(customer_external_id(options, document))
            if row is not None:
                found[document.reference] = _remote_customer(document, row)
    return found


def read_back(options: Options, entity: str, period: str) -> Reading[Iterable[Record]]:
    """All that is posted in the subsidiary with a date of the month, every journal besides, and what NetSuite says that moved its accounts."""
    first, last = month(period)
    where = f"{_subsidiary(options, entity)} AND (t.posting = 'T' OR t.type = 'Journal')"
    rows = yield from _rows_between(f"{_LINES} WHERE {where}", _ORDER, first, last)
    records: list[Record] = []
    for _, lines in itertools.groupby(rows, lambda row: row["id"]):
        own = list(lines)
        records.append((MOVES, _move_record(own[0], entity, period)))
        records.extend((MOVE_LINES, _line_record(options, row, entity, period)) for row in own)
    sums = yield from account_sums(options, entity, first, last)
    for account, (debit, credit) in sums.items():
        movement = {"entity": entity, "period": period, "account_code": account, "debit_minor": debit, "credit_minor": credit}
        records.append((ACCOUNT_MOVEMENTS, movement))
    return records


def account_sums(options: Options, entity: str, first: date | None, last: date) -> Reading[Mapping[str, tuple[int, int]]]:
    """Debit and credit (minor units) of each account as NetSuite adds them up, posted from one day (None: the first) to another."""
    since = f" AND t.trandate >= {_date(first)}" if first is not None else ""
    query = f"""
SELECT acc.id AS accountid, acc.externalid AS accountexternalid, acc.acctnumber, b.symbol AS basecurrency,
 SUM(a.debit) AS debit, SUM(a.credit) AS credit
{_POSTED} WHERE {_subsidiary(options, entity)} AND a.posting = 'T' AND t.trandate <= {_date(last)}{since}
GROUP BY acc.id, acc.externalid, acc.acctnumber, b.symbol ORDER BY acc.id"""
    rows = yield from _rows(query)
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        code = options.own_account(entity, _account(options, row))
        debit, credit = sums.get(code, (0, 0))
        sums[code] = (debit + _minor(row, "debit"), credit + _minor(row, "credit"))
    return sums


def receivables(options: Options, entity: str) -> Reading[Mapping[str, int]]:
    """What each customer owes (minor units) by the postings on receivable accounts, by our customer id; nothing owed is left out."""
    query = f"""
SELECT cu.id AS customerid, cu.externalid AS customer, b.symbol AS basecurrency, SUM(a.debit) AS debit, SUM(a.credit) AS credit
{_POSTED} LEFT JOIN customer cu ON cu.id = l.entity
WHERE {_subsidiary(options, entity)} AND a.posting = 'T' AND acc.accttype = 'AcctRec'
GROUP BY cu.id, cu.externalid, b.symbol ORDER BY cu.id"""
    rows = yield from _rows(query)
    owed: dict[str, int] = {}
    for row in rows:
        external_id = row.get("customer")
        owed[options.customer_id(entity, external_id) or external_id or f"id {row.get('customerid')}"] = _functional(row)
    return {party: minor for party, minor in owed.items() if minor}


def ping() -> Reading[None]:
    yield from _rows("SELECT id FROM subsidiary")


def _rows(query: str) -> Reading[list[Row]]:
    """All rows of a query.

    Raises:
        DestinationError: it is refused, finds more than NetSuite hands over, or changed while it was read.
    """
    rows: list[Row] = []
    total = None
    while True:
        page = (("limit", str(ROWS_PER_PAGE)), ("offset", str(len(rows))))
        headers = {"Prefer": "transient", "Content-Type": "application/json", "Accept": "application/json"}
        answer = yield HttpRequest("POST", SUITEQL_PATH, page, headers, write_json({"q": " ".join(query.split())}))
        content = answer.content()
        if answer.status != 200 or not isinstance(content, Mapping):
            raise DestinationError(f"NetSuite does not answer a query: {answer.shown()}")
        items, total_now = content["items"], int(content["totalResults"])
        if total is not None and total_now != total:
            raise DestinationError(f"what NetSuite holds changed while it was read ({total} rows, then {total_now}): read again")
        total = total_now
        if total > MOST_ROWS:
            raise TooManyRowsError(f"a query finds {total} rows, and NetSuite hands over {MOST_ROWS} at most")
        rows.extend({name: str(value) for name, value in item.items() if name != "links"} for item in items)
        if not content["hasMore"]:
            break
        if len(items) != ROWS_PER_PAGE:
            raise DestinationError(f"NetSuite says that more follows after a page of {len(items)} rows")
    if len(rows) != total:
        raise DestinationError(f"NetSuite counts {total} rows and hands over {len(rows)}: read again")
    return rows


def _rows_between(select: str, order: str, first: date, last: date) -> Reading[list[Row]]:
    """The rows of a month, day by day where NetSuite would not hand over so many at once."""
    try:
        return (yield from _rows(f"{select} AND t.trandate BETWEEN {_date(first)} AND {_date(last)}{order}"))
    except TooManyRowsError:
        pass
    rows: list[Row] = []
    for number in range(first.day, last.day + 1):
        day = _date(first.replace(day=number))
        rows += yield from _rows(f"{select} AND t.trandate BETWEEN {day} AND {day}{order}")
    return rows


def _remote_entry(options: Options, document: SealedDocument, rows: Sequence[Row]) -> RemoteDocument:
    first = rows[0]
    base = first["basecurrency"]
    lines = tuple(
        remote_line(row.get("linememo"), _account(options, row), _functional(row), base, options.customer_id(document.entity, row.get("customer")))
        for row in rows
    )
    currency, total = document_currency(lines, base)
    return RemoteDocument(
        reference=first["externalid"],
        remote_id=first["id"],
        remote_number=first.get("tranid"),
        status=ELSEWHERE if not _is_own(options, document.entity, first) else _status(first),
        document_date=date.fromisoformat(first["trandate"]),
        period=first.get("periodstart", "")[:7] or None,
        currency=currency if first["currency"] == base else first["currency"],
        total_minor=total,
        lines=lines,
        completed={UPSERT: {INTERNAL_ID: first["id"]}},
    )


def _remote_customer(document: SealedDocument, row: Row) -> RemoteDocument:
    """A change counts as done when the customer has the name that it writes."""
    name = row.get("companyname")
    done = document.operation != "update" or name == customer_name(document)
    return RemoteDocument(
        reference=document.reference,
        remote_id=row["id"],
        remote_number=row.get("entityid"),
        status="active",
        document_date=None,
        period=None,
        currency=None,
        total_minor=None,
        lines=(),
        completed={UPSERT: {INTERNAL_ID: row["id"], "name": name}} if done else {},
    )


def _status(row: Row) -> str:
    if row.get("voided") == "T":
        return VOIDED
    return POSTED if row["posting"] == "T" else PENDING


def _move_record(row: Row, entity: str, period: str) -> Mapping[str, Any]:
    return {
        "entity": entity,
        "period": period,
        "remote_id": row["id"],
        "reference": leading_reference(row.get("externalid")),
        "number": row.get("tranid"),
        "state": _status(row),
        "posting_date": date.fromisoformat(row["trandate"]),
        "erp_period": row.get("periodstart", "")[:7] or None,
        "description": row.get("memo"),
        "cancels_remote_id": None,
        "written_at": datetime.fromisoformat(row["writtenat"]) if "writtenat" in row else None,
    }


def _line_record(options: Options, row: Row, entity: str, period: str) -> Mapping[str, Any]:
    base = row["basecurrency"]
    ours = leading_reference(row.get("externalid")) is not None
    line = remote_line(row.get("linememo") if ours else None, _account(options, row), _functional(row), base, None)
    return {
        "entity": entity,
        "period": period,
        "remote_id": row["id"],
        "remote_line_id": f"{row['id']}/{row['lineid']}",
        "line_key": line_key_of(row.get("linememo")) if ours else None,
        "account_code": options.own_account(entity, _account(options, row)),
        "debit_minor": _minor(row, "debit"),
        "credit_minor": _minor(row, "credit"),
        "currency": line.currency,
        "amount_minor": line.amount_minor,
        "party_code": options.customer_id(entity, row.get("customer")) or row.get("customer"),
    }


def _account(options: Options, row: Row) -> str:
    """The account's code as the settings name accounts; its number where it has no external id."""
    return row.get("accountexternalid") or row.get("acctnumber") or row["accountid"] if options.accounts_by == BY_EXTERNAL_ID else row["accountid"]


def _functional(row: Row) -> int:
    return _minor(row, "debit") - _minor(row, "credit")


def _minor(row: Row, side: str) -> int:
    return minor_units(row.get(side, "0"), 0 if row["basecurrency"] in NO_DECIMALS else 2)


def _is_own(options: Options, entity: str, row: Row) -> bool:
    own = options.subsidiary(entity)
    return bool(row["subsidiary"] == own.id if own.id is not None else row.get("subsidiaryexternalid") == entity)


def _subsidiary(options: Options, entity: str) -> str:
    own = options.subsidiary(entity)
    return f"s.id = {int(own.id)}" if own.id is not None else f"s.externalid = {_text(entity)}"


def month(period: str) -> tuple[date, date]:
    year, month = int(period[:4]), int(period[5:7])
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _date(day: date | None) -> str:
    return f"TO_DATE('{day:%Y-%m-%d}', 'YYYY-MM-DD')"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(_text, values))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
