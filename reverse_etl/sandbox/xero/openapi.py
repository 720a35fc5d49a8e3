"""The stand-in's own description (OpenAPI 3.1), served at ``/openapi.json``: what it takes, what it answers, and with which status.

Names are those of Xero's published description, cut to what the stand-in does.
"""

from __future__ import annotations

from typing import Any

from reverse_etl.sandbox.xero.elements import STATUSES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
UUID: Schema = {"type": "string", "format": "uuid"}
MICROSOFT_DATE: Schema = {"type": "string", "pattern": r"^/Date\(-?[0-9]+\+0000\)/$"}
MESSAGES: Schema = {"type": "array", "items": {"type": "object", "properties": {"Message": TEXT}, "required": ["Message"]}}
JSON_TYPE = "application/json"
LINE: Schema = {
    "type": "object",
    "properties": {
        "LineAmount": {"type": "number", "minimum": -1_000_000, "maximum": 1_000_000, "multipleOf": 0.01},
        "AccountCode": {"type": "string", "maxLength": 10},
        "Description": {"type": "string", "maxLength": 100},
        "TaxType": {"enum": ["NONE", "OUTPUT"]},
        "Tracking": {"type": "array", "maxItems": 2, "items": {"type": "object", "properties": {"Name": TEXT, "Option": TEXT}}},
    },
    "required": ["LineAmount", "AccountCode"],
}
JOURNAL: Schema = {
    "type": "object",
    "properties": {
        "ManualJournalID": UUID,
        "Narration": {"type": "string", "minLength": 1, "maxLength": 200},
        "Date": {"type": "string", "format": "date"},
        "Status": {"enum": ["DRAFT", "POSTED", "VOIDED"]},
        "Url": {"type": "string", "pattern": "^https://[a-z]{1,20}\\.example/[a-z0-9]{1,20}$"},
        "LineAmountTypes": {"const": "NoTax"},
        "JournalLines": {"type": "array", "items": LINE, "minItems": 2, "maxItems": 4},
    },
    "required": ["Narration"],
}
CONTACT: Schema = {
    "type": "object",
    "properties": {"ContactID": UUID, "ContactNumber": {"type": "string", "maxLength": 50}, "Name": {"type": "string", "maxLength": 255}},
}
_FAILED = {"StatusAttributeString": {"enum": ["OK", "ERROR"]}, "HasErrors": BOOLEAN, "ValidationErrors": MESSAGES}
SHOWN_LINE: Schema = {
    "type": "object",
    "properties": {
        "LineAmount": {"type": "number"},
        "AccountCode": TEXT,
        "AccountID": UUID,
        "Description": TEXT,
        "TaxType": TEXT,
        "TaxAmount": {"type": "number"},
        "Tracking": {"type": "array"},
        "IsBlank": BOOLEAN,
    },
    "required": ["LineAmount", "AccountCode", "AccountID", "TaxType", "TaxAmount", "Tracking", "IsBlank"],
    "additionalProperties": False,
}
SHOWN_JOURNAL: Schema = {
    "type": "object",
    "properties": {
        "ManualJournalID": UUID,
        "Narration": TEXT,
        "Date": MICROSOFT_DATE,
        "LineAmountTypes": {"const": "NoTax"},
        "Status": {"enum": list(STATUSES)},
        "Url": TEXT,
        "ShowOnCashBasisReports": BOOLEAN,
        "HasAttachments": BOOLEAN,
        "JournalLines": {"type": "array", "items": SHOWN_LINE},
        "UpdatedDateUTC": MICROSOFT_DATE,
        **_FAILED,
    },
    "required": ["ManualJournalID"],
    "additionalProperties": False,
}
SHOWN_CONTACT: Schema = {
    "type": "object",
    "properties": {"ContactID": UUID, "ContactStatus": TEXT, "Name": TEXT, "ContactNumber": TEXT, "UpdatedDateUTC": MICROSOFT_DATE, **_FAILED},
    "required": ["ContactID"],
    "additionalProperties": False,
}
API_ERROR: Schema = {
    "type": "object",
    "properties": {"ErrorNumber": {"type": "integer"}, "Type": TEXT, "Message": TEXT, "Elements": {"type": "array"}},
    "required": ["ErrorNumber", "Type", "Message"],
    "additionalProperties": False,
}
PROBLEM: Schema = {
    "type": "object",
    "properties": {"Title": TEXT, "Status": {"type": "integer"}, "Detail": TEXT},
    "required": ["Title", "Status", "Detail"],
}


