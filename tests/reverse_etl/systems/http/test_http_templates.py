"""Templates give values, so that nothing a document holds changes the structure of a request, and every amount is exact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverse_etl.systems.http.templates import MISSING, TemplateError, at_path, compiled
from reverse_etl.transport import read_json, write_json

SCOPE: dict[str, Any] = {
    "payload": {"name": "Aurora", "minor": -5, "exponent": 2, "tags": ["a", "b"], "nothing": None, "yes": True, "amount": "119.10"},
    "line": {"side": "debit"},
    "lines": [{"key": "1", "debit": "1.00"}, {"key": "2", "debit": None}],
    "accounts": lambda account: f"A{account}",
}
ROOTS = frozenset(SCOPE)


def value(template: Any, scope: dict[str, Any] = SCOPE) -> Any:
    return compiled(template, "body", ROOTS).value(scope)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("{{not a path}}", "{not a path}"),
        ("{payload.name}", "Aurora"),
        ("{payload.name} & co", "Aurora & co"),
        ("{payload.minor}", -5),
        ("{payload.minor|decimal(2)}", "-0.05"),
        ("{payload.minor|decimal(payload.exponent)}", "-0.05"),
        ("{payload.minor|decimal(2)|number}", Decimal("-0.05")),
        ("{payload.minor|negate}", 5),
        ("{payload.amount|negate|text}", "-119.10"),
        ("{payload.minor|text}", "-5"),
        ("{payload.tags|join(; )}", "a; b"),
        ("{payload.tags}", ["a", "b"]),
        ("{payload.tags.1|upper}", "B"),
        ("{payload.name|cut(3)|lower}", "aur"),
        ("{payload.nothing|default(none)}", "none"),
        ("{payload.absent|default}", ""),
        ("{payload.absent|upper|default(x)}", "x"),
        ("x{payload.absent|optional}y", "xy"),
        ("{payload.yes} {payload.minor}", "true -5"),
        ("{payload.name|account}", "AAurora"),
        ({"a": "{payload.absent|optional}", "b": 1, "c": None}, {"b": 1, "c": None}),
        (["{payload.absent|optional}", True], [True]),
        ({"$each": "lines", "$as": "line", "$do": {"n": "{number}", "k": "{line.key}"}}, [{"n": 1, "k": "1"}, {"n": 2, "k": "2"}]),
        ({"$each": "lines", "$do": {"$if": "item.debit", "$then": "{item.debit}"}}, ["1.00"]),
        ({"$if": "payload.absent", "$then": 1, "$else": 2}, 2),
        ({"d": {"$if": "payload.absent", "$then": 1}}, {}),
        ({"$choose": "line.side", "$of": {"debit": "S", "credit": "H"}}, "S"),
        ({"$choose": "payload.minor", "$of": {"-5": "five"}, "$else": "other"}, "five"),
        ({"$choose": "payload.absent", "$of": {"x": 1}, "$else": "other"}, "other"),
    ],
)
def test_a_template_gives(template: Any, expected: Any) -> None:
    found = value(template)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{secret.key}", r"body: 'secret.key' does not begin with one of accounts, line, lines, payload"),
        ("{payload.name|exec}", r"body: no filter \|exec; there are account, cut, "),
        ("{payload.__class__.x()}", "is no path with filters"),
        ("{payload.name", "a single {"),
        ("}", "a single }"),
        ({"a": [{"b": 1.5}]}, r"body\.a\[0\]\.b: 1\.5 is a binary floating point number"),
        ({"$each": "lines"}, r"\$each needs \$do"),
        ({"$each": "other", "$do": 1}, r"body\.\$each: 'other' does not begin"),
        ({"$if": "payload", "$of": 1}, "do not go together"),
        ({"$eval": "x"}, "do not go together"),
        ({"$choose": "payload.name"}, r"\$choose needs \$of"),
        ({1: 2}, "member names must be text; put quotes around 1"),
        ({"a": object()}, r"body\.a: a object is no JSON value"),
    ],
)
def test_a_wrong_template_is_refused_with_its_place(template: Any, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        compiled(template, "body", ROOTS)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"x": "{payload.absent}"}, r"body\.x: the document holds no payload\.absent \(write {payload\.absent\|optional}"),
        ("{payload.nothing}", r"the document holds no payload\.nothing"),
        ("{payload.name|decimal(2)}", r"\|decimal does not take: it is no whole number"),
        ("{payload.minor|decimal}", "needs the number of decimals"),
        ("{payload.name|number}", r"\|number does not take"),
        ("{payload.amount|integer}", "it has a fraction"),
        ("{payload.yes|number}", "it is no exact number"),
        ("a {payload.tags}", "a list has no text"),
        ({"$each": "payload.name", "$do": 1}, r"payload\.name is no list"),
    ],
)
def test_what_a_document_does_not_hold_is_named(template: Any, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        value(template)


@given(st.text())
def test_no_value_gets_out_of_its_place(name: str) -> None:
    template = {"a": "{payload.name}", "b": "x {payload.name} y", "c": [{"{payload.name}": "{payload.name|cut(5)}"}]}
    found = json.loads(write_json(value(template, {**SCOPE, "payload": {"name": name}})))
    assert found == {"a": name, "b": f"x {name} y", "c": [{"{payload.name}": name[:5]}]}


@given(st.integers(min_value=-(2**62), max_value=2**62), st.integers(min_value=0, max_value=4))
def test_amounts_are_exact_as_text_and_as_number(minor: int, exponent: int) -> None:
    scope = {**SCOPE, "payload": {"minor": minor, "exponent": exponent}}
    written = write_json(value(["{payload.minor|decimal(payload.exponent)}", "{payload.minor|decimal(payload.exponent)|number}"], scope))
    text, number = read_json(written)
    assert Decimal(text) == number == Decimal(minor).scaleb(-exponent)
    assert str(text).encode() in written.split(b",")[1] or exponent == 0


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.text(min_size=1))
def test_any_path_of_any_value_can_be_asked_for(content: Any, path: str) -> None:
    at_path(content, path)


def test_a_path_that_leads_nowhere_is_missing_not_null() -> None:
    assert at_path({"a": None}, "a") is None
    assert at_path({"a": [1]}, "a.0") == 1
    assert {at_path({"a": [1]}, path) for path in ("b", "a.1", "a.-1", "a.0.c", "")} == {MISSING}
