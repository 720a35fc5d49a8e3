"""What QuickBooks holds: look-ups by our reference and our customer id, and read-backs of a period. Pure walks over answers."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import RemoteDocument, RemoteLine
from reverse_etl.systems.http_system import HttpRequest, Reading, Record
from reverse_etl.systems.journal_entries import POSTED, leading_reference, line_key_of, minor_units
from reverse_etl.systems.quickbooks.companies import MINOR_VERSION, Company, content_of, exponent_of, found, pages, place, query, quoted
from reverse_etl.systems.quickbooks.rendering import CREATE, UPDATE, customer_id_of, customer_record
from reverse_etl.transport.content import write_json

NUMBERS_PER_QUERY = 40
QUERIES_PER_BATCH = 30
DUPLICATE = "duplicate"
MOVES, MOVE_LINES, ACCOUNT_MOVEMENTS = "raw.ledger_moves", "raw.ledger_move_lines", "raw.ledger_account_movements"
DETAIL = "JournalEntryLineDetail"
FIRST_DAY = date(1970, 1, 1)
COLUMNS = ("tx_date", "txn_type", "doc_num", "debt_amt", "credit_amt")
Item = Mapping[str, Any]


def look_up_entries(company: Company, documents: Sequence[SealedDocument]) -> Reading[Mapping[str, RemoteDocument]]:
    held: defaultdict[str, list[Item]] = defaultdict(list)
    references = [document.reference for document in documents]
    for start in range(0, len(references), NUMBERS_PER_QUERY):
        numbers = ", ".join(map(quoted, references[start : start + NUMBERS_PER_QUERY]))
        for item in (yield from pages(company.realm, "JournalEntry", f" where DocNumber in ({numbers})")):
            held[str(item.get("DocNumber"))].append(item)
    return {reference: _remote_entry(company, reference, held[reference]) for reference in references if held[reference]}


def look_up_customers(company: Company, documents: Sequence[SealedDocument]) -> Reading[Mapping[str, RemoteDocument]]:
    """By the end of the display name, inactive ones included; several questions go in one batch."""
    looked_up: dict[str, RemoteDocument] = {}
    for start in range(0, len(documents), QUERIES_PER_BATCH):
        part = documents[start : start + QUERIES_PER_BATCH]
        items = [{"bId": document.reference, "Query": _customer_query(str(document.payload["customer_id"]))} for document in part]
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        request = HttpRequest("POST", place(company.realm, "batch"), (MINOR_VERSION,), headers, write_json({"BatchItemRequest": items}))
        answers = content_of((yield request))["BatchItemResponse"]
        by_id = {answer["bId"]: answer for answer in answers}
        for document in part:
            answer = by_id.get(document.reference)
            if answer is None or "QueryResponse" not in answer:
                raise DestinationError(f"the batch does not answer for {document.reference}: {str(answer)[:300]}")
            customer_id = str(document.payload["customer_id"])
            held = [item for item in answer["QueryResponse"].get("Customer", []) if customer_id_of(item["DisplayName"]) == customer_id]
            if held:
                looked_up[document.reference] = _remote_customer(document, held)
    return looked_up


def sync_tokens(realm: str, identifiers: Sequence[str]) -> Reading[Mapping[str, str]]:
    """The current version of customers, without which none can be changed."""
    tokens: dict[str, str] = {}
    for start in range(0, len(identifiers), NUMBERS_PER_QUERY):
        wanted = ", ".join(map(quoted, identifiers[start : start + NUMBERS_PER_QUERY]))
        answer = yield query(realm, f"select * from Customer where Id in ({wanted}) and Active in (true, false) maxresults 1000")
        tokens |= {item["Id"]: item["SyncToken"] for item in found(answer, "Customer")}
    return tokens


def read_back(company: Company, period: str) -> Reading[list[Record]]:
    """Every journal entry of the month, ours or not, and what the general ledger says that moved each account, by whatever document.

    Raises:
        DestinationError: QuickBooks counts another number of entries than were read.
    """
    first, last = month(period)
    condition = f" where TxnDate >= {quoted(first.isoformat())} and TxnDate <= {quoted(last.isoformat())}"
    entries = yield from pages(company.realm, "JournalEntry", condition)
    counted = content_of((yield query(company.realm, f"select count(*) from JournalEntry{condition}")))["QueryResponse"].get("totalCount", 0)
    if counted != len(entries):
        raise DestinationError(f"QuickBooks counts {counted} entries of {company.entity} in {period}, but {len(entries)} were read: read back again")
    records: list[Record] = []
    for entry in entries:
        records.append((MOVES, _move_record(company, period, entry)))
        records.extend((MOVE_LINES, _line_record(company, period, entry, line)) for line in _entry_lines(entry))
    for account, (debit, credit) in (yield from account_sums(company, first, last)).items():
        record = {"entity": company.entity, "period": period, "account_code": account, "debit_minor": debit, "credit_minor": credit}
        records.append((ACCOUNT_MOVEMENTS, record))
    return records


def account_sums(company: Company, first: date, last: date) -> Reading[Mapping[str, tuple[int, int]]]:
    """Debit and credit by our account code (minor units of the home currency), by whatever document, as the general ledger report sums them up.

    Where an account has others below it, its own rows are taken, for its sum is that of all of them.
    """
    parameters = (("start_date", first.isoformat()), ("end_date", last.isoformat()), ("accounting_method", "Accrual"), ("columns", ",".join(COLUMNS)))
    report = content_of((yield HttpRequest("GET", place(company.realm, "reports", "GeneralLedger"), (*parameters, MINOR_VERSION))))
    return _sums(company, report)


def trial_balance(company: Company, period_until: str) -> Reading[Mapping[str, tuple[int, int]]]:
    return account_sums(company, FIRST_DAY, month(period_until)[1])


def receivables(company: Company) -> Reading[Mapping[str, int]]:
    """What each of our customers owes by QuickBooks' own reckoning; nothing owed is left out."""
    customers = yield from pages(company.realm, "Customer", " where Active in (true, false)")
    exponent = exponent_of(company.home_currency)
    owed = {customer_id_of(item["DisplayName"]): minor_units(item["Balance"], exponent) for item in customers}
    return {customer_id: minor for customer_id, minor in owed.items() if customer_id is not None and minor}