def _answer(schema: Schema, description: str = "refused") -> Schema:
    return {"description": description, "content": {JSON_TYPE: {"schema": schema}}}


_REFUSALS = {
    "400": _answer(API_ERROR),
    "401": _answer(PROBLEM),
    "403": _answer(PROBLEM),
    "404": _answer(API_ERROR),
    "409": _answer(API_ERROR),
    "429": _answer(PROBLEM),
}


def _envelope(kind: str, shown: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"Id": UUID, "Status": {"const": "OK"}, "ProviderName": TEXT, "DateTimeUTC": TEXT, "pagination": {"type": "object"}}
        | {kind: {"type": "array", "items": shown}},
        "required": ["Id", "Status", kind],
        "additionalProperties": False,
    }


def _parameter(place: str, name: str, schema: Schema, required: bool = False) -> Schema:
    return {"in": place, "name": name, "schema": schema, "required": required}


def _resource(kind: str, taken: Schema, shown: Schema, identity: str, where: str) -> Schema:
    saving = [
        _parameter("query", "summarizeErrors", {"enum": ["true", "false"]}),
        _parameter("header", "Idempotency-Key", {"type": "string", "pattern": "^[a-z0-9]{1,128}$"}),
    ]
    body = {
        "required": True,
        "content": {
            JSON_TYPE: {
                "schema": {
                    "type": "object",
                    "properties": {kind: {"type": "array", "items": taken, "minItems": 1, "maxItems": 3}},
                    "required": [kind],
                }
            }
        },
    }
    answers = {"200": _answer(_envelope(kind, shown), "the elements"), **_REFUSALS}
    listing = [
        _parameter("query", "where", {"enum": [where, f"{where} AND {where}", "Nothing==1"]}),
        _parameter("query", "page", {"type": "integer", "minimum": 1, "maximum": 1000}),
        _parameter("query", "pageSize", {"type": "integer", "minimum": 1, "maximum": 1000}),
    ]
    return {
        f"/api.xro/2.0/{kind}": {
            "get": {"parameters": listing, "responses": answers},
            "put": {"parameters": saving, "requestBody": body, "responses": answers},
            "post": {"parameters": saving, "requestBody": body, "responses": answers},
        },
        f"/api.xro/2.0/{kind}/{{{identity}}}": {"get": {"parameters": [_parameter("path", identity, UUID, True)], "responses": answers}},
    }


def description() -> Schema:
    anything: Schema = {"type": "object"}
    read: Schema = {
        path: {"get": {"responses": {"200": _answer(_envelope(kind, anything), "what there is"), **_REFUSALS}}}
        for path, kind in (
            ("/api.xro/2.0/Accounts", "Accounts"),
            ("/api.xro/2.0/Organisation", "Organisations"),
            ("/api.xro/2.0/Reports/TrialBalance", "Reports"),
        )
    }
    read["/api.xro/2.0/Reports/TrialBalance"]["get"]["parameters"] = [_parameter("query", "date", {"type": "string", "format": "date"})]
    return {
        "openapi": "3.1.0",
        "info": {"title": "A stand-in for Xero's Accounting API", "version": "2.0"},
        "paths": {
            **_resource("ManualJournals", JOURNAL, SHOWN_JOURNAL, "ManualJournalID", 'Status=="DRAFT"'),
            **_resource("Contacts", CONTACT, SHOWN_CONTACT, "ContactID", 'Name.StartsWith("A")'),
            **read,
        },
    }
