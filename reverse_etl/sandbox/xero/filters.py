"""The ``where`` parameter: comparisons of an element's members, joined by AND and OR. A subset of Xero's expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from reverse_etl.sandbox.xero.errors import XeroError, bad_request

Predicate = Callable[[Mapping[str, Any]], bool]
LONGEST = 8000

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<join>&&|\|\|)|(?P<compare>==|!=|>=|<=|=|>|<)|(?P<mark>[().,])'
    r"|(?P<name>[A-Za-z][A-Za-z0-9]*))"
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda ours, theirs: bool(ours == theirs),
    "=": lambda ours, theirs: bool(ours == theirs),
    "!=": lambda ours, theirs: bool(ours != theirs),
    ">": lambda ours, theirs: bool(ours > theirs),
    "<": lambda ours, theirs: bool(ours < theirs),
    ">=": lambda ours, theirs: bool(ours >= theirs),
    "<=": lambda ours, theirs: bool(ours <= theirs),
}
_METHODS: Mapping[str, Callable[[str, str], bool]] = {
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
    "Contains": lambda ours, theirs: theirs in ours,
}


def predicate(text: str, fields: Mapping[str, type]) -> Predicate:
    """What the expression says of an element whose members are ``fields``.

    Raises:
        XeroError: it is no expression, or compares what it cannot.
    """
    if len(text) > LONGEST:
        raise bad_request("The where clause is too long")
    parser = _Parser(text, fields)
    found = parser.either()
    parser.finish()
    return found


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, type]) -> None:
        self._fields = fields
        self._tokens: list[tuple[str, str]] = []
        self._depth = 0
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._error(text[position:][:20])
            self._tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
            position = match.end()

    def either(self) -> Predicate:
        parts = [self._both()]
        while self._takes("join", "||") or self._takes("name", "OR"):
            parts.append(self._both())
        return lambda element: any(part(element) for part in parts)

    def finish(self) -> None:
        if self._tokens:
            raise self._error(self._tokens[0][1])

    def _both(self) -> Predicate:
        parts = [self._one()]
        while self._takes("join", "&&") or self._takes("name", "AND"):
            parts.append(self._one())
        return lambda element: all(part(element) for part in parts)

    def _one(self) -> Predicate:
        if self._takes("mark", "("):
            self._depth += 1
            if self._depth > 50:
                raise self._error("(")
            inner = self.either()
            self._expect("mark", ")")
            self._depth -= 1
            return inner
        name = self._next("name")
        kind = self._fields.get(name)
        if kind is None:
            raise bad_request(f"No property or field '{name}' exists")
        if self._takes("mark", "."):
            method = _METHODS.get(self._next("name"))
            self._expect("mark", "(")
            value = self._value()
            self._expect("mark", ")")
            if method is None or kind is not str or not isinstance(value, str):
                raise self._error(name)
            return lambda element: method(element.get(name) or "", value)
        compare, value = _COMPARISONS[self._next("compare")], self._value()
        if not isinstance(value, kind):
            raise bad_request(f"Operator incompatible with operand types: {name}")
        return lambda element: element.get(name) is not None and compare(element[name], value)

    def _value(self) -> Any:
        group, text = self._tokens.pop(0) if self._tokens else ("", "")
        if group == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if group == "number":
            return Decimal(text)
        if text == "DateTime":
            self._expect("mark", "(")
            numbers = [int(self._next("number"))]
            while self._takes("mark", ","):
                numbers.append(int(self._next("number")))
            self._expect("mark", ")")
            try:
                return date(*numbers[:3])
            except (ValueError, TypeError, OverflowError):
                raise self._error("DateTime") from None
        if text == "Guid":
            self._expect("mark", "(")
            value = self._value()
            self._expect("mark", ")")
            return value
        raise self._error(text)

    def _takes(self, group: str, text: str) -> bool:
        if self._tokens and self._tokens[0][0] == group and self._tokens[0][1].upper() == text.upper():
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, group: str, text: str) -> None:
        if not self._takes(group, text):
            raise self._error(text)

    def _next(self, group: str) -> str:
        if not self._tokens or self._tokens[0][0] != group or (group == "number" and "." in self._tokens[0][1]):
            raise self._error(group)
        return self._tokens.pop(0)[1]

    @staticmethod
    def _error(near: str) -> XeroError:
        return bad_request(f"Syntax error near '{near}'")
