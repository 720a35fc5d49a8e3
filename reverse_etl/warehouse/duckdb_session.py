"""A series of transactions on one DuckDB connection, and how DuckDB spells the JSON that landing needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
import pyarrow as pa

from reverse_etl.warehouse.port import Delivered, ParquetRows, UnsoundParquetError


class DuckDBJson:
    def lines(self, members: Sequence[str]) -> str:
        paths = "[" + ", ".join(_literal(_path(member)) for member in members) + "]"
        columns = "".join(f", members[{place}] as {_identifier(member)}" for place, member in enumerate(members, start=1))
        origin = "delivered_file, delivered_on, delivered_line, delivered_record"
        names = _member_names(members)
        return (
            f"select {origin}, delivered_error{columns} from ("
            f"select {origin}, delivered_error, case when delivered_error is null then json_extract_string(delivered_text, {paths}) end as members"
            f" from (select {origin}, delivered_text, {_parse_error('delivered_text', names)} as delivered_error"
            f" from (select {origin}, {_with_exact_numbers('delivered_record', names)} as delivered_text from delivered)))"
        )

    def document(self, text: str) -> str:
        exact = _with_exact_numbers(text, _member_names(()))
        # Nearly every document is flat and compact already: told by one look, without parsing it.
        compact = f"regexp_full_match({text}, {_literal(_COMPACT_OBJECT)})"
        parsed = f"case when json_type({text}) = 'OBJECT' then cast(json({exact}) as varchar) end"
        return f"case when {compact} then {text} when json_valid({text}) then {parsed} end"

    def object(self, members: Mapping[str, str]) -> str:
        return "cast(json_object(" + ", ".join(f"{_literal(name)}, {value}" for name, value in members.items()) + ") as varchar)"


class DuckDBTransaction:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def read(self, statement: str, parameters: Sequence[Any] = (), delivered: Delivered | None = None) -> pa.Table:
        with self._visible(delivered):
            return self._connection.sql(statement, params=list(parameters)).to_arrow_table()

    def write(self, statement: str, parameters: Sequence[Any] = (), delivered: Delivered | None = None) -> int:
        with self._visible(delivered):
            answer = self._connection.execute(statement, list(parameters)).fetchone()
        return int(answer[0]) if answer else 0

    @contextmanager
    def _visible(self, delivered: Delivered | None) -> Iterator[None]:
        if delivered is None:
            yield
            return
        if isinstance(delivered, ParquetRows):
            try:
                self._connection.execute(f"create or replace temp view delivered as {_parquet_query(delivered)}")
                yield
            except duckdb.Error as error:
                raise UnsoundParquetError(str(error).splitlines()[0]) from error
            self._connection.execute("drop view delivered")
            return
        self._connection.register("delivered", delivered)
        try:
            yield
        except BaseException:
            # The transaction may be aborted already; what went wrong first is what must be told.
            with suppress(duckdb.Error):
                self._connection.unregister("delivered")
            raise
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


def _parquet_query(rows: ParquetRows) -> str:
    # One scan of all files keeps every processor busy, where a scan per file keeps one.
    paths = ", ".join(_literal(str(file.path)) for file in rows.files)
    origins = ", ".join(f"({_literal(str(file.path))}, {_literal(file.file_name)}, date '{file.landed_on.isoformat()}')" for file in rows.files)
    return (
        "select * exclude (delivered_path, file_row_number), file_row_number + 1 as delivered_line"
        f" from read_parquet([{paths}], filename = 'delivered_path', file_row_number = true)"
        f" inner join (values {origins}) as origins (delivered_path, delivered_file, delivered_on) using (delivered_path)"
    )


def _with_exact_numbers(text: str, names: str) -> str:
    """The JSON text with the decimal numbers of these members as strings: DuckDB reads them as binary floats and prints 0.0000001 as 1e-7.

    A member's name ends in a quotation mark without a backslash, so that nothing inside a string looks like one.
    """
    plain, small, fragile = (_literal(f"({names}\\s*:\\s*){pattern}") for pattern in (_PLAIN_DECIMAL, _EXPONENT, _FRAGILE_NUMBER))
    quoted = f"regexp_replace({text}, {plain}, '\\1\"\\2\"\\3', 'g')"
    value = f"cast(cast(nullif(regexp_extract({text}, {small}, 2), '') as decimal(38, 25)) as varchar)"
    return (
        f"case when not regexp_matches({text}, {fragile}) then {text} when not regexp_matches({text}, {small}) then {quoted} "
        f"else regexp_replace({quoted}, {small}, '\\1\"' || {value} || '\"\\3') end"
    )


def _parse_error(text: str, names: str) -> str:
    fragile = _literal(f"{names}\\s*:\\s*{_FRAGILE_NUMBER}")
    return (
        f"case when not json_valid({text}) then 'not valid JSON' "
        f"when left(ltrim({text}), 1) <> '{{' then 'not a JSON object' "
        f"when regexp_matches({text}, {fragile}) then 'a number cannot be kept to its last digit: send it as a string' end"
    )


_MEMBER = '"[^"\\\\\\x00-\\x1f]*":("[^"\\\\\\x00-\\x1f]*"|-?[1-9][0-9]{0,17}|0|true|false|null)'
_COMPACT_OBJECT = f"\\{{({_MEMBER}(,{_MEMBER})*)?\\}}"
_FRAGILE_NUMBER = "-?[0-9]+[.eE]"
_PLAIN_DECIMAL = "(-?[0-9]+\\.[0-9]+)(\\s*[,}])"
_EXPONENT = "(-?[0-9]{1,4}(?:\\.[0-9]{1,13})?[eE](?:-0?[0-9]|-1[0-2]|\\+?0?[0-9]))(\\s*[,}])"
"""What a decimal of 38 digits, 25 of them behind the point, holds exactly."""


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
