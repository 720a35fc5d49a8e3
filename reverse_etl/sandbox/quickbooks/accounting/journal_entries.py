"""Journal entries: https://developer.intuit.com/app/developer/qbo/docs/api/accounting/all-entities/journalentry."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

from reverse_etl.sandbox.quickbooks.accounting.books import PAYABLE, RECEIVABLE
from reverse_etl.sandbox.quickbooks.errors import business, invalid_reference, missing_parameter, not_found, refused, stale
from reverse_etl.sandbox.quickbooks.store import Company, Object, Store
from reverse_etl.sandbox.quickbooks.values import Members

KIND = "JournalEntry"
DETAIL = "JournalEntryLineDetail"
LONGEST_NUMBER, LONGEST_NOTE = 21, 4000
CENT = Decimal("0.01")
DEBIT, CREDIT = "Debit", "Credit"
LARGEST_RATE = Decimal(10**9)


def create(store: Store, company: Company, members: Members) -> Object:
    fields = _fields(store, company, members)
    now = store.timestamp()
    item = {
        "Id": str(store.next_id(company.realm)),
        "SyncToken": "0",
        "domain": "QBO",
        "sparse": False,
        "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
    } | fields
    _refuse_duplicate(store, company, item)
    store.put(company.realm, KIND, item)
    _owe(store, company, item, 1)
    return item


def update(store: Store, company: Company, members: Members) -> Object:
    """A full update, or a sparse one that names every line all the same: lines are replaced as a whole."""
    identifier, token, sparse = members.required_text("Id", 20), members.required_text("SyncToken", 20), members.boolean("sparse")
    item = _current(store, company, identifier, token)
    fields = _fields(store, company, members)
    kept = item if sparse else {name: item[name] for name in ("Id", "domain", "sparse", "MetaData")}
    changed = kept | fields | {"SyncToken": str(int(token) + 1), "MetaData": item["MetaData"] | {"LastUpdatedTime": store.timestamp()}}
    _refuse_duplicate(store, company, changed)
    store.put(company.realm, KIND, changed)
    _owe(store, company, item, -1)
    _owe(store, company, changed, 1)
    return changed


def delete(store: Store, company: Company, members: Members) -> Object:
    identifier, token = members.required_text("Id", 20), members.required_text("SyncToken", 20)
    item = _current(store, company, identifier, token)
    store.delete(company.realm, KIND, identifier)
    _owe(store, company, item, -1)
    return {"Id": identifier, "status": "Deleted", "domain": "QBO"}


def home_movements(entry: Object) -> list[tuple[str, str, Decimal]]:
    """Account id, side and amount in the company's currency of each line."""
    rate = entry.get("ExchangeRate", Decimal(1))
    moved = []
    for line in entry["Line"]:
        detail = line[DETAIL]
        moved.append((detail["AccountRef"]["value"], detail["PostingType"], (line["Amount"] * rate).quantize(CENT, ROUND_HALF_UP)))
    return moved


def _owe(store: Store, company: Company, entry: Object, sign: int) -> None:
    """What an entry moves of the balances of customers: its lines on receivable accounts."""
    for line, (account_id, side, amount) in zip(entry["Line"], home_movements(entry), strict=True):
        entity = line[DETAIL].get("Entity")
        account = store.find(company.realm, "Account", account_id)
        if entity is not None and account is not None and account["AccountType"] == RECEIVABLE:
            cents = int(amount.scaleb(2))
            store.owe(company.realm, entity["EntityRef"]["value"], sign * (cents if side == DEBIT else -cents))


def _current(store: Store, company: Company, identifier: str, token: str) -> Object:
    item = store.find(company.realm, KIND, identifier)
    if item is None:
        raise not_found(identifier)
    if token != item["SyncToken"]:
        raise stale()
    _refuse_closed(company, date.fromisoformat(item["TxnDate"]))
    return item


