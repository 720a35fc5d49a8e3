"""Journal entries: how they are read from a request, which are refused, how they are stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from reverse_etl.sandbox.netsuite import values
from reverse_etl.sandbox.netsuite.errors import NetSuiteError, invalid_content, invalid_value, refused
from reverse_etl.sandbox.netsuite.store import RECEIVABLE, Row, Store

PROPERTIES = frozenset(
    {"id", "links", "externalId", "tranId", "subsidiary", "currency", "exchangeRate", "tranDate", "postingPeriod", "memo", "approved", "line"}
)
LINE_PROPERTIES = frozenset({"links", "line", "account", "debit", "credit", "memo", "entity"})
MOST_LINES = 1000
LONGEST_MEMO = 999
_ACCOUNTED = """
insert into transactionaccountingline ("transaction", transactionline, account, debit, credit, amount, posting) values (?, ?, ?, ?, ?, ?, ?)
"""
APPROVED, PENDING_APPROVAL = 2, 1
FIRST_OPEN = "first_open"


@dataclass(frozen=True, slots=True)
class Line:
    account: int
    debit: Decimal | None
    credit: Decimal | None
    memo: str | None
    entity: int | None


def write(store: Store, record: Mapping[str, Any], found: Row | None, external_id: str | None, replace: bool, closed_period: str) -> int:
    """Create an entry, or update ``found`` with what the record names; its id."""
    subsidiary = values.reference(store, record, "subsidiary", "subsidiary") or _subsidiary_of(store, found)
    if subsidiary is None:
        raise refused("Please enter value(s) for: Subsidiary.", "subsidiary")
    currency = values.reference(store, record, "currency", "currency")
    # The currency of a new entry is that of the root parent, whatever the subsidiary's is.
    currency = currency or store.find("currency", found["currency"] if found else _root_currency(store))
    rate = values.number(record, "exchangeRate", 10)
    rate = rate if rate is not None else Decimal(found["exchangerate"]) if found else Decimal(1)
    if currency is None or rate <= 0:
        raise invalid_value(rate, "exchangeRate", "exchangeRate")
    given = _lines(store, record, int(currency["currencyprecision"]), subsidiary)
    lines = list(given or []) if found is None or (replace and given is not None) else [*stored_lines(store, found["id"]), *(given or [])]
    _check_balance(lines)
    day = values.day(record, "tranDate") or (date.fromisoformat(found["trandate"]) if found else date.fromisoformat(store.stamp()[:10]))
    approved = values.boolean(record, "approved")
    changes_ledger = found is None or bool({"line", "tranDate", "postingPeriod", "currency", "exchangeRate", "subsidiary", "approved"} & set(record))
    if found is not None and changes_ledger:
        _refuse_closed(store, found["postingperiod"], "This transaction cannot be changed: its accounting period is closed.")
    period = _period(store, record, found, day, closed_period) if changes_ledger else found["postingperiod"]  # type: ignore[index]
    posting = "T" if (approved if approved is not None else found is None or found["posting"] == "T") else "F"
    row = {
        "externalid": external_id or values.external_id(record) or (found["externalid"] if found else None),
        "type": "Journal",
        "tranid": values.text(record, "tranId", 45) or (found["tranid"] if found else None),
        "trandate": day.isoformat(),
        "postingperiod": period,
        "memo": values.text(record, "memo", LONGEST_MEMO) if "memo" in record or found is None else found["memo"],
        "currency": currency["id"],
        "exchangerate": format(rate, "f"),
        "posting": posting,
        "approvalstatus": APPROVED if posting == "T" else PENDING_APPROVAL,
        "createddate": found["createddate"] if found else store.stamp(),
        "lastmodifieddate": store.stamp(),
    }
    identifier = _store(store, found, row)
    if given is not None or found is None:
        _store_lines(store, identifier, lines, subsidiary, int(currency["currencyprecision"]), rate, posting)
    else:
        store.connection.execute('update transactionaccountingline set posting = ? where "transaction" = ?', (posting, identifier))
    return identifier


def delete(store: Store, found: Row) -> None:
    _refuse_closed(store, found["postingperiod"], "This transaction cannot be deleted: its accounting period is closed.")
    for table in ("transactionline", "transactionaccountingline"):
        store.connection.execute(f'delete from {table} where "transaction" = ?', (found["id"],))
    store.connection.execute('delete from "transaction" where id = ?', (found["id"],))


def shown(store: Store, found: Row, url: str, expand: bool) -> dict[str, Any]:
    """An entry as the API shows it, with its lines if ``expand``."""
    own = f"{url}/journalEntry/{found['id']}"
    subsidiary = _subsidiary_of(store, found) or {}
    currency, period = store.find("currency", found["currency"]), store.find("accountingperiod", found["postingperiod"])
    record = {
        "links": [{"rel": "self", "href": own}],
        "id": str(found["id"]),
        "externalId": found["externalid"],
        "tranId": found["tranid"],
        "tranDate": found["trandate"],
        "memo": found["memo"],
        "subsidiary": {"links": [], "id": str(subsidiary.get("id")), "refName": subsidiary.get("name")},
        "currency": {"links": [], "id": str(found["currency"]), "refName": (currency or {}).get("name")},
        "exchangeRate": Decimal(found["exchangerate"]),
        "postingPeriod": {"links": [], "id": str(found["postingperiod"]), "refName": (period or {}).get("periodname")},
        "approved": found["posting"] == "T",
        "createdDate": found["createddate"],
        "lastModifiedDate": found["lastmodifieddate"],
        "line": {"links": [{"rel": "self", "href": f"{own}/line"}]},
    }
    if expand:
        items = [_shown_line(store, line, number, own) for number, line in enumerate(stored_lines(store, found["id"]), start=1)]
        record["line"] |= {"items": items, "totalResults": len(items)}
    return {name: value for name, value in record.items() if value is not None}


def stored_lines(store: Store, identifier: int) -> list[Line]:
    query = (
        "select a.account, l.debitforeignamount, l.creditforeignamount, l.memo, l.entity from transactionline l"
        ' join transactionaccountingline a on a."transaction" = l."transaction" and a.transactionline = l.id where l."transaction" = ? order by l.id'
    )
    return [
        Line(row["account"], _decimal(row["debitforeignamount"]), _decimal(row["creditforeignamount"]), row["memo"], row["entity"])
        for row in store.rows(query, identifier)
    ]


def _lines(store: Store, record: Mapping[str, Any], decimals: int, subsidiary: Row) -> list[Line] | None:
    sublist = record.get("line")
    if sublist is None:
        return None
    items = sublist.get("items") if isinstance(sublist, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise invalid_content("Invalid value for the property line: items are expected.", "line")
    if len(items) > MOST_LINES:
        raise invalid_content(f"An entry has at most {MOST_LINES} lines.", "line.items")
    return [_line(store, item, f"line.items[{index}].", decimals, subsidiary) for index, item in enumerate(items)]


def _line(store: Store, item: Mapping[str, Any], path: str, decimals: int, subsidiary: Row) -> Line:
    account = values.reference(store, item, "account", "account", path)
    if account is None:
        raise refused("Please enter value(s) for: Account.", f"{path}account")
    debit, credit = values.number(item, "debit", decimals, path), values.number(item, "credit", decimals, path)
    if (debit is None) == (credit is None):
        raise refused("Please enter a debit or a credit amount.", path.rstrip("."))
    entity = values.reference(store, item, "entity", "customer", path)
    if entity is None and account["accttype"] == RECEIVABLE:
        raise refused("Please choose a customer for the accounts receivable line.", f"{path}entity")
    if entity is not None and entity["subsidiary"] != subsidiary["id"]:
        raise invalid_value(entity["id"], "entity", f"{path}entity")
    memo = values.text(item, "memo", LONGEST_MEMO, path)
    return Line(account["id"], debit, credit, memo, None if entity is None else entity["id"])


def _check_balance(lines: list[Line]) -> None:
    if not lines:
        raise refused("You must enter at least one line item for this transaction.", "line")
    if sum((line.debit or Decimal(0)) - (line.credit or Decimal(0)) for line in lines) != 0:
        raise refused("The amounts in a journal entry must balance.", "line")


def _period(store: Store, record: Mapping[str, Any], found: Row | None, day: date, closed_period: str) -> int:
    """The period that an entry is posted in: the one asked for, else the one of its date."""
    asked = values.reference(store, record, "postingPeriod", "accountingperiod")
    own = asked or store.row("select * from accountingperiod where ? between startdate and enddate", day.isoformat())
    if asked is not None and not asked["startdate"] <= day.isoformat() <= asked["enddate"]:
        own = None
    if own is not None and own["closed"] == "F":
        return int(own["id"])
    if own is not None and asked is None and closed_period == FIRST_OPEN:
        later = store.row("select * from accountingperiod where closed = 'F' and startdate > ? order by startdate limit 1", own["startdate"])
        if later is not None:
            return int(later["id"])
    raise refused("The transaction date you specified is not within the date range of your accounting period.", "tranDate")


def _refuse_closed(store: Store, period: int, message: str) -> None:
    found = store.find("accountingperiod", period)
    if found is not None and found["closed"] == "T":
        raise refused(message)


def _store(store: Store, found: Row | None, row: Mapping[str, object]) -> int:
    if found is not None:
        changes = ", ".join(f"{name} = ?" for name in row)
        taken = store.row('select id from "transaction" where externalid = ? and id <> ?', row["externalid"], found["id"])
        if taken is not None:
            raise _duplicate()
        store.connection.execute(f'update "transaction" set {changes} where id = ?', (*row.values(), found["id"]))
        return int(found["id"])
    if row["externalid"] is not None and store.find("transaction", f"eid:{row['externalid']}") is not None:
        raise _duplicate()
    marks = ", ".join("?" * len(row))
    cursor = store.connection.execute(f'insert into "transaction" ({", ".join(row)}) values ({marks})', tuple(row.values()))
    identifier = int(cursor.lastrowid or 0)
    store.connection.execute("update \"transaction\" set tranid = coalesce(tranid, 'JE' || ?) where id = ?", (identifier, identifier))
    return identifier


def _store_lines(store: Store, identifier: int, lines: list[Line], subsidiary: Row, decimals: int, rate: Decimal, posting: str) -> None:
    for table in ("transactionline", "transactionaccountingline"):
        store.connection.execute(f'delete from {table} where "transaction" = ?', (identifier,))
    base = store.row("select currencyprecision from currency where id = ?", subsidiary["currency"])
    cent = Decimal(1).scaleb(-int(base["currencyprecision"] if base else decimals))
    for number, line in enumerate(lines, start=1):
        foreign = (line.debit or Decimal(0)) - (line.credit or Decimal(0))
        values_of_line = (identifier, number, number, line.memo, line.entity, subsidiary["id"], _text(line.debit), _text(line.credit), _text(foreign))
        store.connection.execute("insert into transactionline values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values_of_line)
        debit, credit = (None if amount is None else (amount * rate).quantize(cent, ROUND_HALF_UP) for amount in (line.debit, line.credit))
        amount = (debit or Decimal(0)) - (credit or Decimal(0))
        accounted = (identifier, number, line.account, _text(debit), _text(credit), _text(amount), posting)
        store.connection.execute(_ACCOUNTED, accounted)


def _shown_line(store: Store, line: Line, number: int, url: str) -> dict[str, Any]:
    account, entity = store.find("account", line.account) or {}, None if line.entity is None else store.find("customer", line.entity)
    shown_line = {
        "links": [{"rel": "self", "href": f"{url}/line/{number}"}],
        "line": number,
        "account": {"links": [], "id": str(line.account), "refName": f"{account.get('acctnumber')} {account.get('fullname')}"},
        "debit": line.debit,
        "credit": line.credit,
        "memo": line.memo,
        "entity": None if entity is None else {"links": [], "id": str(entity["id"]), "refName": entity["companyname"]},
    }
    return {name: value for name, value in shown_line.items() if value is not None}


def _subsidiary_of(store: Store, found: Row | None) -> Row | None:
    if found is None:
        return None
    return store.row('select s.* from subsidiary s join transactionline l on l.subsidiary = s.id where l."transaction" = ? limit 1', found["id"])


def _root_currency(store: Store) -> int:
    root = store.row("select currency from subsidiary order by id limit 1")
    return int(root["currency"]) if root else 0


def _duplicate() -> NetSuiteError:
    return refused("This record already exists.", "externalId")


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")
