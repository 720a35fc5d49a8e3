"""Landing: every whole file once, with its lines; every other file an exception that stops nobody."""

from __future__ import annotations

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from landing_home import Home
from pyarrow import parquet

from reverse_etl.landing import LandingReport, files, land, loading
from reverse_etl.landing.relations import RELATIONS
from reverse_etl.sandbox.sample import generate
from reverse_etl.settings import Settings
from reverse_etl.warehouse import Warehouse, open_warehouse

DAY = "2026-01-05"


class Installation:
    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.warehouse: Warehouse = open_warehouse(self.settings)

    def deliver(self, name: str, content: bytes | str) -> Path:
        path = self.settings.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self, *days: date) -> LandingReport:
        return land(self.warehouse, self.settings, days or None)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.warehouse.read(statement).to_pylist()
        return found

    def count(self, relation: str) -> int:
        return int(self.rows(f"select count(*) as found from {relation}")[0]["found"])


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": "gateway",
        "type": "io.northlight.usage.recorded.v1",
        "subject": "C0001",
        "time": "2026-01-05T10:11:12.123Z",
        "data": {"meter": "api_calls", "quantity": "12.5"},
        **changes,
    }


def json_lines(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(one) + "\n" for one in events)


METERS = "meter,unit,aggregation,description\napi_calls,call,sum,Calls\n"


def test_a_line_lands_verbatim_with_its_attributes_and_its_origin(installation: Installation) -> None:
    line = json.dumps(event(1, note='a "quoted", comma\\and tab\t'))
    installation.deliver(f"usage/{DAY}/a.jsonl", f"\n{line}\r\n")
    report = installation.land()
    assert (report.rows, report.problems) == (1, ())
    (row,) = installation.rows("select * from raw.usage_events")
    assert row["record"] == line
    assert {name: row[name] for name in ("specversion", "id", "source", "type", "subject", "time")} == {
        name: event(1)[name] for name in ("specversion", "id", "source", "type", "subject", "time")
    }
    assert json.loads(row["data"]) == event(1)["data"]
    assert (row["file_name"], row["line_number"], row["landed_on"]) == (f"usage/{DAY}/a.jsonl", 2, date(2026, 1, 5))
    assert row["loaded_at"] is not None
    assert row["parse_error"] is None


def test_the_same_events_land_alike_in_every_format(installation: Installation) -> None:
    events = [event(number) for number in range(3)]
    columns = {name: [one[name] if name != "data" else json.dumps(one["data"]) for one in events] for name in events[0]}
    text = json_lines(*events)
    table = (
        ",".join(columns)
        + "\n"
        + "".join(",".join('"' + value.replace('"', '""') + '"' for value in row) + "\n" for row in zip(*columns.values(), strict=True))
    )
    installation.deliver(f"usage/{DAY}/a.jsonl", text)
    installation.deliver(f"usage/{DAY}/b.jsonl.gz", gzip.compress(text.encode()))
    installation.deliver(f"usage/{DAY}/c.csv", table)
    installation.deliver(f"usage/{DAY}/d.csv.gz", gzip.compress(table.encode()))
    parquet.write_table(pa.table(columns), installation.settings.inbox / "usage" / DAY / "e.parquet")
    report = installation.land()
    assert [(file.rows, file.excluded) for file in report.files] == [(3, 0)] * 5
    landed = installation.rows(
        "select id, specversion, source, type, subject, time, data, count(*) as files from raw.usage_events group by all order by id"
    )
    assert [(row["id"], row["files"]) for row in landed] == [(f"event-{number}", 5) for number in range(3)]
    numbers = installation.rows("select file_name, list(line_number order by line_number) as numbers from raw.usage_events group by all order by 1")
    assert [row["numbers"] for row in numbers] == [[1, 2, 3], [1, 2, 3], [2, 3, 4], [2, 3, 4], [1, 2, 3]]


def test_typed_parquet_columns_land_as_text(installation: Installation) -> None:
    path = installation.deliver(f"exchange_rates/{DAY}/rates.parquet", b"")
    columns = {
        "rate_date": pa.array([date(2026, 1, 5)]),
        "from_currency": pa.array(["JPY"]),
        "to_currency": pa.array(["USD"]),
        "rate": pa.array([Decimal("0.00667592")], pa.decimal128(18, 8)),
    }
    parquet.write_table(pa.table(columns), path)
    installation.land()
    assert installation.rows("select rate_date, rate from raw.exchange_rates") == [{"rate_date": "2026-01-05", "rate": "0.00667592"}]


