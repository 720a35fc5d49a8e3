"""The stand-in's own description (OpenAPI 3.1), served at ``/openapi.json``. Names are those of Intuit's API reference."""

from __future__ import annotations

from reverse_etl.sandbox.openapi import BOOLEAN, Schema, answers, array, describe, nullable, one_of, reference, shown, taken
from reverse_etl.sandbox.quickbooks.accounting.customers import ADDRESS, LONGEST_NAME, TEXTS
from reverse_etl.sandbox.quickbooks.accounting.journal_entries import LONGEST_NOTE, LONGEST_NUMBER

VERSION = "v3, minor version 75"
TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "pattern": "^[0-9]{1,9}$"}
DAY: Schema = {"type": "string", "format": "date"}
AMOUNT: Schema = {"type": "number", "minimum": 0, "maximum": 99999999999}
NUMBER: Schema = {"type": "string", "maxLength": LONGEST_NUMBER}
NOTE: Schema = {"type": "string", "maxLength": LONGEST_NOTE}
REFERENCE = taken(("value",), value=ID, name=TEXT)
CURRENCY = taken(("value",), value={"type": "string", "pattern": "^[A-Z]{3}$"}, name=TEXT)
SHOWN_REFERENCE = shown(None, ("name",), value=TEXT, name=TEXT)
HEADER = {"Id": TEXT, "SyncToken": TEXT, "domain": one_of("QBO"), "sparse": BOOLEAN, "MetaData": shown(CreateTime=TEXT, LastUpdatedTime=TEXT)}

_DETAIL = taken(
    ("PostingType", "AccountRef"),
    PostingType=one_of("Debit", "Credit"),
    AccountRef=REFERENCE,
    Entity=taken(("Type", "EntityRef"), Type=one_of("Customer"), EntityRef=REFERENCE),
    ClassRef=REFERENCE,
    DepartmentRef=REFERENCE,
)
_LINE = taken(
    ("Amount", "DetailType", "JournalEntryLineDetail"),
    Id=ID,
    Amount=AMOUNT,
    DetailType=one_of("JournalEntryLineDetail"),
    Description=NOTE,
    JournalEntryLineDetail=_DETAIL,
)
_ENTRY = {
    "Line": array(_LINE, 5),
    "TxnDate": DAY,
    "DocNumber": NUMBER,
    "PrivateNote": NOTE,
    "CurrencyRef": CURRENCY,
    "ExchangeRate": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
    "Adjustment": BOOLEAN,
}
_CUSTOMER: dict[str, Schema] = {name: {"type": "string", "maxLength": longest} for name, longest in TEXTS.items()} | {
    "DisplayName": {"type": "string", "maxLength": LONGEST_NAME},
    "PrimaryEmailAddr": taken(("Address",), Address={"type": "string", "maxLength": 100}),
    "BillAddr": taken((), **dict.fromkeys(ADDRESS, NOTE)),
    "Active": BOOLEAN,
}
_VERSIONED = {"Id": ID, "SyncToken": ID, "sparse": BOOLEAN}
ENTRY_BODY: Schema = {"oneOf": [taken(("Line",), **_ENTRY), taken(("Id", "SyncToken", "Line"), **_VERSIONED, **_ENTRY)]}
CUSTOMER_BODY: Schema = {"oneOf": [taken(("DisplayName",), **_CUSTOMER), taken(("Id", "SyncToken"), **_VERSIONED, **_CUSTOMER)]}
_ERROR = shown(Message=TEXT, Detail=TEXT, code=TEXT, element=TEXT)
_FAULT = shown(Error=array(_ERROR), type=TEXT)

