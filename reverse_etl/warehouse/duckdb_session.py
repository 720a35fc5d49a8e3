"""A series of transactions on one DuckDB connection, and how DuckDB spells the JSON that landing needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

EXACT_DIGITS = 15
"""Significant digits that survive a JSON reader that keeps decimals as binary floats, as DuckDB's does."""


class DuckDBJson:
    def lines(self, members: Sequence[str]) -> str:
        paths = "[" + ", ".join(_literal(_path(member)) for member in members) + "]"
        columns = "".join(f", members[{place}] as {_identifier(member)}" for place, member in enumerate(members, start=1))
        origin = "delivered_file, delivered_on, delivered_line, delivered_record"
        return (
            f"select {origin}, delivered_error{columns} from ("
            f"select {origin}, delivered_error, case when delivered_error is null then json_extract_string(delivered_record, {paths}) end as members"
            f" from (select {origin}, {_parse_error(members)} as delivered_error from delivered))"
        )

    def document(self, text: str) -> str:
        return f"case when json_valid({text}) then case when json_type({text}) = 'OBJECT' then cast(json({text}) as varchar) end end"

    def object(self, members: Mapping[str, str]) -> str:
        return "cast(json_object(" + ", ".join(f"{_literal(name)}, {value}" for name, value in members.items()) + ") as varchar)"


class DuckDBTransaction:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def read(self, statement: str, parameters: Sequence[Any] = (), delivered: pa.Table | None = None) -> pa.Table:
        with self._visible(delivered):
            return self._connection.sql(statement, params=list(parameters)).to_arrow_table()

    def write(self, statement: str, parameters: Sequence[Any] = (), delivered: pa.Table | None = None) -> int:
        with self._visible(delivered):
            answer = self._connection.execute(statement, list(parameters)).fetchone()
        return int(answer[0]) if answer else 0

    @contextmanager
    def _visible(self, delivered: pa.Table | None) -> Iterator[None]:
        if delivered is None:
            yield
            return
        self._connection.register("delivered", delivered)
        try:
            yield
        finally:
            self._connection.unregister("delivered")


class DuckDBSession:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @property
    def json(self) -> DuckDBJson:
        return DuckDBJson()

    @contextmanager
    def transaction(self) -> Iterator[DuckDBTransaction]:
        self._connection.begin()
        try:
            yield DuckDBTransaction(self._connection)
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()


def _parse_error(members: Sequence[str]) -> str:
    # The short pattern spares nearly every line the long one.
    bare_decimal, too_long = (_literal(f"{_member_names(members)}{pattern}") for pattern in (_BARE_DECIMAL, _TOO_LONG_DECIMAL))
    return (
        "case when not json_valid(delivered_record) then 'not valid JSON' "
        "when left(ltrim(delivered_record), 1) <> '{' then 'not a JSON object' "
        f"when regexp_matches(delivered_record, {bare_decimal}) then case when regexp_matches(delivered_record, {too_long}) "
        f"then 'a number has more than {EXACT_DIGITS} digits: send it as a string' end end"
    )


_BARE_DECIMAL = "\\s*:\\s*-?[0-9]+\\."
_TOO_LONG_DECIMAL = (
    "\\s*:\\s*-?(?:" + "|".join(f"[0-9]{{{EXACT_DIGITS + 1 - decimals},}}\\.[0-9]{{{decimals}}}" for decimals in range(1, 13)) + ")\\s*[,}]"
)
"""In range by its decimals (12 at most) and yet too long to be read exactly."""


def _member_names(members: Sequence[str]) -> str:
    names = sorted({"quantity", *(member.split(".")[-1] for member in members if member not in _TEXT_ATTRIBUTES)})
    return '"' + (_escaped(names[0]) if len(names) == 1 else "(?:" + "|".join(map(_escaped, names)) + ")") + '"'


_TEXT_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "data")


def _escaped(name: str) -> str:
    return "".join(character if character.isalnum() or character == "_" else f"\\x{{{ord(character):x}}}" for character in name)


def _path(member: str) -> str:
    return "$" + "".join('."' + part.replace('"', '\\"') + '"' for part in member.split("."))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