def _customer_query(customer_id: str) -> str:
    return f"select * from Customer where DisplayName like {quoted(f'% ({customer_id})')} and Active in (true, false) maxresults 1000"


def _remote_entry(company: Company, reference: str, held: Sequence[Item]) -> RemoteDocument:
    entry = held[0]
    day = date.fromisoformat(entry["TxnDate"])
    currency = _currency(company, entry)
    return RemoteDocument(
        reference=reference,
        remote_id=entry["Id"],
        remote_number=entry["DocNumber"],
        status=POSTED if len(held) == 1 else DUPLICATE,
        document_date=day,
        period=f"{day:%Y-%m}",
        currency=currency,
        total_minor=minor_units(entry["TotalAmt"], exponent_of(currency)),
        lines=tuple(_remote_line(company, entry, line) for line in _entry_lines(entry)),
        completed={CREATE: {"id": entry["Id"]}},
        duplicates=tuple(other["Id"] for other in held[1:]),
    )


def _remote_line(company: Company, entry: Item, line: Item) -> RemoteLine:
    detail, currency = line[DETAIL], _currency(company, entry)
    sign = 1 if detail["PostingType"] == "Debit" else -1
    entity = detail.get("Entity")
    return RemoteLine(
        line_key=line_key_of(line.get("Description")) or "",
        amount_minor=sign * minor_units(line["Amount"], exponent_of(currency)),
        currency=currency,
        account=company.codes.get(detail["AccountRef"]["value"], detail["AccountRef"]["value"]),
        functional_minor=sign * _home_minor(company, entry, line),
        party=customer_id_of(entity["EntityRef"].get("name")) if entity else None,
    )