def test_malformed_lines_of_a_whole_file_land_and_say_so(installation: Installation) -> None:
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1)) + '{"specversion": "1.0", "id\nnot json\n[1, 2]\n' + json_lines(event(2)))
    assert installation.land().rows == 5
    rows = installation.rows("select line_number, id, parse_error is not null as malformed from raw.usage_events order by line_number")
    assert [(row["line_number"], row["id"], row["malformed"]) for row in rows] == [
        (1, "event-1", False),
        (2, None, True),
        (3, None, True),
        (4, None, True),
        (5, "event-2", False),
    ]


def test_data_that_is_no_object_is_no_data(installation: Installation) -> None:
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(*(event(number, data=data) for number, data in enumerate(["text", 7, [1], None]))))
    installation.land()
    assert {row["data"] for row in installation.rows("select data from raw.usage_events")} == {None}


def test_what_has_landed_is_skipped(installation: Installation) -> None:
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1)))
    assert (installation.land().rows, installation.land().rows) == (1, 0)
    installation.deliver(f"usage/{DAY}/b.jsonl", json_lines(event(1)))
    again = installation.land()
    assert (again.skipped, again.rows, installation.count("raw.usage_events")) == (1, 1, 2)
    landed = installation.rows("select position, source, row_count, byte_count, length(content_hash) as hash from raw.landed_files order by position")
    size = len(json_lines(event(1)))
    assert landed == [{"position": place, "source": "usage", "row_count": 1, "byte_count": size, "hash": 64} for place in (1, 2)]


def test_a_warehouse_that_is_built_again_lands_in_the_order_of_the_first_time(installation: Installation) -> None:
    later = date(2026, 1, 9)
    installation.deliver(f"usage/{later}/early.jsonl", json_lines(event(1)))
    installation.land()
    for name in ("usage/2026-01-05/late.jsonl", "usage/2026-01-05/a_later_one.jsonl"):
        installation.deliver(name, json_lines(event(2)))
        installation.land()
    order = "select file_name from raw.landed_files order by position"
    landed = [row["file_name"] for row in installation.rows(order)]
    assert landed != sorted(landed)

    installation.settings.warehouse_path.unlink()
    # A part of it first, as the close of an early period lands it.
    assert installation.land(later).rows == 1
    installation.deliver("usage/2026-01-04/new.jsonl", json_lines(event(3)))
    installation.land()

    assert [row["file_name"] for row in installation.rows(order)] == [*landed, "usage/2026-01-04/new.jsonl"]


def test_a_file_that_changed_after_it_was_landed_is_a_problem_and_changes_nothing(installation: Installation) -> None:
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1)))
    installation.land()
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1), event(2)))
    (problem,) = installation.land().problems
    assert (problem.file_name, problem.reason) == (f"usage/{DAY}/a.jsonl", "file changed after it was landed")
    assert "another name" in problem.remedy
    assert installation.count("raw.usage_events") == 1


BROKEN = {
    "cut.jsonl": (json_lines(event(1)) + json_lines(event(2))[:-9], 2, "cut off"),
    "latin.jsonl": (json_lines(event(1)).encode() + b'{"id":"caf\xe9"}\n', 2, "not UTF-8"),
    "cut.jsonl.gz": (gzip.compress(json_lines(*(event(number) for number in range(99))).encode())[:-9], None, "gzip stream is cut off"),
    "text.jsonl.gz": (json_lines(event(1)), None, "no sound gzip"),
    "narrow.csv": ("specversion,id,source,type,subject,time,data\n1.0,a,b,c,d,e,{}\n1.0,a,b\n", 3, "wrong number of columns"),
    "missing.csv": ("specversion,id,source,type,time\n1.0,a,b,c,d\n", 1, "required columns are missing: subject, data"),
    "twice.csv": ("specversion,id,source,type,subject,time,data,ID\n1,2,3,4,5,6,7,8\n", 1, "more than once"),
    "quote.csv": ('specversion,id,source,type,subject,time,data\n1.0,a,b,c,d,e,"{}\n', None, "quotation mark"),
    "unended.csv": ("specversion,id,source,type,subject,time,data\n1.0,a,b,c,d,e,{}", 2, "may be cut off"),
    "torn.parquet": (b"PAR1 and nothing more", None, "no sound Parquet"),
    "notes.txt": ("hello", None, "format is not known"),
}


