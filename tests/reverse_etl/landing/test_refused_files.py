"""A file that is cut off or broken is a problem with its file, its line and a remedy: nothing of it lands, and no other file is stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from landing_home import DAY, Home, event, lines

PARQUET = f"usage/{DAY}/broken.parquet"


def refused(home: Home) -> tuple[str, int | None, str]:
    """Land beside a sound file; the one problem of the broken one, of which nothing may have landed."""
    home.deliver(f"usage/{DAY}/sound.jsonl", lines(event("sound")))
    report = home.land()
    assert [file.file_name for file in report.files] == [f"usage/{DAY}/sound.jsonl"]
    assert home.rows("select id from raw.usage_events") == [{"id": "sound"}]
    [problem] = report.problems
    assert problem.source == "usage"
    assert problem.remedy
    [recorded] = home.rows("select source, file_name, line_number, reason, remedy from raw.landing_problems")
    assert tuple(recorded.values()) == (problem.source, problem.file_name, problem.line_number, problem.reason, problem.remedy)
    return problem.file_name, problem.line_number, problem.reason


def test_a_truncated_gzip_file(home: Home) -> None:
    path = home.deliver(f"usage/{DAY}/broken.jsonl.gz", lines(*(event(f"{number * 7919:032x}") for number in range(5000))))
    path.write_bytes(path.read_bytes()[:-2000])

    file_name, line, reason = refused(home)

    assert (file_name, reason) == (f"usage/{DAY}/broken.jsonl.gz", "the gzip stream is cut off")
    assert line is not None
    assert 1000 < line < 5000, "the line up to which the file can be read"


def test_bytes_that_are_no_gzip(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.jsonl.gz", "x").write_bytes(lines(event("a")).encode())

    _, line, reason = refused(home)

    assert line == 1
    assert "gzip" in reason


def test_a_last_line_that_is_cut_off(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.jsonl", lines(event("a"), event("b")) + event("c")[:-9])

    assert refused(home) == (f"usage/{DAY}/broken.jsonl", 3, "the last line is cut off")


def test_text_that_is_not_utf8(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.jsonl", lines(event("a")).encode() + b'{"id":"caf\xe9"}\n')

    assert refused(home) == (f"usage/{DAY}/broken.jsonl", 2, "it is not UTF-8: byte 0xe9")


def test_a_row_with_another_number_of_columns(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.csv", "specversion,id,source,type,subject,time,data\n1.0,a,s,t,C1,2026,{}\n1.0,b,s\n")

    file_name, line, reason = refused(home)

    assert (file_name, line) == (f"usage/{DAY}/broken.csv", 3)
    assert "number of columns" in reason


def test_a_quotation_mark_that_stays_open(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.csv", 'specversion,id,source,type,subject,time,data\n1.0,a,s,t,C1,2026,"{}\n')

    assert refused(home)[1] == 3


def test_a_csv_file_whose_last_line_is_not_ended(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.csv", 'specversion,id,source,type,subject,time,data\n1.0,a,s,t,C1,2026,{"quantity":1')

    _, line, reason = refused(home)

    assert (line, "cut off" in reason) == (2, True)


def test_columns_that_the_mapping_needs_are_missing(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.csv", "specversion,id,source,type,subject\n1.0,a,s,t,C1\n")

    assert "required columns are missing: time, data" in refused(home)[2]


def test_a_column_that_appears_twice(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.csv", "specversion,id,source,type,subject,time,data,id\n1.0,a,s,t,C1,2026,{},b\n")

    assert "id appears more than once" in refused(home)[2]


@pytest.mark.parametrize("damage", [lambda content: content[:-20], lambda content: b"PAR1" + content[50:], lambda _: b"not parquet at all"])
def test_broken_parquet(home: Home, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    whole = tmp_path / "whole.parquet"
    parquet.write_table(pa.table({"id": ["a"] * 100}), whole)
    home.deliver(PARQUET, damage(whole.read_bytes()))

    assert refused(home)[2].startswith("it is no sound Parquet file")


def test_a_format_nobody_knows(home: Home) -> None:
    home.deliver(f"usage/{DAY}/broken.xlsx", b"PK")

    assert refused(home)[2] == "its format is not known"


def test_a_folder_where_a_file_should_be(home: Home) -> None:
    home.deliver(f"usage/{DAY}/folder.jsonl/a.jsonl", lines(event("a")))

    assert refused(home)[0] == f"usage/{DAY}/folder.jsonl"


def test_a_partition_that_is_not_a_day(home: Home) -> None:
    home.deliver("usage/2026-02-30/a.jsonl", lines(event("a")))

    assert refused(home)[:2] == ("usage/2026-02-30", None)


def test_a_source_without_a_mapping(home: Home) -> None:
    home.deliver(f"weather/{DAY}/a.csv", "a\n1\n")
    home.deliver(f"usage/{DAY}/a.jsonl", lines(event("a")))

    report = home.land()

    [problem] = report.problems
    assert (problem.source, report.rows) == ("weather", 1)
    assert "no mapping for the source 'weather'" in problem.reason
    assert "weather.yaml" in problem.remedy


def test_a_standing_problem_is_recorded_once_and_goes_when_the_file_is_mended(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", event("a")[:-5])
    first = home.land()
    [recorded] = home.rows("select * from raw.landing_problems")

    assert home.land().problems == first.problems
    assert home.rows("select * from raw.landing_problems") == [recorded]

    home.deliver(f"usage/{DAY}/a.jsonl", lines(event("a")))
    assert (home.land().rows, home.count("raw.landing_problems")) == (1, 0)


def test_one_file_at_fault_does_not_take_others_of_its_transaction_with_it(home: Home) -> None:
    # Malformed lines of a reference file show only as the rows are written.
    home.deliver(f"meters/{DAY}/a.jsonl", '{"meter":"a","unit":"call","aggregation":"sum","description":"A"}\n')
    home.deliver(f"meters/{DAY}/b.jsonl", '{"meter":"b","unit":"call","aggregation":"sum","description":"B"}\nnonsense\n')
    home.deliver(f"meters/{DAY}/c.jsonl", '{"meter":"c","unit":"call","aggregation":"sum","description":"C"}\n')

    report = home.land()

    assert [(problem.file_name, problem.line_number) for problem in report.problems] == [(f"meters/{DAY}/b.jsonl", 2)]
    assert [row["meter"] for row in home.rows("select meter from raw.meters order by meter")] == ["a", "c"]
    assert home.rows("select position, file_name from raw.landed_files order by position") == [
        {"position": 1, "file_name": f"meters/{DAY}/a.jsonl"},
        {"position": 2, "file_name": f"meters/{DAY}/c.jsonl"},
    ]
