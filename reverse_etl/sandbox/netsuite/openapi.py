"""The stand-in's own description (OpenAPI 3.1), served at ``/openapi.json``: what it takes, what it answers, and with which status.

Names are those of NetSuite's REST API Browser, cut to what the stand-in does.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

RESOURCE = "application/vnd.oracle.resource+json"
ERROR_TYPE = "application/vnd.oracle.resource+json; type=error"
TEXT: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
LINKS: Schema = {"type": "array", "items": {"type": "object", "properties": {"rel": TEXT, "href": TEXT}, "required": ["rel", "href"]}}
AMOUNT: Schema = {"type": "number", "minimum": 0, "maximum": 999_999_999, "multipleOf": 0.01}
IDENTIFIER: Schema = {"type": "string", "pattern": "^(eid:[A-Za-z0-9_-]{1,40}|[0-9]{1,9})$"}
REFERENCE: Schema = {"type": "object", "properties": {"id": TEXT, "externalId": TEXT, "refName": TEXT}, "minProperties": 1}
SHOWN_REFERENCE: Schema = {"type": "object", "properties": {"links": LINKS, "id": TEXT, "refName": TEXT}, "required": ["links", "id"]}
LINE: Schema = {
    "type": "object",
    "properties": {"account": REFERENCE, "debit": AMOUNT, "credit": AMOUNT, "memo": {"type": "string", "maxLength": 999}, "entity": REFERENCE},
    "required": ["account"],
}
JOURNAL: Schema = {
    "type": "object",
    "properties": {
        "externalId": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$"},
        "subsidiary": REFERENCE,
        "currency": REFERENCE,
        "exchangeRate": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000, "multipleOf": 0.0001},
        "tranDate": {"type": "string", "format": "date"},
        "postingPeriod": REFERENCE,
        "memo": {"type": "string", "maxLength": 999},
        "approved": BOOLEAN,
        "line": {"type": "object", "properties": {"items": {"type": "array", "items": LINE, "maxItems": 5}}, "required": ["items"]},
    },
}
CUSTOMER: Schema = {
    "type": "object",
    "properties": {
        "externalId": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$"},
        "companyName": {"type": "string", "maxLength": 83},
        "entityId": {"type": "string", "maxLength": 80},
        "isPerson": BOOLEAN,
        "email": {"type": "string", "maxLength": 254},
        "subsidiary": REFERENCE,
    },
}
_COMMON = {"links": LINKS, "id": TEXT, "externalId": TEXT, "subsidiary": SHOWN_REFERENCE, "lastModifiedDate": TEXT}
SHOWN_LINE: Schema = {
    "type": "object",
    "properties": {
        "links": LINKS,
        "line": COUNT,
        "account": SHOWN_REFERENCE,
        "debit": {"type": "number"},
        "credit": {"type": "number"},
        "memo": TEXT,
        "entity": SHOWN_REFERENCE,
    },
    "required": ["links", "line", "account"],
    "additionalProperties": False,
}
SHOWN_JOURNAL: Schema = {
    "type": "object",
    "properties": _COMMON
    | {
        "tranId": TEXT,
        "tranDate": {"type": "string", "format": "date"},
        "memo": TEXT,
        "currency": SHOWN_REFERENCE,
        "exchangeRate": {"type": "number"},
        "postingPeriod": SHOWN_REFERENCE,
        "approved": BOOLEAN,
        "createdDate": TEXT,
        "line": {
            "type": "object",
            "properties": {"links": LINKS, "items": {"type": "array", "items": SHOWN_LINE}, "totalResults": COUNT},
            "required": ["links"],
            "additionalProperties": False,
        },
    },
    "required": ["links", "id", "tranId", "tranDate", "subsidiary", "currency", "exchangeRate", "postingPeriod", "approved", "line"],
    "additionalProperties": False,
}
SHOWN_CUSTOMER: Schema = {
    "type": "object",
    "properties": _COMMON | {"entityId": TEXT, "companyName": TEXT, "isPerson": BOOLEAN, "email": TEXT, "dateCreated": TEXT},
    "required": ["links", "id", "entityId", "companyName", "isPerson", "subsidiary"],
    "additionalProperties": False,
}
ERROR: Schema = {
    "type": "object",
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "o:errorDetails": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"detail": TEXT, "o:errorCode": TEXT, "o:errorPath": TEXT},
                "required": ["detail", "o:errorCode"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "title", "status", "o:errorDetails"],
    "additionalProperties": False,
}
JOB: Schema = {
    "type": "object",
    "properties": {"links": LINKS, "completed": BOOLEAN, "id": TEXT, "progress": {"enum": ["processing", "succeeded"]}},
    "required": ["links", "completed", "id", "progress"],
}
SUITEQL_ANSWER: Schema = {
    "type": "object",
    "properties": {
        "links": LINKS,
        "count": COUNT,
        "hasMore": BOOLEAN,
        "items": {"type": "array", "items": {"type": "object", "properties": {"links": LINKS}, "required": ["links"], "additionalProperties": TEXT}},
        "offset": COUNT,
        "totalResults": COUNT,
    },
    "required": ["links", "count", "hasMore", "items", "offset", "totalResults"],
    "additionalProperties": False,
}
_ERRORS = {str(status): {"description": "refused", "content": {ERROR_TYPE: {"schema": ERROR}}} for status in (400, 401, 404, 405, 429)}
_WRITTEN = {
    "204": {"description": "written", "headers": {"Location": {"schema": TEXT}}},
    "202": {"description": "queued", "headers": {"Location": {"schema": TEXT}}},
}


def _parameter(place: str, name: str, schema: Schema, required: bool = False) -> Schema:
    return {"in": place, "name": name, "schema": schema, "required": required}


_WRITING = [
    _parameter("header", "Prefer", {"enum": ["respond-async"]}),
    _parameter("header", "X-NetSuite-Idempotency-Key", {"type": "string", "pattern": "^[a-z0-9-]{1,36}$"}),
    _parameter("header", "X-NetSuite-PropertyNameValidation", {"enum": ["Error", "Warning", "Ignore"]}),
]
_REPLACING = _parameter("query", "replace", {"enum": ["line"]})
_IDENTIFIED = _parameter("path", "id", IDENTIFIER, required=True)


def _body(schema: Schema, media_type: str = "application/json") -> Schema:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def _record_paths(kind: str, record: Schema, shown: Schema) -> Schema:
    read = {"200": {"description": "the record", "content": {RESOURCE: {"schema": shown}}}, **_ERRORS}
    deleted = {"204": {"description": "deleted"}, **_ERRORS}
    return {
        f"/services/rest/record/v1/{kind}": {
            "post": {"parameters": [*_WRITING], "requestBody": _body(record), "responses": {**_WRITTEN, **_ERRORS}},
        },
        f"/services/rest/record/v1/{kind}/{{id}}": {
            "get": {"parameters": [_IDENTIFIED, _parameter("query", "expandSubResources", {"enum": ["true", "false"]})], "responses": read},
            "put": {"parameters": [_IDENTIFIED, _REPLACING, *_WRITING], "requestBody": _body(record), "responses": {**_WRITTEN, **_ERRORS}},
            "patch": {"parameters": [_IDENTIFIED, _REPLACING, *_WRITING], "requestBody": _body(record), "responses": {**_WRITTEN, **_ERRORS}},
            "delete": {"parameters": [_IDENTIFIED], "responses": deleted},
        },
    }


def description() -> Schema:
    job = {"200": {"description": "the job", "content": {RESOURCE: {"schema": JOB}}}, **_ERRORS}
    query = {
        "parameters": [
            _parameter("header", "Prefer", {"enum": ["transient"]}, required=True),
            _parameter("query", "limit", {"type": "integer", "minimum": 1, "maximum": 1000}),
            _parameter("query", "offset", {"type": "integer", "minimum": 0, "maximum": 100_000}),
        ],
        "requestBody": _body({"type": "object", "properties": {"q": {"type": "string", "minLength": 1, "maxLength": 200}}, "required": ["q"]}),
        "responses": {"200": {"description": "rows", "content": {RESOURCE: {"schema": SUITEQL_ANSWER}}}, **_ERRORS},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "A stand-in for NetSuite's REST web services", "version": "v1"},
        "paths": {
            **_record_paths("journalEntry", JOURNAL, SHOWN_JOURNAL),
            **_record_paths("customer", CUSTOMER, SHOWN_CUSTOMER),
            "/services/rest/query/v1/suiteql": {"post": query},
            "/services/rest/async/v1/job/{job}": {
                "get": {"parameters": [_parameter("path", "job", {"type": "string", "pattern": "^[0-9]{1,9}$"}, required=True)], "responses": job}
            },
        },
    }
