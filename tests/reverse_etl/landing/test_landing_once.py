"""What is delivered lands once, with its origin; what has landed is never touched again."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

from landing_home import DAY, Home, event, lines


def test_an_event_lands_with_its_attributes_its_verbatim_record_and_its_origin(home: Home) -> None:
    record = event("e-1")
    home.deliver(f"usage/{DAY}/eu-1.jsonl", lines(event("e-0"), record))

    report = home.land()

    assert (report.rows, report.skipped, report.problems) == (2, 0, ())
    [landed] = home.rows("select * from raw.usage_events where line_number = 2")
    assert landed["record"] == record
    assert (landed["specversion"], landed["id"], landed["subject"]) == ("1.0", "e-1", "C0001")
    assert (landed["source"], landed["type"]) == ("northlight/gateway/eu-1", "io.northlight.usage.recorded.v1")
    assert landed["time"] == "2026-01-05T10:11:12.123Z"
    assert landed["data"] == '{"meter":"api_calls","quantity":"1.5"}'
    assert landed["parse_error"] is None
    assert (landed["file_name"], landed["landed_on"]) == (f"usage/{DAY}/eu-1.jsonl", date(2026, 1, 5))
    assert abs(landed["loaded_at"] - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=1)


def test_a_landed_file_is_recorded_with_its_hash_size_and_rising_position(home: Home) -> None:
    first = home.deliver("usage/2026-01-05/a.jsonl", lines(event("a"), event("b")))
    home.deliver("usage/2026-01-06/a.jsonl", lines(event("c")))
    home.deliver("meters/2026-01-06/meters.csv", "meter,unit,aggregation,description\napi_calls,call,sum,Calls\n")

    home.land()

    landed = home.rows("select * from raw.landed_files order by position")
    assert [row["position"] for row in landed] == [1, 2, 3]
    assert [(row["file_name"], row["relation"], row["source"]) for row in landed] == [
        ("usage/2026-01-05/a.jsonl", "raw.usage_events", "usage"),
        ("meters/2026-01-06/meters.csv", "raw.meters", "meters"),
        ("usage/2026-01-06/a.jsonl", "raw.usage_events", "usage"),
    ]
    assert landed[0]["content_hash"] == hashlib.sha256(first.read_bytes()).hexdigest()
    assert (landed[0]["byte_count"], landed[0]["row_count"], landed[0]["excluded_count"], landed[0]["repeated_count"]) == (
        first.stat().st_size,
        2,
        0,
        0,
    )


def test_a_second_run_skips_what_has_landed_and_takes_what_is_new(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", lines(event("a")))
    home.land()
    home.deliver(f"usage/{DAY}/b.jsonl", lines(event("b")))

    report = home.land()

    assert ([file.file_name for file in report.files], report.skipped) == ([f"usage/{DAY}/b.jsonl"], 1)
    assert [file.position for file in report.files] == [2]
    assert home.rows("select id from raw.usage_events order by id") == [{"id": "a"}, {"id": "b"}]


def test_a_file_that_changed_after_it_landed_is_a_problem_and_lands_nothing_more(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", lines(event("a")))
    home.land()
    home.deliver(f"usage/{DAY}/a.jsonl", lines(event("a"), event("b")))

    report = home.land()

    [problem] = report.problems
    assert (problem.source, problem.file_name, problem.reason) == ("usage", f"usage/{DAY}/a.jsonl", "file changed after it was landed")
    assert "another name" in problem.remedy
    assert home.count("raw.usage_events") == 1


def test_only_the_days_asked_for_land(home: Home) -> None:
    home.deliver("usage/2026-01-05/a.jsonl", lines(event("a")))
    home.deliver("usage/2026-01-06/a.jsonl", lines(event("b")))

    report = home.land([date(2026, 1, 6)])

    assert [file.landed_on for file in report.files] == [date(2026, 1, 6)]
    assert home.rows("select id from raw.usage_events") == [{"id": "b"}]


def test_an_empty_file_has_landed_with_no_rows(home: Home) -> None:
    for name in ("a.jsonl", "b.jsonl.gz", "c.csv", "d.csv.gz"):
        home.deliver(f"usage/{DAY}/{name}", "")

    report = home.land()

    assert (len(report.files), report.rows, report.problems) == (4, 0, ())
    assert home.rows("select distinct row_count from raw.landed_files") == [{"row_count": 0}]
    assert home.land().skipped == 4


def test_a_file_still_being_written_under_a_dotted_name_is_left_alone(home: Home) -> None:
    home.deliver(f"usage/{DAY}/.a.jsonl", lines(event("a")))

    report = home.land()

    assert (report.files, report.problems) == ((), ())


def test_nothing_delivered_is_nothing_landed(home: Home) -> None:
    report = home.land()

    assert (report.files, report.skipped, report.problems) == ((), 0, ())
    assert home.count("raw.landed_files") == 0