def _fields(store: Store, company: Company, members: Members) -> Object:
    day = members.day("TxnDate") or datetime.fromtimestamp(store.now(), UTC).date()
    fields: Object = {"TxnDate": day.isoformat()}
    for name, longest in (("DocNumber", LONGEST_NUMBER), ("PrivateNote", LONGEST_NOTE)):
        value = members.text(name, longest)
        if value is not None:
            fields[name] = value
    currency, rate = members.reference("CurrencyRef") or company.home_currency, members.number("ExchangeRate", 15, LARGEST_RATE)
    adjustment = members.boolean("Adjustment") or False
    lines = [_line(store, company, line) for line in members.children("Line")]
    members.finish("Id", "SyncToken", "sparse", "domain", "MetaData", "TotalAmt", "HomeTotalAmt")
    if not lines:
        raise missing_parameter("Line")
    if currency != company.home_currency:
        if not company.multicurrency:
            raise business("Multi-currency should be enabled to perform this operation.")
        if rate == 0:
            raise business("The exchange rate must be above zero.")
        fields["ExchangeRate"] = rate or Decimal(1)
    elif rate not in (None, Decimal(1)):
        raise business("An entry in the home currency has no exchange rate.")
    _refuse_closed(company, day)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line[DETAIL]["PostingType"]] += line["Amount"]
    if sums[DEBIT] != sums[CREDIT]:
        raise business("The debits and credits of the transaction are not in balance. Make sure that they are equal.")
    numbered = [{"Id": str(place)} | line for place, line in enumerate(lines)]
    total = sums[DEBIT]
    home = (total * fields.get("ExchangeRate", Decimal(1))).quantize(CENT, ROUND_HALF_UP)
    return fields | {
        "CurrencyRef": {"value": currency},
        "Adjustment": adjustment,
        "Line": numbered,
        "TotalAmt": total,
        "HomeTotalAmt": home,
    }


def _line(store: Store, company: Company, line: Members) -> Object:
    line.choice("DetailType", DETAIL)
    amount, description = line.number("Amount", 2), line.text("Description", LONGEST_NOTE)
    if amount is None:
        raise missing_parameter(line.name_of("Amount"))
    detail = line.child(DETAIL)
    side = detail.choice("PostingType", DEBIT, CREDIT)
    account_id = detail.reference("AccountRef")
    if account_id is None:
        raise missing_parameter(detail.name_of("AccountRef"))
    account = store.find(company.realm, "Account", account_id)
    if account is None:
        raise invalid_reference("Accounts", account_id)
    shown: Object = {"PostingType": side, "AccountRef": {"value": account_id, "name": account["Name"]}}
    entity = _entity(store, company, detail)
    if entity is not None:
        shown["Entity"] = entity
    elif account["AccountType"] in (RECEIVABLE, PAYABLE):
        who = "customer" if account["AccountType"] == RECEIVABLE else "vendor"
        raise business(f"When you use {account['AccountType']}, you must choose a {who} in the Name field.")
    for name in ("ClassRef", "DepartmentRef"):
        value = detail.reference(name)
        if value is not None:
            shown[name] = {"value": value}
    detail.finish()
    line.finish("Id", "LineNum")
    result: Object = {"DetailType": DETAIL, "Amount": amount, DETAIL: shown}
    return result if description is None else result | {"Description": description}


def _entity(store: Store, company: Company, detail: Members) -> Object | None:
    if "Entity" not in detail:
        return None
    entity = detail.child("Entity")
    kind, identifier = entity.choice("Type", "Customer"), entity.reference("EntityRef")
    entity.finish()
    if identifier is None:
        raise missing_parameter(entity.name_of("EntityRef"))
    customer = store.find(company.realm, "Customer", identifier)
    if customer is None or not customer["Active"]:
        raise invalid_reference("Names", identifier)
    return {"Type": kind, "EntityRef": {"value": identifier, "name": customer["DisplayName"]}}


def _refuse_closed(company: Company, day: date) -> None:
    if company.closed_until is not None and day <= date.fromisoformat(company.closed_until):
        detail = f"The account period has closed and the account books cannot be updated through the API. Closing date: {company.closed_until}"
        raise refused("6210", "Account Period Closed, Cannot Update Through Services API", detail)


def _refuse_duplicate(store: Store, company: Company, item: Object) -> None:
    number = item.get("DocNumber")
    if company.warns_of_duplicates and number and any(other["Id"] != item["Id"] for other in store.numbered(company.realm, KIND, number)):
        detail = f"You must specify a different number. This number has already been used. DocNumber={number}"
        raise refused("6140", "Duplicate Document Number Error", detail)
