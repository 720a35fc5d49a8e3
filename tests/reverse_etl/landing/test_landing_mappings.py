"""A YAML mapping turns foreign columns into a relation's own; what it leaves out is counted or explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.errors import ConfigurationError
from reverse_etl.landing import LandingReport, land
from reverse_etl.landing.mapping import BUILT_IN, read_mapping
from reverse_etl.landing.relations import DELIVERED_COLUMNS
from reverse_etl.settings import Settings
from reverse_etl.warehouse import open_warehouse

USAGE = """
relation: raw.usage_events
where:
  - {column: kind, in: [usage], reason: "not usage: {kind} of {amount}", remedy: "record {kind} {key} by hand"}
columns:
  specversion: {constant: "1.0"}
  id: key
  source: {template: "legacy/{region}"}
  type:
    choose:
      - {when: {column: amount, negative: true}, value: {constant: x.usage.corrected.v1}}
    otherwise: {constant: x.usage.recorded.v1}
  subject: account
  time: {column: at, as: utc_timestamp}
data:
  meter: {template: "{sku}/{tier}"}
  quantity: amount
"""
ROWS = """key,kind,amount,region,account,at,sku,tier
1,usage,2.50,eu,C1,2026-01-05 10:00:00,S,a
2,usage,-1,eu,C1,2026-01-05 11:00:00.5,S,
3,refund,9,eu,C1,2026-01-05 12:00:00,S,a
4,,9,us,C2,2026-01-05 12:00:00,S,a
"""


class Delivered:
    """One file, delivered by a source whose mapping is ``mapping``."""

    def __init__(self, home: Path, mapping: str, content: str, name: str = "a.csv") -> None:
        settings = Settings(home=home)
        settings.mappings.mkdir(parents=True, exist_ok=True)
        (settings.mappings / "legacy.yaml").write_text(mapping)
        folder = settings.inbox / "legacy" / "2026-01-05"
        folder.mkdir(parents=True)
        (folder / name).write_text(content)
        self.warehouse = open_warehouse(settings)
        self.report: LandingReport = land(self.warehouse, settings)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.warehouse.read(statement).to_pylist()
        return found


def test_foreign_columns_become_cloudevents(tmp_path: Path) -> None:
    delivered = Delivered(tmp_path, USAGE, ROWS)
    rows = delivered.rows("select * from raw.usage_events order by line_number")
    assert [(row["id"], row["source"], row["subject"], row["type"]) for row in rows] == [
        ("1", "legacy/eu", "C1", "x.usage.recorded.v1"),
        ("2", "legacy/eu", "C1", "x.usage.corrected.v1"),
    ]
    assert [row["time"] for row in rows] == ["2026-01-05T10:00:00Z", "2026-01-05T11:00:00.5Z"]
    assert [json.loads(row["data"]) for row in rows] == [{"meter": "S/a", "quantity": "2.50"}, {"meter": "S/", "quantity": "-1"}]
    assert json.loads(rows[0]["record"])["kind"] == "usage", "the delivered row is kept whole"


def test_a_time_that_states_its_zone_keeps_it(tmp_path: Path) -> None:
    stated = ("2026-01-05T10:00:00Z", "2026-01-05 10:00:00+01:00", "2026-01-05 10:00:00.25-05:00", "2026-01-05")
    rows = "".join(f"{number},usage,1,eu,C1,{time},S,a\n" for number, time in enumerate(stated))
    delivered = Delivered(tmp_path, USAGE, "key,kind,amount,region,account,at,sku,tier\n" + rows)
    assert [row["time"] for row in delivered.rows("select time from raw.usage_events order by line_number")] == [
        "2026-01-05T10:00:00Z",
        "2026-01-05T10:00:00+01:00",
        "2026-01-05T10:00:00.25-05:00",
        "2026-01-05",
    ]


def test_rows_left_out_are_counted_and_explained(tmp_path: Path) -> None:
    delivered = Delivered(tmp_path, USAGE, ROWS)
    (file,) = delivered.report.files
    assert (file.rows, file.excluded, delivered.report.excluded) == (2, 2, 2)
    assert [(one.line_number, one.reason, one.remedy) for one in delivered.report.exclusions] == [
        (4, "not usage: refund of 9", "record refund 3 by hand"),
        (5, "not usage:  of 9", "record  4 by hand"),
    ]
    kept = delivered.rows("select line_number, record, source from raw.excluded_rows order by line_number")
    assert [(row["line_number"], json.loads(row["record"])["key"], row["source"]) for row in kept] == [(4, "3", "legacy"), (5, "4", "legacy")]
    assert delivered.rows("select row_count, excluded_count from raw.landed_files") == [{"row_count": 2, "excluded_count": 2}]


def test_the_same_mapping_reads_foreign_json(tmp_path: Path) -> None:
    mapping = (
        USAGE.replace("quantity: amount", "quantity: usage.amount")
        .replace("column: amount, negative", "column: usage.amount, negative")
        .replace("{amount}", "{usage.amount}")
    )
    line = {
        "key": "1",
        "kind": "usage",
        "usage": {"amount": 0.1},
        "region": "eu",
        "account": "C1",
        "at": "2026-01-05 10:00:00",
        "sku": "O'S",
        "tier": "a",
    }
    content = json.dumps(line) + "\n" + json.dumps({**line, "kind": "refund"}) + "\nnot json\n"
    delivered = Delivered(tmp_path, mapping, content, "a.jsonl")
    rows = delivered.rows("select id, data, parse_error is not null as malformed from raw.usage_events order by line_number")
    assert [(row["id"], row["malformed"]) for row in rows] == [("1", False), (None, True)], (
        "what is no JSON cannot be filtered: it is quarantined later"
    )
    assert json.loads(rows[0]["data"]) == {"meter": "O'S/a", "quantity": "0.1"}
    assert [one.line_number for one in delivered.report.exclusions] == [2]


def test_distinct_rows_land_once_and_the_repetitions_are_counted(tmp_path: Path) -> None:
    mapping = """
