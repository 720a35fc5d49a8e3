"""A mapping as SQL over the rows of a file; everything an engine spells its own way comes from its ``JsonDialect``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reverse_etl.landing.mapping import EVENTS, Condition, RowFilter, SourceMapping, Value, parts_of
from reverse_etl.landing.relations import DELIVERED_COLUMNS
from reverse_etl.warehouse.port import JsonDialect

_ORIGIN = "delivered_file, delivered_on, delivered_line"
_NAMED_ORIGIN = "delivered_file as file_name, delivered_on as landed_on, delivered_line as line_number"


@dataclass(frozen=True, slots=True)
class Selection:
    """Queries over ``delivered``. ``rows``: the target columns, file_name, landed_on, line_number; ``matched``: one count; ``malformed``: the first
    line that is no JSON object; ``excluded``: (reason, remedy, record, file_name, landed_on, line_number) of rows that need an explanation."""

    target_columns: Sequence[str]
    rows: str
    matched: str
    excluded: str | None
    malformed: str | None


def select_from_lines(mapping: SourceMapping, json: JsonDialect) -> Selection:
    """For JSON lines: ``delivered`` has delivered_file, delivered_on, delivered_line and delivered_record."""
    members = list(mapping.delivered_columns())
    return _selection(mapping, json, json.lines(members), set(members), lines=True)


def select_from_columns(mapping: SourceMapping, json: JsonDialect, present: Sequence[str]) -> Selection:
    """For tables: ``delivered`` has delivered_file, delivered_on, delivered_line and the columns that are ``present`` in the file, all text."""
    record = json.object({name: identifier(name) for name in present})
    columns = "".join(f", {identifier(name)}" for name in present)
    query = f"select {_ORIGIN}, {record} as delivered_record, cast(null as varchar) as delivered_error{columns} from delivered"
    return _selection(mapping, json, query, set(present), lines=False)


def _selection(mapping: SourceMapping, json: JsonDialect, query: str, present: set[str], *, lines: bool) -> Selection:
    def spell(value: Value) -> str:
        return _value(value, json, present)

    values = {name: spell(mapping.columns[name]) for name in DELIVERED_COLUMNS[mapping.relation] if name in mapping.columns}
    if mapping.data is not None:
        values["data"] = json.object({name: spell(value) for name, value in mapping.data.items()})
    events = mapping.relation == EVENTS
    if events:
        # Where the columns are the attributes themselves, a record would say everything twice.
        says_more = lines or mapping.data is not None or present != set(mapping.columns) or not _takes_as_named(mapping)
        values = {**({"record": "delivered_record"} if says_more else {}), "parse_error": "delivered_error", **values}
    holds = " and ".join(f"({_condition(condition)})" for condition in mapping.where) or "true"
    if events and mapping.where:
        # What is no JSON object has no columns to be judged by: it lands, and staging quarantines it.
        holds = f"(delivered_error is not null or ({holds}))"
    selected = ", ".join(f"{value} as {identifier(name)}" for name, value in values.items())
    rows = f"select {selected}, {_NAMED_ORIGIN} from ({query}) as source_rows where {holds}"
    if mapping.distinct:
        grouped = ", ".join(identifier(name) for name in values)
        keys = f"{grouped}, file_name, landed_on"
        rows = f"select {keys}, min(line_number) as line_number from ({rows}) as mapped_rows group by {keys}"
    return Selection(
        target_columns=tuple(values),
        rows=rows,
        matched=f"select count(*) as matched from ({query}) as source_rows where {holds}",
        excluded=_excluded(mapping.where, query),
        malformed=None
        if events or not lines
        else f"select min(delivered_line) as line_number from ({query}) as source_rows where delivered_error is not null",
    )


def _takes_as_named(mapping: SourceMapping) -> bool:
    return all(value.column == name for name, value in mapping.columns.items())


def _excluded(filters: Sequence[RowFilter], query: str) -> str | None:
    """The first filter that a row fails explains it, or leaves it to the count."""
    if not any(condition.reason for condition in filters):
        return None
    failing = [(f"when not ({_condition(condition)}) then", condition) for condition in filters]
    reasons = " ".join(f"{when} {_template(condition.reason) if condition.reason else 'null'}" for when, condition in failing)
    remedies = " ".join(f"{when} {_template(condition.remedy)}" for when, condition in failing)
    return (
        "select reason, remedy, record, file_name, landed_on, line_number from ("
        f"select case {reasons} end as reason, case {remedies} end as remedy, delivered_record as record, {_NAMED_ORIGIN} "
        f"from ({query}) as source_rows where delivered_error is null) as explained_rows where reason is not null"
    )


def _value(value: Value, json: JsonDialect, present: set[str]) -> str:
    if value.choose is not None and value.otherwise is not None:
        branches = " ".join(f"when {_condition(choice.when)} then {_value(choice.value, json, present)}" for choice in value.choose)
        text = f"case {branches} else {_value(value.otherwise, json, present)} end"
    elif value.column is not None:
        text = identifier(value.column) if value.column in present else "cast(null as varchar)"
    elif value.template is not None:
        text = _template(value.template, present)
    else:
        text = literal(value.constant or "")
    if value.read_as == "json_object":
        return json.document(text)
    if value.read_as == "date":
        return f"substring({text}, 1, 10)"
    if value.read_as == "utc_timestamp":
        instant = f"replace(substring({text}, 1, 11), ' ', 'T') || substring({text}, 12)"
        # Whoever states the zone means it; a date alone is no instant, and stays what it is.
        zoned = f"({text} like '%Z' or {text} like '%z' or substring({text}, length({text}) - 5, 1) in ('+', '-'))"
        return f"case when length({text}) < 19 then {text} when {zoned} then {instant} else {instant} || 'Z' end"
    return text


def _template(template: str, present: set[str] | None = None) -> str:
    def spell() -> Iterator[str]:
        for is_column, part in parts_of(template):
            if not is_column:
                yield literal(part)
            elif present is None or part in present:
                yield f"coalesce({identifier(part)}, '')"

    return " || ".join(spell()) or "''"


def _condition(condition: Condition) -> str:
    column = identifier(condition.column)
    if condition.negative is not None:
        found = f"coalesce(ltrim({column}) like '-%', false)"
        return found if condition.negative else f"not {found}"
    values = condition.among if condition.among is not None else condition.not_among or ()
    texts = ", ".join(literal(value) for value in values if value is not None)
    alternatives = ([f"coalesce({column} in ({texts}), false)"] if texts else []) + ([f"{column} is null"] if None in values else [])
    found = "(" + (" or ".join(alternatives) or "false") + ")"
    return found if condition.among is not None else f"not {found}"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