def test_a_broken_file_names_its_line_lands_nothing_and_stops_nobody(installation: Installation) -> None:
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1)))
    for name, (content, _, _) in BROKEN.items():
        installation.deliver(f"usage/{DAY}/m-{name}", content)
    installation.deliver(f"usage/{DAY}/z.jsonl", json_lines(event(2)))
    report = installation.land()
    problems = {problem.file_name.removeprefix(f"usage/{DAY}/m-"): problem for problem in report.problems}
    assert problems.keys() == BROKEN.keys()
    for name, (_, line, reason) in BROKEN.items():
        assert reason in problems[name].reason, name
        assert line is None or problems[name].line_number == line, name
        assert problems[name].remedy, name
    assert [(file.file_name, file.position) for file in report.files] == [(f"usage/{DAY}/a.jsonl", 1), (f"usage/{DAY}/z.jsonl", 2)]
    assert installation.count("raw.usage_events") == installation.count("raw.landed_files") == 2
    recorded = installation.rows("select file_name, line_number, reason, remedy from raw.landing_problems order by file_name")
    assert [tuple(row.values()) for row in recorded] == sorted(
        (problem.file_name, problem.line_number, problem.reason, problem.remedy) for problem in report.problems
    )


def test_a_corrected_delivery_lands_and_the_problem_is_gone(installation: Installation) -> None:
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1))[:-9])
    assert len(installation.land().problems) == 1
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1)))
    assert (installation.land().problems, installation.count("raw.landing_problems")) == ((), 0)


def test_large_files_land_in_pieces_and_roll_back_whole(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "SMALL_FILE_BYTES", 10)
    monkeypatch.setattr(files.read_lines, "__defaults__", (400,))
    whole = json_lines(*(event(number) for number in range(20)))
    installation.deliver(f"usage/{DAY}/a.jsonl", whole)
    installation.deliver(f"usage/{DAY}/b.jsonl", whole[:-9])
    installation.deliver(f"usage/{DAY}/c.jsonl", whole.removesuffix("\n"))
    report = installation.land()
    assert [(problem.file_name, problem.line_number) for problem in report.problems] == [(f"usage/{DAY}/b.jsonl", 20)]
    rows = installation.rows(
        "select file_name, list(line_number order by line_number) as numbers, list(id order by line_number) as ids"
        " from raw.usage_events group by 1 order by 1"
    )
    assert [row["file_name"][-7:] for row in rows] == ["a.jsonl", "c.jsonl"]
    assert all(row["numbers"] == list(range(1, 21)) and row["ids"] == [f"event-{number}" for number in range(20)] for row in rows)


def test_an_empty_file_is_a_delivery_of_nothing(installation: Installation) -> None:
    for name in ("a.jsonl", "b.csv", "c.parquet", "d.jsonl.gz"):
        installation.deliver(f"usage/{DAY}/{name}", gzip.compress(b"") if name.endswith(".gz") else b"")
    report = installation.land()
    assert (report.problems, [file.rows for file in report.files]) == ((), [0, 0, 0, 0])
    assert installation.count("raw.landed_files") == 4


def test_what_lies_where_no_delivery_can_lie_is_a_problem(installation: Installation) -> None:
    installation.deliver(f"meters/{DAY}/meters.csv", METERS)
    installation.deliver("stray.jsonl", json_lines(event(1)))
    installation.deliver("usage/yesterday/a.jsonl", json_lines(event(1)))
    installation.deliver("usage/20260105/a.jsonl", json_lines(event(1)))
    installation.deliver(f"crm/{DAY}/a.csv", "a,b\n1,2\n")
    installation.deliver(f"usage/{DAY}/.arriving.jsonl", "{")
    (installation.settings.inbox / "usage" / DAY / "folder").mkdir()
    report = installation.land()
    problems = {problem.file_name: problem for problem in report.problems}
    assert set(problems) == {"stray.jsonl", "usage/yesterday", "usage/20260105", f"crm/{DAY}/a.csv", f"usage/{DAY}/folder"}
    assert "mapping" in problems[f"crm/{DAY}/a.csv"].reason
    assert "crm.yaml" in problems[f"crm/{DAY}/a.csv"].remedy
    assert [file.source for file in report.files] == ["meters"]


def test_only_the_partitions_asked_for_are_looked_at(installation: Installation) -> None:
    for day in ("2026-01-05", "2026-01-06", "2026-01-07"):
        installation.deliver(f"usage/{day}/a.jsonl", json_lines(event(1)))
    report = installation.land(date(2026, 1, 7), date(2026, 1, 5))
    assert [file.landed_on for file in report.files] == [date(2026, 1, 5), date(2026, 1, 7)]
    assert [file.landed_on for file in installation.land().files] == [date(2026, 1, 6)]


