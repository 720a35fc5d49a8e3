"""Templates of requests: JSON (written as YAML) with ``{path|filter}`` placeholders. Pure.

A template is compiled once and gives values, never text, so that nothing a document holds can change the structure of a request: strings are escaped
when the whole is written, and amounts are integers, exact decimal text or exact decimal numbers, never binary floating point.

- ``"{payload.source_number}"`` alone is the value itself, in a text it is the value's text. ``{{`` and ``}}`` stand for braces.
- ``{$each: entry.lines, $as: line, $do: TEMPLATE}`` is a list.
- ``{$if: PATH, $then: TEMPLATE, $else: TEMPLATE}``: without ``$else`` the member is left out.
- ``{$choose: PATH, $of: {debit: TEMPLATE, credit: TEMPLATE}, $else: TEMPLATE}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import Any, Protocol

from reverse_etl.systems.journal_entries import exact_decimal

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_EXPRESSION = re.compile(r"([A-Za-z_][\w-]*(?:\.[\w-]+)*)((?:\|[a-z_]+(?:\([^()|]*\))?)*)")
_FILTER = re.compile(r"\|([a-z_]+)(?:\(([^()|]*)\))?")
_STRUCTURES = {"$each": {"$each", "$as", "$do"}, "$if": {"$if", "$then", "$else"}, "$choose": {"$choose", "$of", "$else"}}


class TemplateError(Exception):
    """A template is wrong, or a document does not hold what it names; the message says where."""


class _Omitted:
    """The value of a member that is left out."""


OMITTED = _Omitted()
Scope = Mapping[str, Any]


class Template(Protocol):
    def value(self, scope: Scope) -> Any:
        """What the template makes of a scope. Raises ``TemplateError``."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    content: Any

    def value(self, scope: Scope) -> Any:
        return self.content


@dataclass(frozen=True, slots=True)
class Placeholder:
    path: str
    filters: tuple[tuple[str, str | None], ...]
    where: str

    def value(self, scope: Scope) -> Any:
        found = at_path(scope, self.path)
        try:
            for name, argument in self.filters:
                found = FILTERS[name](found, argument, scope)
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise TemplateError(f"{self.where}: {{{self.path}}} is {str(found)[:60]!r}, which |{name} does not take: {error}") from error
        if found is MISSING or found is None:
            raise TemplateError(f"{self.where}: the document holds no {self.path} (write {{{self.path}|optional}} or |default(...) if it need not)")
        return found

    @property
    def may_be_absent(self) -> bool:
        return any(name in ("default", "optional") for name, _ in self.filters)


@dataclass(frozen=True, slots=True)
class Text:
    parts: tuple[str | Placeholder, ...]
    where: str

    def value(self, scope: Scope) -> Any:
        values = [part if isinstance(part, str) else part.value(scope) for part in self.parts]
        try:
            return "".join("" if value is OMITTED else text_of(value) for value in values)
        except TypeError as error:
            raise TemplateError(f"{self.where}: {error}") from error


@dataclass(frozen=True, slots=True)
class Members:
    members: tuple[tuple[str, Template], ...]

    def value(self, scope: Scope) -> Any:
        return {name: value for name, template in self.members if (value := template.value(scope)) is not OMITTED}


@dataclass(frozen=True, slots=True)
class Elements:
    elements: tuple[Template, ...]

    def value(self, scope: Scope) -> Any:
        return [value for template in self.elements if (value := template.value(scope)) is not OMITTED]


@dataclass(frozen=True, slots=True)
class Each:
    path: str
    name: str
    body: Template
    where: str

    def value(self, scope: Scope) -> Any:
        items = at_path(scope, self.path)
        if not isinstance(items, Sequence) or isinstance(items, str | bytes):
            raise TemplateError(f"{self.where}: {self.path} is no list")
        values = (self.body.value({**scope, self.name: item, "number": number}) for number, item in enumerate(items, 1))
        return [value for value in values if value is not OMITTED]