SCHEMAS: dict[str, Schema] = {
    "fault": shown(Fault=_FAULT, time=TEXT),
    "gateway_fault": shown(fault=shown(error=array(shown(message=TEXT, detail=TEXT, code=TEXT, element=TEXT)), type=TEXT), time=TEXT),
    "journal_entry": shown(
        None,
        ("DocNumber", "PrivateNote", "ExchangeRate"),
        **HEADER,
        TxnDate=DAY,
        DocNumber=NUMBER,
        PrivateNote=NOTE,
        CurrencyRef=SHOWN_REFERENCE,
        ExchangeRate={"type": "number"},
        Adjustment=BOOLEAN,
        TotalAmt=AMOUNT,
        HomeTotalAmt={"type": "number"},
        Line=array(
            shown(
                None,
                ("Description",),
                Id=TEXT,
                DetailType=TEXT,
                Amount=AMOUNT,
                Description=NOTE,
                JournalEntryLineDetail=shown(
                    None,
                    ("Entity", "ClassRef", "DepartmentRef"),
                    PostingType=one_of("Debit", "Credit"),
                    AccountRef=SHOWN_REFERENCE,
                    Entity=shown(Type=TEXT, EntityRef=SHOWN_REFERENCE),
                    ClassRef=SHOWN_REFERENCE,
                    DepartmentRef=SHOWN_REFERENCE,
                ),
            )
        ),
    ),
    "deleted": shown(Id=TEXT, status=one_of("Deleted"), domain=one_of("QBO")),
    "customer": shown(
        None,
        (*TEXTS, "PrimaryEmailAddr", "BillAddr", "Balance"),
        **HEADER,
        **_CUSTOMER,
        CurrencyRef=SHOWN_REFERENCE,
        Balance={"type": "number"},
    ),
    "account": shown(
        **HEADER,
        **dict.fromkeys(("Name", "FullyQualifiedName", "AcctNum", "AccountType", "Classification"), TEXT),
        CurrencyRef=SHOWN_REFERENCE,
        Active=BOOLEAN,
        SubAccount=BOOLEAN,
    ),
    "company": {"type": "object", "required": ["CompanyName"]},
    "preferences": {"type": "object", "required": ["AccountingInfoPrefs", "CurrencyPrefs"]},
    "query_response": shown(
        None,
        ("JournalEntry", "Customer", "Account", "CompanyInfo", "Preferences", "startPosition", "maxResults", "totalCount"),
        JournalEntry=array(reference("journal_entry")),
        Customer=array(reference("customer")),
        Account=array(reference("account")),
        CompanyInfo=array(reference("company")),
        Preferences=array(reference("preferences")),
        startPosition={"type": "integer", "minimum": 1},
        maxResults={"type": "integer", "minimum": 1},
        totalCount={"type": "integer", "minimum": 0},
    ),
    "batch_item": shown(
        None,
        ("bId", "Fault", "QueryResponse", "JournalEntry", "Customer"),
        bId=TEXT,
        Fault=_FAULT,
        QueryResponse=reference("query_response"),
        JournalEntry={"anyOf": [reference("journal_entry"), reference("deleted")]},
        Customer=reference("customer"),
    ),
    "report": {"type": "object", "required": ["Header", "Columns", "Rows", "time"]},
}


def _answered(**members: Schema) -> Schema:
    return shown(**members, time=TEXT)


def _operation(answer: Schema, query: dict[str, Schema] | None = None, body: Schema | None = None, identifier: bool = False) -> Schema:
    parameters: list[Schema] = [{"name": "realm", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9]{16}$"}}]
    if identifier:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": ID})
    shared: dict[str, Schema] = {"minorversion": {"type": "integer", "minimum": 1, "maximum": 75}}
    if body is not None:
        shared["requestid"] = {"type": "string", "pattern": "^[0-9a-f]{8,36}$"}
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in (shared | (query or {})).items()]
    by_status = {200: answer, 401: reference("gateway_fault")} | dict.fromkeys((400, 403, 404, 429, 503), reference("fault"))
    operation: Schema = {"parameters": parameters, "responses": answers(by_status)}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def description() -> Schema:
    """The whole description."""
    company = "/v3/company/{realm}"
    entry: Schema = {"anyOf": [_answered(JournalEntry=reference("journal_entry")), _answered(JournalEntry=reference("deleted"))]}
    entities = "JournalEntry|Customer|Account|CompanyInfo|Preferences"
    query_text: Schema = {
        "type": "string",
        "pattern": rf"^select (\*|count\(\*\)) from ({entities})( startposition [1-9])?( maxresults [1-9])?$",
    }
    item = taken(
        ("bId",),
        bId={"type": "string", "maxLength": 40, "minLength": 1},
        operation=one_of("create", "update", "delete"),
        JournalEntry=taken(("Line",), **_ENTRY),
        Customer=taken(("DisplayName",), **_CUSTOMER),
        Query=query_text,
    )
    paths = {
        f"{company}/journalentry": {"post": _operation(entry, {"operation": one_of("delete")}, ENTRY_BODY)},
        f"{company}/journalentry/{{id}}": {"get": _operation(_answered(JournalEntry=reference("journal_entry")), identifier=True)},
        f"{company}/customer": {"post": _operation(_answered(Customer=reference("customer")), body=CUSTOMER_BODY)},
        f"{company}/customer/{{id}}": {"get": _operation(_answered(Customer=reference("customer")), identifier=True)},
        f"{company}/account/{{id}}": {"get": _operation(_answered(Account=reference("account")), identifier=True)},
        f"{company}/query": {"get": _operation(_answered(QueryResponse=reference("query_response")), {"query": query_text})},
        f"{company}/batch": {
            "post": _operation(
                _answered(BatchItemResponse=array(reference("batch_item"))), body=taken(("BatchItemRequest",), BatchItemRequest=array(item, 31))
            )
        },
        f"{company}/preferences": {"get": _operation(_answered(Preferences=reference("preferences")))},
        f"{company}/reports/GeneralLedger": {"get": _operation(reference("report"), {"start_date": DAY, "end_date": DAY, "columns": nullable(TEXT)})},
    }
    return describe("A stand-in for QuickBooks Online's Accounting API", VERSION, paths, SCHEMAS)
