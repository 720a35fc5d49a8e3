"""What is recorded of a delivery: its hash, its position, and a problem for as long as it stands."""

from __future__ import annotations

import hashlib

import pytest
from landing_home import DAY, Home, event, lines

from reverse_etl.errors import ConfigurationError
from reverse_etl.landing.mapping import read_mapping

METER = '{{"meter":"{0}","unit":"call","aggregation":"sum","description":"Calls"}}\n'


def test_landed_files_carry_their_hash_and_size_and_rising_positions_by_day(home: Home) -> None:
    first = home.deliver("usage/2026-01-05/a.jsonl", lines(event("a"), event("b")))
    home.deliver("usage/2026-01-06/a.jsonl", lines(event("c")))
    home.deliver("meters/2026-01-06/meters.jsonl", METER.format("api_calls"))

    report = home.land()

    landed = home.rows("select * from raw.landed_files order by position")
    assert [(row["position"], row["file_name"], row["relation"], row["row_count"]) for row in landed] == [
        (1, "usage/2026-01-05/a.jsonl", "raw.usage_events", 2),
        (2, "meters/2026-01-06/meters.jsonl", "raw.meters", 1),
        (3, "usage/2026-01-06/a.jsonl", "raw.usage_events", 1),
    ]
    assert [(file.position, file.relation, file.rows) for file in report.files] == [
        (row["position"], row["relation"], row["row_count"]) for row in landed
    ]
    assert (landed[0]["content_hash"], landed[0]["byte_count"]) == (hashlib.sha256(first.read_bytes()).hexdigest(), first.stat().st_size)


def test_a_truncated_gzip_file_is_refused_with_the_line_up_to_which_it_reads(home: Home) -> None:
    path = home.deliver(f"usage/{DAY}/a.jsonl.gz", lines(*(event(hashlib.sha256(bytes([n % 256, n // 256])).hexdigest()) for n in range(5000))))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    [problem] = home.land().problems

    assert problem.reason == "the gzip stream is cut off"
    assert problem.line_number is not None
    assert 1500 < problem.line_number < 3500
    assert home.count("raw.usage_events") == 0


def test_a_standing_problem_is_recorded_once(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", event("a")[:-5])
    first = home.land()
    recorded = home.rows("select * from raw.landing_problems")

    assert home.land().problems == first.problems
    assert home.rows("select * from raw.landing_problems") == recorded, "since it was first seen"
    assert len(recorded) == 1


def test_one_file_at_fault_does_not_take_others_of_its_transaction_with_it(home: Home) -> None:
    # Malformed lines of a reference file show only as its rows are written.
    home.deliver(f"meters/{DAY}/a.jsonl", METER.format("a"))
    home.deliver(f"meters/{DAY}/b.jsonl", METER.format("b") + "nonsense\n")
    home.deliver(f"meters/{DAY}/c.jsonl", METER.format("c"))
    home.deliver(f"meters/{DAY}/folder.jsonl/d.jsonl", METER.format("d"))

    report = home.land()

    assert [(problem.file_name, problem.line_number) for problem in report.problems] == [
        (f"meters/{DAY}/folder.jsonl", None),
        (f"meters/{DAY}/b.jsonl", 2),
    ]
    assert home.rows("select meter from raw.meters order by meter") == [{"meter": "a"}, {"meter": "c"}]
    assert home.rows("select position, file_name from raw.landed_files order by position") == [
        {"position": 1, "file_name": f"meters/{DAY}/a.jsonl"},
        {"position": 2, "file_name": f"meters/{DAY}/c.jsonl"},
    ]


def test_a_mapping_may_not_leave_events_out_without_a_reason(home: Home) -> None:
    path = home.map("box", "relation: raw.usage_events\ncolumns: {id: a}\nwhere: [{column: b, in: [c]}]\n")

    with pytest.raises(ConfigurationError, match="an event that is left out needs a reason"):
        read_mapping(path)
