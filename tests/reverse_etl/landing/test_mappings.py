"""A mapping turns foreign columns into ours; what it leaves out is counted and explained."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from landing_home import DAY, Home

from reverse_etl.errors import ConfigurationError
from reverse_etl.landing.mapping import load_mapping, read_mapping
from reverse_etl.landing.relations import DELIVERED_COLUMNS

METERED = """
relation: raw.usage_events
format: {null_values: ["NULL"]}
columns:
  specversion: {constant: "1.0"}
  id: {template: "{batch}/{row}"}
  source: {constant: meter-box}
  type:
    choose:
      - when: {column: amount, negative: true}
        value: {constant: box.usage.corrected.v1}
    otherwise: {constant: box.usage.recorded.v1}
  subject: customer
  time: {column: at, as: utc_timestamp}
data:
  meter: what
  quantity: amount
where:
  - column: kind
    not_in: [refund]
    reason: "a refund of {amount} to {customer} is a decision"
    remedy: "record it as an approved credit"
"""
HEADER = "batch,row,customer,at,what,amount,kind\n"


def test_foreign_columns_become_an_event(home: Home) -> None:
    home.map("box", METERED)
    home.deliver(f"box/{DAY}/a.csv", HEADER + "7,1,C1,2026-01-05 10:00:00,power,1.50,use\n7,2,C1,2026-01-05 11:00:00,power,-0.50,use\n")

    home.land()

    first, second = home.rows("select * from raw.usage_events order by line_number")
    assert (first["id"], first["source"], first["specversion"], first["subject"]) == ("7/1", "meter-box", "1.0", "C1")
    assert first["time"] == "2026-01-05T10:00:00Z"
    assert first["data"] == '{"meter":"power","quantity":"1.50"}'
    assert [first["type"], second["type"]] == ["box.usage.recorded.v1", "box.usage.corrected.v1"]
    assert json.loads(first["record"])["amount"] == "1.50"
    assert [first["line_number"], second["line_number"]] == [2, 3]


def test_a_row_left_out_is_counted_recorded_and_explained(home: Home) -> None:
    home.map("box", METERED)
    home.deliver(f"box/{DAY}/a.csv", HEADER + "7,1,C1,2026-01-05 10:00:00,power,1,use\n7,2,C1,2026-01-05 11:00:00,NULL,-5,refund\n")

    report = home.land()

    [file] = report.files
    assert (file.rows, file.excluded, file.repeated) == (1, 1, 0)
    [row] = home.rows("select source, file_name, line_number, landed_on, reason, remedy, record from raw.excluded_rows")
    assert (row["source"], row["file_name"], row["line_number"]) == ("box", f"box/{DAY}/a.csv", 3)
    assert (row["reason"], row["remedy"]) == ("a refund of -5 to C1 is a decision", "record it as an approved credit")
    assert json.loads(row["record"]) == {
        "batch": "7",
        "row": "2",
        "customer": "C1",
        "at": "2026-01-05 11:00:00",
        "what": None,
        "amount": "-5",
        "kind": "refund",
    }
    assert [(found.line_number, found.reason) for found in report.exclusions] == [(3, row["reason"])]
    assert home.rows("select row_count, excluded_count, repeated_count from raw.landed_files") == [
        {"row_count": 1, "excluded_count": 1, "repeated_count": 0}
    ]
    home.land()
    assert home.count("raw.excluded_rows") == 1


def test_rows_that_repeat_each_other_land_once_and_are_counted(home: Home) -> None:
    home.map("list", "relation: raw.meters\ncolumns: {meter: sku, unit: unit}\ndistinct: true\n")
    home.deliver(f"list/{DAY}/a.csv", "sku,unit,price\nA,call,1\nB,,2\nA,call,3\nB,,4\nA,hour,5\n")

    home.land()

    landed = home.rows("select meter, unit, line_number from raw.meters order by line_number")
    assert [tuple(row.values()) for row in landed] == [("A", "call", 2), ("B", None, 3), ("A", "hour", 6)]
    assert home.rows("select row_count, repeated_count from raw.landed_files") == [{"row_count": 3, "repeated_count": 2}]


def test_a_mapping_reads_parquet_and_nested_json_lines_alike(home: Home, tmp_path: Path) -> None:
    rows = {"sku": ["A", "B"], "unit": ["call", None], "size": [Decimal("1.500"), None], "seen": [datetime(2026, 1, 5, 10, tzinfo=UTC)] * 2}
    parquet.write_table(pa.table(rows), tmp_path / "a.parquet")
    home.map("table", 'relation: raw.meters\ncolumns: {meter: sku, unit: unit, aggregation: size, description: {template: "{seen}"}}\n')
    home.deliver(f"table/{DAY}/a.parquet", (tmp_path / "a.parquet").read_bytes())
    home.map("lines", "relation: raw.meters\ncolumns: {meter: item.sku, unit: {column: item.unit, optional: true}, aggregation: size}\n")
    home.deliver(f"lines/{DAY}/a.jsonl", '{"item":{"sku":"A","unit":"call"},"size":0.00000010}\n{"item":{"sku":"B"}}\n')

    report = home.land()

    assert report.problems == ()
    landed = home.rows("select meter, unit, aggregation, description, line_number from raw.meters order by file_name, line_number")
    assert [tuple(row.values()) for row in landed] == [
        ("A", "call", "0.00000010", None, 1),
        ("B", None, None, None, 2),
        ("A", "call", "1.500", "2026-01-05T10:00:00Z", 1),
        ("B", None, None, "2026-01-05T10:00:00Z", 2),
    ]


def test_delivered_reference_values_land_as_they_were_delivered(home: Home) -> None:
    header = ",".join(DELIVERED_COLUMNS["raw.customers"])
    home.deliver(f"customers/{DAY}/a.csv", header + '\n007," Müller & ""Söhne"" ",,DE,e,EUR,Europe/Berlin,NULL,030\n')

    home.land()

    [landed] = home.rows("select customer_id, name, email, tax_id, payment_term_days from raw.customers")
    assert tuple(landed.values()) == ("007", ' Müller & "Söhne" ', None, "NULL", "030")


@pytest.mark.parametrize("relation", [name for name in DELIVERED_COLUMNS if name != "raw.usage_events"])
def test_every_reference_relation_has_a_built_in_mapping_of_all_its_columns(relation: str, tmp_path: Path) -> None:
    mapping = load_mapping(relation.removeprefix("raw."), tmp_path)

    assert mapping is not None
    assert mapping.relation == relation
    assert {name: value.column for name, value in mapping.columns.items()} == {name: name for name in DELIVERED_COLUMNS[relation]}


def test_the_installations_own_mapping_replaces_the_built_in_one(home: Home) -> None:
    home.map("meters", "relation: raw.meters\ncolumns: {meter: sku}\n")
    home.deliver(f"meters/{DAY}/a.csv", "sku\nA\n")

    assert home.land().rows == 1


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("relation: raw.nothing\ncolumns: {}\n", "relation"),
        ("relation: raw.meters\ncolumns: {metre: sku}\n", "metre"),
        ("relation: raw.meters\ncolumns: {meter: {column: a, constant: b}}\n", "columns.meter"),
        ("relation: raw.meters\ncolumns: {meter: a}\nwhere: [{column: b}]\n", "where.0"),
        ("relation: raw.meters\ncolums: {meter: a}\n", "colums"),
        ("relation: raw.meters\ncolumns: {meter: {column: a, as: integer}}\n", "columns.meter.as"),
        ("relation: raw.usage_events\ncolumns: {id: a}\nwhere: [{column: b, in: [c]}]\n", "where: an event that is left out needs a reason"),
        ("relation: raw.usage_events\ncolumns: {id: a}\ndistinct: true\n", "distinct"),
        ("- not a mapping\n", "relation and columns"),
        ("relation: [\n", "YAML"),
    ],
)
def test_a_broken_mapping_is_named_with_its_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "box.yaml"
    path.write_text(text)

    with pytest.raises(ConfigurationError) as raised:
        read_mapping(path)

    assert str(path) in str(raised.value)
    assert key in str(raised.value)


def test_a_broken_mapping_is_a_problem_of_its_own_files_only(home: Home) -> None:
    path = home.map("box", "relation: raw.meters\ncolumns: {metre: sku}\n")
    home.deliver(f"box/{DAY}/a.csv", "sku\nA\n")
    home.deliver(f"plans/{DAY}/a.csv", "plan_id,name,description\np,P,\n")

    report = home.land()

    assert [file.source for file in report.files] == ["plans"]
    [problem] = report.problems
    assert problem.file_name == f"box/{DAY}/a.csv"
    assert str(path) in problem.reason
    assert "metre" in problem.reason
