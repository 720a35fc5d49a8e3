"""The file format of cases: a JSON list of objects with id, model, params, usage or events, and period; all numbers are strings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from reverse_etl.errors import ConfigurationError, TieoutError

SCALE = 40
"""More digits before or behind the point than this are no number of a price list."""


class CaseError(TieoutError):
    """A case cannot be rated: it lacks something, contradicts itself, or names a policy that is refused. The others go on."""


class Terms(Mapping[str, Any]):
    """The params of a case; they remember which of them were asked for, so that none is passed over in silence."""

    def __init__(self, terms: Mapping[str, Any]) -> None:
        self._terms = terms
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return self._terms[name]

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return name in self._terms

    def __iter__(self) -> Iterator[str]:
        return iter(self._terms)

    def __len__(self) -> int:
        return len(self._terms)

    def unread(self) -> list[str]:
        """What says something and was never asked for."""
        return [name for name, value in self._terms.items() if name not in self._read and value is not None]


@dataclass(frozen=True, slots=True)
class Case:
    """``params`` are the terms of the plan; ``usage`` is a quantity or an object of quantities; ``events`` are single events;
    ``expected`` only says which keys the answer should have."""

    id: str
    model: str
    params: Terms = field(default_factory=lambda: Terms({}))
    usage: Any = None
    events: Sequence[Mapping[str, Any]] | None = None
    period: Mapping[str, str] | None = None
    expected: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.params, Terms):
            object.__setattr__(self, "params", Terms(self.params))

    def parameter(self, name: str) -> Any:
        """Raises ``CaseError`` if the case lacks it."""
        if self.params.get(name) is None:
            raise CaseError(f"params lacks {name!r}, which the model {self.model} needs")
        return self.params[name]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """Either a result (numbers as strings) or the reason why there is none."""

    id: str
    result: Mapping[str, Any] | None
    error: str | None = None


def read_cases(path: Path) -> list[Case | CaseResult]:
    """The cases of a file; an object that is no case is answered at once.

    Raises:
        ConfigurationError: the file cannot be read, or is not a JSON list.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (OSError, ArithmeticError, RecursionError, ValueError) as error:
        raise ConfigurationError(f"{path}: not readable as JSON: {error}") from error
    if not isinstance(content, list):
        raise ConfigurationError(f"{path}: expected a JSON list of cases")
    return [_case(position, entry) for position, entry in enumerate(content)]


def write_results(path: Path, results: Sequence[CaseResult]) -> None:
    path.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")


def decimal_of(value: Any, name: str) -> Decimal:
    """Raises ``CaseError`` unless the value is a finite decimal number."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or isinstance(value, bool | float):
        raise CaseError(f"{name} is not a decimal number written as a string: {value!r}")
    if number and not -SCALE <= int(number.as_tuple().exponent) <= number.adjusted() < SCALE:
        raise CaseError(f"{name} has too many digits: {value!r}")
    return number


def plain(number: Decimal) -> str:
    """A number without exponent and without trailing zeros."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _case(position: int, entry: Any) -> Case | CaseResult:
    if not isinstance(entry, dict):
        return CaseResult(f"#{position}", None, "a case is a JSON object")
    case_id = f"#{position}" if entry.get("id") is None else str(entry["id"])
    if not isinstance(entry.get("model"), str):
        return CaseResult(case_id, None, "the case names no model")
    for name, kind in (("params", dict), ("period", dict), ("expected", dict), ("events", list)):
        if not isinstance(entry.get(name) or kind(), kind):
            return CaseResult(case_id, None, f"{name} is no {'list' if kind is list else 'object'}")
    if not all(isinstance(event, dict) for event in entry.get("events") or ()):
        return CaseResult(case_id, None, "an event is no object")
    terms = Terms(entry.get("params") or {})
    return Case(case_id, entry["model"], terms, entry.get("usage"), entry.get("events"), entry.get("period") or None, entry.get("expected"))