@dataclass(frozen=True, slots=True)
class Choice:
    path: str
    of: Mapping[str, Template]
    otherwise: Template
    where: str

    def value(self, scope: Scope) -> Any:
        found = at_path(scope, self.path)
        chosen = self.of.get("" if found is MISSING or found is None else text_of(found), self.otherwise)
        return chosen.value(scope)


@dataclass(frozen=True, slots=True)
class Condition:
    path: str
    then: Template
    otherwise: Template

    def value(self, scope: Scope) -> Any:
        found = at_path(scope, self.path)
        return (self.then if found is not MISSING and found else self.otherwise).value(scope)


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


def compiled(source: Any, where: str, roots: frozenset[str]) -> Template:
    """The template of a YAML value; ``where`` names it in messages, ``roots`` are the names that paths may begin with.

    Raises:
        TemplateError: it is no template.
    """
    if isinstance(source, str):
        return _text(source, where, roots)
    if isinstance(source, float):
        raise TemplateError(f"{where}: {source} is a binary floating point number; write it as text, or without a fraction")
    if source is None or isinstance(source, bool | int):
        return Constant(source)
    if isinstance(source, list):
        return Elements(tuple(compiled(item, f"{where}[{number}]", roots) for number, item in enumerate(source)))
    if not isinstance(source, Mapping):
        raise TemplateError(f"{where}: a {type(source).__name__} is no JSON value; write it as text")
    if any(not isinstance(name, str) for name in source):
        raise TemplateError(f"{where}: member names must be text; put quotes around {next(n for n in source if not isinstance(n, str))!r}")
    if any(name.startswith("$") for name in source):
        return _structure(source, where, roots)
    return Members(tuple((name, compiled(item, f"{where}.{name}", roots)) for name, item in source.items()))


def placeholders(template: Any) -> Iterator[Placeholder]:
    """Every placeholder in a compiled template, or in a collection of them."""
    if isinstance(template, Placeholder):
        yield template
    elif isinstance(template, Mapping):
        yield from placeholders(list(template.values()))
    elif isinstance(template, list | tuple):
        for part in template:
            yield from placeholders(part)
    elif is_dataclass(template):
        yield from placeholders([getattr(template, field.name) for field in fields(template)])


def at_path(content: Any, path: str) -> Any:
    """The value at a dotted path (``data.items.0.id``; ``.`` is the content itself), ``MISSING`` where there is none. Total."""
    if path == ".":
        return content
    for part in path.split("."):
        if isinstance(content, Mapping) and part in content:
            content = content[part]
        elif isinstance(content, list | tuple) and part.isdecimal() and len(part) < 10 and int(part) < len(content):
            content = content[int(part)]
        else:
            return MISSING
    return content


