"""A vocabulary for the stand-ins' own descriptions (OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "maxLength": 5000}
BOOLEAN: Schema = {"type": "boolean"}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": items} | ({"maxItems": most} if most else {})


def taken(required: Sequence[str] = (), /, **properties: Schema) -> Schema:
    """What a request may carry: unknown members are refused."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def shown(kind: str | None = None, optional: Sequence[str] = (), /, **properties: Schema) -> Schema:
    """What an answer holds: every member of it, and no other; ``kind`` is the value of its member ``object``."""
    named = ({"object": {"const": kind}} if kind else {}) | properties
    return {"type": "object", "properties": named, "required": [name for name in named if name not in optional], "additionalProperties": False}


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def answers(by_status: Mapping[int, Schema], media_type: str = "application/json") -> Schema:
    """The member ``responses`` of an operation."""
    return {
        str(status): {"description": "an answer" if status < 300 else "an error", "content": {media_type: {"schema": schema}}}
        for status, schema in by_status.items()
    }


def describe(title: str, version: str, paths: Mapping[str, Mapping[str, Schema]], schemas: Mapping[str, Schema]) -> Schema:
    """The whole description; every operation needs a bearer token."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }
