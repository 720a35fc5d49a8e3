"""Reads the values of a request's record, refusing what NetSuite's value validation refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from reverse_etl.sandbox.netsuite.errors import invalid_content, invalid_value
from reverse_etl.sandbox.netsuite.store import Row, Store

LARGEST_AMOUNT = Decimal(10) ** 15
EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def text(record: Mapping[str, Any], name: str, longest: int, path: str = "") -> str | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > longest or "\x00" in value or not _is_unicode(value):
        raise invalid_content(f"Invalid value for the property {name}: a text of at most {longest} characters is expected.", path + name)
    return value


def boolean(record: Mapping[str, Any], name: str) -> bool | None:
    value = record.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid_content(f"Invalid value for the property {name}: true or false is expected.", name)
    return value


def number(record: Mapping[str, Any], name: str, decimals: int, path: str = "") -> Decimal | None:
    """An exact number with at most so many decimals."""
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise invalid_content(f"Invalid value for the property {name}: a number is expected.", path + name)
    # The bound comes first: what lies beyond it may be too large to be counted.
    found = Decimal(value)
    if abs(found) >= LARGEST_AMOUNT or (found and found.adjusted() < -12) or found != found.quantize(Decimal(1).scaleb(-decimals)):
        raise invalid_content(f"Invalid value for the property {name}: at most {decimals} decimals below {LARGEST_AMOUNT} are expected.", path + name)
    return found


def day(record: Mapping[str, Any], name: str) -> date | None:
    value = record.get(name)
    if value is None:
        return None
    try:
        # A date and time is taken for its date.
        return date.fromisoformat(value[:10]) if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}(T|$)", value) else _no_day(value)
    except ValueError:
        raise invalid_content(f"Invalid value for the property {name}: a date such as 2026-01-31 is expected.", name) from None


def external_id(record: Mapping[str, Any]) -> str | None:
    value = text(record, "externalId", 100)
    if value is not None and not EXTERNAL_ID.fullmatch(value):
        raise invalid_content("An external ID holds letters, numbers, underscores and hyphens.", "externalId")
    return value


def reference(store: Store, record: Mapping[str, Any], name: str, table: str, path: str = "") -> Row | None:
    """The record that a reference (``{"id": ...}`` or ``{"externalId": ...}``) names, None where there is no reference."""
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, Mapping) or not ({"id", "externalId"} & set(value)):
        raise invalid_content(f"Invalid value for the property {name}: a reference with an id is expected.", path + name)
    given = value.get("id") if value.get("id") is not None else f"eid:{value.get('externalId')}"
    # Other tables have no external ids.
    has_external_id = table in ("account", "customer", "subsidiary")
    found = store.find(table, given) if isinstance(given, str | int) and (has_external_id or not str(given).startswith("eid:")) else None
    if found is None:
        raise invalid_value(given, name, path + name)
    return found


def _no_day(value: object) -> date:
    raise ValueError(f"{value!r} is no date")


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)