def text_of(value: Any) -> str:
    """A scalar as text: numbers with their exact digits.

    Raises:
        TypeError: it is a list or an object.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str | int):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no text")


def _structure(source: Mapping[str, Any], where: str, roots: frozenset[str]) -> Template:
    kind = next((name for name in _STRUCTURES if name in source), None)
    if kind is None or not set(source) <= _STRUCTURES[kind]:
        allowed = "; ".join(", ".join(sorted(names)) for names in _STRUCTURES.values())
        raise TemplateError(f"{where}: {', '.join(map(str, source))} do not go together; there are {allowed}")
    path = _path(source[kind], f"{where}.{kind}", roots)

    def part(name: str, scope: frozenset[str] = roots) -> Template:
        return compiled(source[name], f"{where}.{name}", scope) if name in source else Constant(OMITTED)

    if kind == "$each":
        name = source.get("$as", "item")
        if "$do" not in source or not isinstance(name, str) or not name.isidentifier():
            raise TemplateError(f"{where}: $each needs $do, and $as a name")
        return Each(path, name, part("$do", roots | {name, "number"}), where)
    if kind == "$if":
        if "$then" not in source:
            raise TemplateError(f"{where}: $if needs $then")
        return Condition(path, part("$then"), part("$else"))
    if not isinstance(source.get("$of"), Mapping):
        raise TemplateError(f"{where}: $choose needs $of, a template by value")
    of = {str(value): compiled(item, f"{where}.$of.{value}", roots) for value, item in source["$of"].items()}
    return Choice(path, of, part("$else"), where)


def _text(source: str, where: str, roots: frozenset[str]) -> Template:
    parts: list[str | Placeholder] = []
    position = 0
    for match in _PLACEHOLDER.finditer(source):
        parts.append(source[position : match.start()])
        position = match.end()
        if match.group() in ("{{", "}}"):
            parts.append(match.group()[0])
        elif match.group(1) is None:
            raise TemplateError(f"{where}: a single {match.group()} in {source!r}; write {{{{ or }}}} for a brace")
        else:
            parts.append(_placeholder(match.group(1), where, roots))
    parts.append(source[position:])
    kept = tuple(part for part in parts if part != "")
    if len(kept) == 1 and isinstance(kept[0], Placeholder):
        return kept[0]
    if all(isinstance(part, str) for part in kept):
        return Constant("".join(part for part in kept if isinstance(part, str)))
    return Text(kept, where)


def _placeholder(source: str, where: str, roots: frozenset[str]) -> Placeholder:
    match = _EXPRESSION.fullmatch(source)
    if match is None:
        raise TemplateError(f"{where}: {{{source}}} is no path with filters, such as {{payload.name|cut(40)}}")
    filters = tuple((name, argument or None) for name, argument in _FILTER.findall(match.group(2)))
    for name, _ in filters:
        if name not in FILTERS:
            raise TemplateError(f"{where}: no filter |{name}; there are {', '.join(sorted(FILTERS))}")
    return Placeholder(_path(match.group(1), where, roots), filters, where)


def _path(path: Any, where: str, roots: frozenset[str]) -> str:
    if not isinstance(path, str) or path.partition(".")[0] not in roots:
        raise TemplateError(f"{where}: {path!r} does not begin with one of {', '.join(sorted(roots))}")
    return path


# Filters: (value, argument, scope) -> value. A value that is not there stays so except for ``default`` and ``optional``.

Filter = Callable[[Any, str | None, Scope], Any]


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("it is no whole number")
    return int(value)


def _exponent(argument: str | None, scope: Scope) -> int:
    if argument is None:
        raise ValueError("it needs the number of decimals, or the path of it")
    return int(argument) if argument.isdecimal() else _whole(at_path(scope, argument))


def _present(transform: Filter) -> Filter:
    def filter_(value: Any, argument: str | None, scope: Scope) -> Any:
        return value if value is MISSING or value is None or value is OMITTED else transform(value, argument, scope)

    return filter_


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise TypeError("it is no exact number")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("it is no number")
    return number


def _integer(value: Any) -> int:
    number = _number(value)
    whole = int(number)
    if number != whole:
        raise ValueError("it has a fraction")
    return whole


def _account(value: Any, _: str | None, scope: Scope) -> Any:
    return scope["accounts"](text_of(value))


def _remote_id(value: Any, argument: str | None, scope: Scope) -> Any:
    return scope["dependencies"](argument, text_of(value))


FILTERS: Mapping[str, Filter] = {
    "decimal": _present(lambda value, argument, scope: exact_decimal(_whole(value), _exponent(argument, scope))),
    "number": _present(lambda value, argument, scope: _number(value)),
    "negate": _present(lambda value, argument, scope: -_number(value) if not isinstance(value, int) else -_whole(value)),
    "integer": _present(lambda value, argument, scope: _integer(value)),
    "text": _present(lambda value, argument, scope: text_of(value)),
    "cut": _present(lambda value, argument, scope: text_of(value)[: int(argument or "")]),
    "upper": _present(lambda value, argument, scope: text_of(value).upper()),
    "lower": _present(lambda value, argument, scope: text_of(value).lower()),
    "join": _present(lambda value, argument, scope: (argument or ",").join(text_of(item) for item in value)),
    "account": _present(_account),
    "remote_id": _present(_remote_id),
    "default": lambda value, argument, scope: (argument or "") if value is MISSING or value is None else value,
    "optional": lambda value, argument, scope: OMITTED if value is MISSING or value is None else value,
}
