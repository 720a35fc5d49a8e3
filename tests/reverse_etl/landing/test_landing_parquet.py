"""Parquet files of text, which the engine reads by itself, many of them in one scan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from landing_home import Home, event
from pyarrow import parquet

COLUMNS = ("specversion", "id", "source", "type", "subject", "time", "data")


def deliver(home: Home, day: str, name: str, identifiers: Sequence[str], columns: Sequence[str] = COLUMNS) -> Path:
    records = [json.loads(event(identifier)) for identifier in identifiers]
    values = {column: [json.dumps(record[column]) if column == "data" else record[column] for record in records] for column in columns}
    path = home.deliver(f"usage/{day}/{name}", b"")
    parquet.write_table(pa.table(values), path, row_group_size=1000)
    return path


def test_the_rows_of_many_files_keep_their_file_their_day_and_their_line(home: Home) -> None:
    names = {"2026-01-05/a": 2500, "2026-01-05/it's b": 1, "2026-01-06/a": 1200}
    for name, count in names.items():
        day, file = name.split("/")
        deliver(home, day, f"{file}.parquet", [f"{name}/{number}" for number in range(1, count + 1)])
    deliver(home, "2026-01-06", "other columns.parquet", ["x"], tuple(reversed(COLUMNS)))

    report = home.land()

    assert [(file.file_name, file.rows) for file in report.files] == [
        *((f"usage/{name}.parquet", count) for name, count in names.items()),
        ("usage/2026-01-06/other columns.parquet", 1),
    ]
    wrong = "id <> substr(file_name, 7, length(file_name) - 14) || '/' || line_number or file_name <> 'usage/' || landed_on || substr(file_name, 17)"
    assert home.rows(f"select * from raw.usage_events where id <> 'x' and ({wrong})") == []
    assert home.count("raw.usage_events") == sum(names.values()) + 1
    [other] = home.rows("select subject, data, line_number from raw.usage_events where id = 'x'")
    assert other == {"subject": "C0001", "data": '{"meter":"api_calls","quantity":"1.5"}', "line_number": 1}


def test_a_file_whose_rows_cannot_be_read_to_their_end_is_refused_and_those_beside_it_land(home: Home) -> None:
    deliver(home, "2026-01-05", "a.parquet", ["first"])
    unsound = deliver(home, "2026-01-05", "b.parquet", [f"event-{number}" for number in range(3000)])
    deliver(home, "2026-01-05", "c.parquet", ["last"])
    content = bytearray(unsound.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = b"\xff" * 4000
    unsound.write_bytes(content)

    report = home.land()

    assert [file.file_name for file in report.files] == ["usage/2026-01-05/a.parquet", "usage/2026-01-05/c.parquet"]
    [problem] = report.problems
    assert problem.file_name == "usage/2026-01-05/b.parquet"
    assert "no sound Parquet file" in problem.reason
    assert [row["id"] for row in home.rows("select id from raw.usage_events order by id")] == ["first", "last"]