def _remote_customer(document: SealedDocument, held: Sequence[Item]) -> RemoteDocument:
    item = held[0]
    wanted = customer_record(document)["display_name"]
    call = UPDATE if document.operation == "update" else CREATE
    done = call == CREATE or item["DisplayName"] == wanted
    return RemoteDocument(
        reference=document.reference,
        remote_id=item["Id"],
        remote_number=item["DisplayName"],
        status="active" if len(held) == 1 else DUPLICATE,
        document_date=None,
        period=None,
        currency=None,
        total_minor=None,
        lines=(),
        completed={call: {"id": item["Id"]}} if done else {},
        duplicates=tuple(other["Id"] for other in held[1:]),
    )


def _entry_lines(entry: Item) -> list[Item]:
    return [line for line in entry.get("Line", ()) if line.get("DetailType") == DETAIL]


def _currency(company: Company, entry: Item) -> str:
    return str((entry.get("CurrencyRef") or {}).get("value") or company.home_currency)


def _home_minor(company: Company, entry: Item, line: Item) -> int:
    exponent = exponent_of(company.home_currency)
    if _currency(company, entry) == company.home_currency:
        return minor_units(line["Amount"], exponent)
    worth = Decimal(line["Amount"]) * Decimal(entry.get("ExchangeRate", 1))
    return int(worth.scaleb(exponent).quantize(Decimal(1), ROUND_HALF_UP))


def _move_record(company: Company, period: str, entry: Item) -> Mapping[str, Any]:
    return {
        "entity": company.entity,
        "period": period,
        "remote_id": entry["Id"],
        "reference": leading_reference(entry.get("DocNumber")),
        "number": entry.get("DocNumber"),
        "state": POSTED,
        "posting_date": date.fromisoformat(entry["TxnDate"]),
        "erp_period": entry["TxnDate"][:7],
        "description": entry.get("PrivateNote"),
        "cancels_remote_id": None,
        "written_at": datetime.fromisoformat(entry["MetaData"]["LastUpdatedTime"]).astimezone(UTC).replace(tzinfo=None),
    }


def _line_record(company: Company, period: str, entry: Item, line: Item) -> Mapping[str, Any]:
    remote = _remote_line(company, entry, line)
    home = remote.functional_minor or 0
    return {
        "entity": company.entity,
        "period": period,
        "remote_id": entry["Id"],
        "remote_line_id": f"{entry['Id']}/{line['Id']}",
        "line_key": remote.line_key or None if leading_reference(entry.get("DocNumber")) else None,
        "account_code": company.our_code(line[DETAIL]["AccountRef"]["value"]),
        "debit_minor": max(home, 0),
        "credit_minor": max(-home, 0),
        "currency": remote.currency,
        "amount_minor": remote.amount_minor,
        "party_code": remote.party,
    }


def _sums(company: Company, report: Item) -> Mapping[str, tuple[int, int]]:
    keys = [_column_key(column) for column in report["Columns"]["Column"]]
    debit, credit = keys.index("debt_amt"), keys.index("credit_amt")
    exponent = exponent_of(company.home_currency)
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    sections = list((report.get("Rows") or {}).get("Row") or ())
    while sections:
        section = sections.pop()
        rows = list((section.get("Rows") or {}).get("Row") or ())
        below = [row for row in rows if row.get("type") == "Section"]
        sections += below
        identifier = ((section.get("Header") or {}).get("ColData") or [{}])[0].get("id")
        if identifier is None:
            continue
        for row in [row for row in rows if row.get("type") != "Section"] if below else [section["Summary"]]:
            for side, column in enumerate((debit, credit)):
                sums[company.our_code(identifier)][side] += minor_units(row["ColData"][column]["value"] or "0", exponent)
    return {account: (sides[0], sides[1]) for account, sides in sorted(sums.items())}


def _column_key(column: Item) -> str | None:
    return next((item["Value"] for item in column.get("MetaData", ()) if item.get("Name") == "ColKey"), None)


def month(period: str) -> tuple[date, date]:
    year, number = (int(part) for part in period.split("-"))
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])
