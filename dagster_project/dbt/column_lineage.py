"""Which columns a column's value is computed from, read out of the compiled SQL of a model. Pure.

Values only: what decides which rows there are (joins, filters, grouping) is no origin of a value; the conditions of a ``case``, and what a window is
ordered and partitioned by, decide a value and are. A constant and a count of rows have no origins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

DIALECT = "duckdb"
Column = tuple[str, str, str]
"""Schema, relation, column; in lower case, as the engine compares them."""
Catalog = Mapping[tuple[str, str], Mapping[str, str]]
"""(Schema, relation) -> column -> type."""


@dataclass(frozen=True, slots=True)
class Origins:
    """``columns``: each column that the query returns, with those that its value comes from; ``unresolved``: those of which that is not known."""

    columns: Mapping[str, tuple[Column, ...]]
    unresolved: tuple[str, ...] = ()


def column_origins(sql: str, catalog: Catalog, returned: Sequence[str]) -> Origins:
    """``catalog``: of the relations that the query reads, so that a star is what it was when the query ran; ``returned``: its columns, in order."""
    try:
        # Compiled SQL names relations with the database, which is the same everywhere.
        query = parse_one(sql, dialect=DIALECT).transform(_without_database)
        qualified = qualify(
            query, dialect=DIALECT, schema=_schema(catalog), validate_qualify_columns=False, quote_identifiers=False, identify=False, sql=sql
        )
        root = build_scope(qualified)
    except (SqlglotError, RecursionError, KeyError, ValueError, AttributeError, TypeError):
        # A query that the engine ran and the parser does not know: its columns are unresolved, and counted as such.
        return Origins({}, tuple(returned))
    if root is None:
        return Origins({}, tuple(returned))
    walk = _Walk()
    found: dict[str, tuple[Column, ...]] = {}
    unresolved: list[str] = []
    for place, name in enumerate(returned):
        at = _place(root, name.lower())
        origins = walk.output(root, place if at is None else at)
        if origins is None:
            unresolved.append(name)
        else:
            found[name] = tuple(sorted(origins))
    return Origins(found, tuple(unresolved))


@dataclass(slots=True)
class _Walk:
    """Memory of what was found, so that a part that many columns and queries read is walked once."""

    known: dict[tuple[int, int], frozenset[Column] | None] = field(default_factory=dict)

    def output(self, scope: Scope, place: int | None) -> frozenset[Column] | None:
        """The origins of the column that a query returns at a place, None if they are not known."""
        if place is None:
            return None
        key = (id(scope), place)
        if key not in self.known:
            # A recursive query reads itself: what it adds to its own beginning has no other origins.
            self.known[key] = frozenset()
            self.known[key] = self._output(scope, place)
        return self.known[key]

    def _output(self, scope: Scope, place: int) -> frozenset[Column] | None:
        if scope.set_operation_scopes:
            if scope.expression.args.get("by_name"):
                name = _names(scope)[place]
                return _all(self.output(part, _place(part, name)) for part in scope.set_operation_scopes if name in _names(part))
            return _all(self.output(part, place) for part in scope.set_operation_scopes)
        projections = _projections(scope)
        if place >= len(projections) or projections[place].is_star:
            return None
        return self._expression(scope, projections[place])

    def _expression(self, scope: Scope, expression: exp.Expr) -> frozenset[Column] | None:
        inner = {id(one.expression): one for one in scope.subquery_scopes}
        found: list[frozenset[Column] | None] = []
        for node in expression.walk(prune=lambda one: id(one) in inner):
            if id(node) in inner:
                # A subquery is worth what it returns.
                found.append(_all(self.output(inner[id(node)], place) for place in range(len(_names(inner[id(node)])))))
            elif isinstance(node, exp.Column) and not _is_lambda_variable(node):
                found.append(self._column(scope, node))
        return _all(found)

    def _column(self, scope: Scope, column: exp.Column) -> frozenset[Column] | None:
        name, around = column.name.lower(), scope
        while column.table not in around.sources:
            # A column of the query around this one, or of what is unnested beside it; without a table, what the parser takes for a name.
            if around.parent is None:
                return self._unnested(scope, column.table) if column.table else None
            around = around.parent
        source = around.sources[column.table]
        if isinstance(source, Scope):
            # A recursive query that reads itself is given a scope of its beginning that knows no sources.
            beginnings = around.parent.set_operation_scopes if around.parent is not None else []
            source = next((one for one in beginnings if one.expression is source.expression), source)
            query = isinstance(source.expression, exp.Query)
            return self.output(source, _place(source, name)) if query else self._table_function(around, source.expression)
        if isinstance(source.this, exp.Func):
            return self._table_function(around, source.this)
        return frozenset({(source.db.lower(), source.name.lower(), name)})

    def _unnested(self, scope: Scope, alias: str) -> frozenset[Column] | None:
        for node in scope.expression.find_all(exp.Unnest, exp.Lateral, exp.Values):
            if node.alias == alias:
                return frozenset() if isinstance(node, exp.Values) else self._table_function(scope, node)
        return None

    def _table_function(self, scope: Scope, expression: exp.Expr) -> frozenset[Column] | None:
        """``unnest(...)``, ``generate_series(...)``, ``values``: each column comes from all of the arguments."""
        found = [self._column(scope, node) for node in expression.find_all(exp.Column) if not _is_lambda_variable(node)]
        return _all(found)


def _all(parts: Iterable[frozenset[Column] | None]) -> frozenset[Column] | None:
    collected: set[Column] = set()
    for part in parts:
        if part is None:
            return None
        collected |= part
    return frozenset(collected)


def _projections(scope: Scope) -> list[Any]:
    return list(getattr(scope.expression, "selects", None) or [])


def _names(scope: Scope) -> list[str]:
    """The names that a query returns; those of a set operation are those of its first part."""
    if scope.set_operation_scopes:
        first = _names(scope.set_operation_scopes[0])
        if scope.expression.args.get("by_name"):
            return list(dict.fromkeys([*first, *(name for part in scope.set_operation_scopes[1:] for name in _names(part))]))
        return first
    return [str(one.alias_or_name).lower() for one in _projections(scope)]


def _place(scope: Scope, name: str) -> int | None:
    names = _names(scope)
    return names.index(name) if name in names else None


def _is_lambda_variable(column: exp.Column) -> bool:
    function = column.find_ancestor(exp.Lambda)
    return function is not None and not column.table and any(one.name == column.name for one in function.expressions)


def _without_database(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Table) and node.args.get("catalog"):
        node.set("catalog", None)
    return node


def _schema(catalog: Catalog) -> MappingSchema:
    mapping: dict[str, Any] = {}
    for (schema, relation), columns in catalog.items():
        mapping.setdefault(schema, {})[relation] = dict(columns)
    return MappingSchema(mapping, dialect=DIALECT, normalize=False)
