"""Members of a JSON object, read with their types: what is unknown is refused, and numbers stay exact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from reverse_etl.sandbox.quickbooks.errors import QuickBooksError, invalid_property, missing_parameter, refused

LARGEST_AMOUNT = Decimal("99999999999.99")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Members:
    """One object; every member has to be read, or be among ``ignored``, before ``finish``."""

    def __init__(self, content: Any, path: str = "") -> None:
        if not isinstance(content, dict):
            raise refused("2030", "Invalid value", f"{path or 'the request'} is no object", path)
        self._content: Mapping[str, Any] = content
        self._path = path
        self._read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return self._content.get(name) is not None

    def value(self, name: str) -> Any:
        self._read.add(name)
        return self._content.get(name)

    def text(self, name: str, longest: int) -> str | None:
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._invalid(name, "must be a string")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise self._invalid(name, "is no Unicode text") from None
        if len(value) > longest:
            raise refused("2050", "Invalid String Length", f"Min:0 Max:{longest} supplied length:{len(value)}", self.name_of(name))
        return value

    def required_text(self, name: str, longest: int) -> str:
        value = self.text(name, longest)
        if not value:
            raise missing_parameter(self.name_of(name))
        return value

    def choice(self, name: str, *allowed: str) -> str:
        value = self.required_text(name, 100)
        if value not in allowed:
            raise refused("2170", "Invalid Enumeration", f"{value} is none of {', '.join(allowed)}", self.name_of(name))
        return value

    def boolean(self, name: str) -> bool | None:
        value = self.value(name)
        if value is not None and not isinstance(value, bool):
            raise self._invalid(name, "must be true or false")
        return value

    def number(self, name: str, decimals: int, largest: Decimal = LARGEST_AMOUNT) -> Decimal | None:
        """Not below zero."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= largest:
            raise self._invalid(name, f"must be a number from 0 to {largest}")
        amount = Decimal(value)
        if amount != amount.quantize(Decimal(1).scaleb(-decimals)):
            raise self._invalid(name, f"has more than {decimals} decimals")
        return amount

    def day(self, name: str) -> date | None:
        value = self.text(name, 30)
        if value is None:
            return None
        try:
            if not _DAY.fullmatch(value):
                raise ValueError(value)
            return date.fromisoformat(value)
        except ValueError:
            raise self._invalid(name, "must be a date (YYYY-MM-DD)") from None

    def reference(self, name: str) -> str | None:
        """The value of ``{"value": ..., "name": ...}``."""
        if name not in self:
            return None
        reference = self.child(name)
        value = reference.required_text("value", 100)
        reference.text("name", 500)
        reference.finish()
        return value

    def child(self, name: str) -> Members:
        return Members(self.value(name), self.name_of(name))

    def children(self, name: str) -> Iterator[Members]:
        value = self.value(name)
        if value is not None and not isinstance(value, list):
            raise self._invalid(name, "must be an array")
        for place, item in enumerate(value or ()):
            yield Members(item, f"{self.name_of(name)}[{place}]")

    def finish(self, *ignored: str) -> None:
        unknown = sorted(set(self._content) - self._read - set(ignored))
        if unknown:
            raise invalid_property(self.name_of(unknown[0]))

    def name_of(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _invalid(self, name: str, detail: str) -> QuickBooksError:
        return refused("2030", "Invalid value", f"{self.name_of(name)} {detail}", self.name_of(name))


def parsed(body: bytes) -> Any:
    """The value of a JSON body with exact numbers; raises QuickBooksError if it is none."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, ArithmeticError):
        raise refused("2030", "Invalid value", "the body is no JSON") from None


def to_json(value: Any) -> str:
    """JSON whose numbers are exact."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(name))}:{to_json(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(to_json, value)) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