relation: raw.customers
distinct: true
where:
  - {column: kind, not_in: [refund, null]}
columns: {customer_id: account, name: {template: "Account {account}"}, cutover: x}
"""
    with pytest.raises(ConfigurationError, match="has no cutover"):
        read_mapping(written(tmp_path / "bad.yaml", mapping))
    delivered = Delivered(tmp_path, mapping.replace(", cutover: x", ""), ROWS)
    (file,) = delivered.report.files
    assert (file.rows, file.excluded, file.repeated) == (1, 2, 1)
    assert delivered.rows("select customer_id, name, line_number from raw.customers") == [
        {"customer_id": "C1", "name": "Account C1", "line_number": 2}
    ]
    assert delivered.report.exclusions == (), "a filter without a reason only counts"


def test_null_texts_and_delimiters_are_the_mappings_to_say(tmp_path: Path) -> None:
    mapping = """
relation: raw.meters
format: {delimiter: ";", null_values: ["", "NULL"], final_newline: optional}
columns: {meter: m, unit: u, aggregation: {constant: sum}, description: {column: d, optional: true}}
"""
    delivered = Delivered(tmp_path, mapping, 'm;u\n"a;b";NULL\nc;"two\nlines"')
    assert delivered.rows("select meter, unit, aggregation, description from raw.meters order by line_number") == [
        {"meter": "a;b", "unit": None, "aggregation": "sum", "description": None},
        {"meter": "c", "unit": "two\nlines", "aggregation": "sum", "description": None},
    ]


def test_an_own_mapping_goes_before_the_built_in_one(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.mappings.mkdir()
    (settings.mappings / "plans.yaml").write_text("relation: raw.plans\ncolumns: {plan_id: id, name: title}\n")
    folder = settings.inbox / "plans" / "2026-01-05"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("id,title\np,Plan\n")
    warehouse = open_warehouse(settings)
    assert land(warehouse, settings).problems == ()
    assert warehouse.read("select plan_id, name from raw.plans").to_pylist() == [{"plan_id": "p", "name": "Plan"}]


INVALID = {
    "relation: raw.nothing\ncolumns: {}\n": "relation: .*no delivery lands in 'raw.nothing'",
    "relation: raw.plans\ncolumns: {plan_id: {colum: x}}\n": r"columns\.plan_id\.colum: Extra inputs",
    "relation: raw.plans\ncolumns: {plan_id: {column: x, constant: y}}\n": r"columns\.plan_id: .*exactly one of column",
    "relation: raw.plans\ncolumns: {plan_id: {choose: []}}\n": r"columns\.plan_id: .*belong together",
    "relation: raw.plans\ncolumns: {plan_id: a}\nwhere: [{column: b}]\n": r"where\.0: .*exactly one of in, not_in, negative",
    "relation: raw.plans\ncolumns: {plan_id: a}\ndata: {x: y}\n": "data: only for raw.usage_events",
    "relation: raw.usage_events\ndistinct: true\ncolumns: {id: a}\n": "distinct: never for events",
    "columns: [": "not readable as YAML",
    "just text": "expected a mapping",
}


@pytest.mark.parametrize("content", INVALID)
def test_an_invalid_mapping_names_its_file_and_key(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigurationError, match=INVALID[content]) as raised:
        read_mapping(written(tmp_path / "legacy.yaml", content))
    assert str(tmp_path / "legacy.yaml") in str(raised.value)


def test_a_source_with_an_invalid_mapping_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "meters" / "2026-01-05"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("meter,unit,aggregation\nm,u,sum\n")
    delivered = Delivered(tmp_path, "relation: raw.nothing\ncolumns: {}\n", ROWS)
    (problem,) = delivered.report.problems
    assert problem.source == "legacy"
    assert "legacy.yaml: relation" in problem.reason
    assert [file.source for file in delivered.report.files] == ["meters"]


def test_every_relation_that_is_delivered_has_a_built_in_mapping_of_all_its_columns() -> None:
    mappings = [read_mapping(path) for path in sorted(BUILT_IN.glob("*.yaml"))]
    assert {mapping.relation: tuple(mapping.columns) for mapping in mappings} == dict(DELIVERED_COLUMNS)


def written(path: Path, content: str) -> Path:
    path.write_text(content)
    return path