def test_a_reference_row_of_json_that_is_malformed_refuses_its_file(installation: Installation) -> None:
    good = '{"meter":"api_calls","unit":"call","aggregation":"sum"}\n'
    installation.deliver(f"meters/{DAY}/a.jsonl", good + "oops\n")
    installation.deliver(f"meters/{DAY}/b.jsonl", good)
    report = installation.land()
    assert [(problem.file_name, problem.line_number) for problem in report.problems] == [(f"meters/{DAY}/a.jsonl", 2)]
    assert installation.rows("select meter, description, file_name from raw.meters") == [
        {"meter": "api_calls", "description": None, "file_name": f"meters/{DAY}/b.jsonl"}
    ]


def test_an_empty_field_is_absent_and_an_optional_column_may_be_missing(installation: Installation) -> None:
    installation.deliver(f"subscriptions/{DAY}/a.csv", 'subscription_id,version,customer_id,plan_id,starts_on,ends_on\nS1,1,C1,p,2026-01-01,""\n')
    installation.deliver(f"subscriptions/{DAY}/b.csv", "plan_id,subscription_id,version,customer_id,starts_on\np,S2,1,C1,2026-01-01\n")
    installation.land()
    rows = installation.rows("select subscription_id, plan_id, ends_on from raw.subscriptions order by 1")
    assert rows == [{"subscription_id": name, "plan_id": "p", "ends_on": None} for name in ("S1", "S2")]


def test_a_file_that_cannot_be_opened_is_a_problem(installation: Installation) -> None:
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1)))
    (installation.settings.inbox / "usage" / DAY / "gone.jsonl").symlink_to("nowhere.jsonl")
    report = installation.land()
    assert [problem.file_name for problem in report.problems] == [f"usage/{DAY}/gone.jsonl"]
    assert report.rows == 1


def test_every_declared_relation_exists_after_landing(installation: Installation) -> None:
    installation.land()
    columns = installation.rows(
        "select table_schema || '.' || table_name as relation, list(column_name order by ordinal_position) as columns"
        " from information_schema.columns group by 1"
    )
    assert {row["relation"]: row["columns"] for row in columns} == {relation: list(columns) for relation, columns in RELATIONS.items()}


def test_a_whole_sample_lands_line_for_line(installation: Installation) -> None:
    summary = generate(installation.settings.home, events=3_000)
    report = installation.land()
    assert (report.problems, len(report.files)) == ((), summary.files)
    assert installation.count("raw.usage_events") == summary.total.received
    assert installation.count("raw.usage_events where parse_error is not null") == summary.total.quarantined["malformed"]
    months = installation.rows("select strftime(landed_on, '%Y-%m') as month, count(*) as found from raw.usage_events group by 1")
    assert {row["month"]: row["found"] for row in months} == {month: counts.received for month, counts in summary.by_landing_month.items()}
    assert installation.rows("select sum(row_count) as found from raw.landed_files where source = 'usage'")[0]["found"] == summary.total.received


def test_a_landing_that_dies_half_way_leaves_no_half_file(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    installation.deliver(f"usage/{DAY}/a.jsonl", json_lines(event(1)))

    def fail(*arguments: Any) -> None:
        raise duckdb.IOException("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(loading, "record_files", fail)
        with pytest.raises(duckdb.IOException):
            installation.land()
    assert installation.count("raw.usage_events") == 0
    assert installation.land().rows == 1


@pytest.mark.parametrize("name", ["usage.jsonl", "usage.jsonl.gz"])
def test_a_file_that_vanishes_before_it_is_read_is_a_problem_of_its_own(tmp_path: Path, name: str) -> None:
    with pytest.raises(files.UnreadableFileError, match="cannot be opened"):
        list(files.read_lines(tmp_path / name))


def test_read_backs_of_an_earlier_version_keep_their_rows_under_the_new_name(home: Home) -> None:
    columns = {"read_id": "bigint", "entity": "varchar", "period": "varchar", "account_code": "varchar"}
    home.warehouse.create_relations({"raw.tryton_account_movements": columns})
    home.warehouse.execute(["insert into raw.tryton_account_movements values (1, 'acme', '2026-01', '4000')"])

    for _ in range(2):
        home.land([])

    assert home.rows("select account_code, debit_minor from raw.ledger_account_movements") == [{"account_code": "4000", "debit_minor": None}]
