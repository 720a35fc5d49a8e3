"""Parameters the way Stripe reads them: deep-object brackets (``lines[0][period][start]=1``), typed, with its messages, nothing unknown allowed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl

from reverse_etl.sandbox.stripe.errors import invalid_parameter

Value = str | dict[str, "Value"] | list["Value"]

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")
DEEPEST = 8

LARGEST_AMOUNT = 999_999_999_999
MOST_DECIMALS = 12
_INTEGER = re.compile(r"^-?\d{1,18}$", re.ASCII)


class Parameters:
    """One object of parameters. Every name must be read; ``finish`` refuses the ones that were not."""

    def __init__(self, values: dict[str, Value], path: str = "") -> None:
        self._values = values
        self._path = path
        self._read: set[str] = set()
        self._children: list[Parameters] = []

    def name_of(self, name: str) -> str:
        return f"{self._path}[{name}]" if self._path else name

    def has(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, longest: int = 5000) -> str | None:
        """A string, None if absent or empty (Stripe unsets with the empty string)."""
        value = self._take(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid_parameter("Invalid string: {...}", self.name_of(name))
        if len(value) > longest:
            raise invalid_parameter(f"Invalid string: must be at most {longest} characters", self.name_of(name))
        return value

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self._absent(name)
        return value

    def texts(self, name: str) -> list[str]:
        value = self._take(name)
        if value is None or value == "":
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid_parameter("Invalid array", self.name_of(name))
        return [str(item) for item in value]

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in allowed:
            raise invalid_parameter(f"Invalid {name}: must be one of {', '.join(allowed)}", self.name_of(name))
        return value

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.match(value):
            raise invalid_parameter(f"Invalid integer: {value}", self.name_of(name), "parameter_invalid_integer")
        if abs(int(value)) > LARGEST_AMOUNT:
            raise invalid_parameter(f"Invalid integer: {value} is too large", self.name_of(name), "amount_too_large")
        return int(value)

    def required_integer(self, name: str) -> int:
        value = self.integer(name)
        if value is None:
            raise self._absent(name)
        return value

    def boolean(self, name: str, default: bool = False) -> bool:
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise invalid_parameter(f"Invalid boolean: {value}", self.name_of(name))
        return default if value is None else value == "true"

    def percentage(self, name: str) -> str:
        value = self.required_text(name)
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal(-1)
        exponent = number.normalize().as_tuple().exponent
        if not number.is_finite() or not 0 <= number <= 100 or not isinstance(exponent, int) or exponent < -4:
            raise invalid_parameter(f"Invalid decimal: {value}; must be 0..100 with at most 4 decimal places", self.name_of(name))
        return format(number.normalize(), "f")

    def decimal(self, name: str) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal(-1)
        exponent = amount.as_tuple().exponent
        if not amount.is_finite() or not 0 <= amount <= LARGEST_AMOUNT or not isinstance(exponent, int) or exponent < -MOST_DECIMALS:
            raise invalid_parameter(f"Invalid decimal: {value}; not below zero, at most {MOST_DECIMALS} decimal places", self.name_of(name))
        return format(amount, "f")

    def metadata(self, name: str = "metadata") -> dict[str, str]:
        """At most 50 keys of at most 40 characters, values of at most 500; an empty value unsets its key."""
        value = self._take(name)
        if value is None or value == "":
            return {}
        if not isinstance(value, dict):
            raise invalid_parameter("Invalid object", self.name_of(name))
        result: dict[str, str] = {}
        for key, item in value.items():
            if not isinstance(item, str):
                raise invalid_parameter("Metadata values must be strings", f"{self.name_of(name)}[{key}]")
            if len(key) > 40 or len(item) > 500:
                raise invalid_parameter("Metadata keys have at most 40 characters, values at most 500", f"{self.name_of(name)}[{key}]")
            result[key] = item
        if len(result) > 50:
            raise invalid_parameter("Metadata has at most 50 keys", self.name_of(name))
        return result

    def child(self, name: str) -> Parameters | None:
        value = self._take(name)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise invalid_parameter("Invalid object", self.name_of(name))
        return self._adopt(value, self.name_of(name))

    def children(self, name: str) -> list[Parameters]:
        value = self._take(name)
        if value is None or value == "":
            return []
        if not isinstance(value, list):
            raise invalid_parameter("Invalid array", self.name_of(name))
        result = []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise invalid_parameter("Invalid object", f"{self.name_of(name)}[{index}]")
            result.append(self._adopt(item, f"{self.name_of(name)}[{index}]"))
        return result

    def finish(self) -> None:
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            raise invalid_parameter(f"Received unknown parameter: {self.name_of(unknown[0])}", self.name_of(unknown[0]), "parameter_unknown")
        for child in self._children:
            child.finish()

    def _adopt(self, values: dict[str, Value], path: str) -> Parameters:
        child = Parameters(values, path)
        self._children.append(child)
        return child

    def _take(self, name: str) -> Value | None:
        self._read.add(name)
        return self._values.get(name)

    def _absent(self, name: str) -> Exception:
        return invalid_parameter(f"Missing required param: {self.name_of(name)}.", self.name_of(name), "parameter_missing")


def decode_form(text: str) -> dict[str, Value]:
    """The nested values of a form; members whose names are all numbers become lists in numeric order.

    Raises:
        StripeError: a key is malformed or contradicts another.
    """
    root: dict[str, Value] = {}
    for key, value in parse_qsl(text, keep_blank_values=True, errors="strict"):
        match = _KEY.match(key)
        if match is None:
            raise invalid_parameter(f"Received malformed parameter: {key}", key)
        parts = [match[1], *_PART.findall(match[2])]
        if len(parts) > DEEPEST:
            raise invalid_parameter(f"Received too deeply nested parameter: {key}", key)
        _place(root, parts, value, key)
    return {name: _with_lists(value) for name, value in root.items()}


def _place(container: dict[str, Value], parts: list[str], value: str, key: str) -> None:
    for part in parts[:-1]:
        inner = container.setdefault(part or str(len(container)), {})
        if not isinstance(inner, dict):
            raise invalid_parameter(f"Invalid parameter: {key} is both a value and an object", key)
        container = inner
    last = parts[-1] or str(len(container))
    if isinstance(container.get(last), dict):
        raise invalid_parameter(f"Invalid parameter: {key} is both a value and an object", key)
    container[last] = value


def _with_lists(value: Value) -> Value:
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_with_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _with_lists(inner) for name, inner in value.items()}
