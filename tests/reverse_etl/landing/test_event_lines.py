"""Every line of a whole file lands, whatever it says; its quantity to the last digit."""

from __future__ import annotations

import pytest
from landing_home import DAY, Home, event, lines


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"specversion":"1.0","id":"x', "not valid JSON"),
        ("WARN buffer overrun", "not valid JSON"),
        ('["1.0","x"]', "not a JSON object"),
        ('"text"', "not a JSON object"),
    ],
)
def test_a_malformed_line_lands_with_its_error_and_no_attributes(home: Home, line: str, error: str) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", lines(event("a"), line, event("b")))

    report = home.land()

    assert (report.rows, report.problems) == (3, ())
    [landed] = home.rows("select record, parse_error, id, type, data, line_number from raw.usage_events where parse_error is not null")
    assert landed == {"record": line, "parse_error": error, "id": None, "type": None, "data": None, "line_number": 2}


def test_absent_and_null_attributes_are_null(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", '{"id":null,"source":"s","data":null}\n')

    home.land()

    assert home.rows("select id, source, type, data, parse_error from raw.usage_events") == [
        {"id": None, "source": "s", "type": None, "data": None, "parse_error": None}
    ]


def test_blank_lines_hold_nothing_and_keep_the_numbering(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", event("a") + "\n\n" + event("b") + "\r\n")

    assert home.land().rows == 2
    assert home.rows("select id, line_number from raw.usage_events order by 2") == [{"id": "a", "line_number": 1}, {"id": "b", "line_number": 3}]


def test_a_last_line_without_newline_lands_when_it_is_whole(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", "\ufeff" + lines(event("a")) + event("b"))

    assert home.land().rows == 2


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("5", "5"),
        ('"12.50"', "12.50"),
        ("0.0000001", "0.0000001"),
        ("1234567890.123456789012", "1234567890.123456789012"),
        ("-0.25", "-0.25"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_a_quantity_is_kept_to_its_last_digit(home: Home, written: str, kept: str) -> None:
    record = event("a", written)
    home.deliver(f"usage/{DAY}/a.jsonl", lines(record))
    data = '{""meter"":""api_calls"",""quantity"":' + written.replace('"', '""') + "}"
    home.deliver(f"usage/{DAY}/b.csv", f'specversion,id,source,type,subject,time,data\n1.0,b,s,t,C1,2026,"{data}"\n')

    home.land()

    landed = home.rows("select record, json_extract_string(data, '$.quantity') as quantity from raw.usage_events order by file_name")
    assert [row["quantity"] for row in landed] == [kept, kept]
    assert landed[0]["record"] == record


@pytest.mark.parametrize(("written", "value"), [("1e-07", "0.0000001"), ("2.5E3", "2500"), ("1e-5", "0.00001")])
def test_a_quantity_with_an_exponent_is_written_out(home: Home, written: str, value: str) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", lines(event("a", written)))

    home.land()

    [landed] = home.rows("select json_extract_string(data, '$.quantity') as quantity from raw.usage_events")
    assert "e" not in landed["quantity"].lower()
    assert landed["quantity"].rstrip("0").rstrip(".") == value


def test_a_number_that_cannot_be_kept_exactly_is_a_parse_error_not_a_rounded_number(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", lines(event("a", "1234567890.12345678901e-1")))

    home.land()

    assert home.rows("select parse_error, data from raw.usage_events") == [
        {"parse_error": "a number cannot be kept to its last digit: send it as a string", "data": None}
    ]


def test_text_that_looks_like_a_quantity_is_left_as_it_is(home: Home) -> None:
    note = '"note":"said \\"quantity\\": 1.5, twice"'
    home.deliver(f"usage/{DAY}/a.jsonl", '{"id":"a","data":{' + note + ',"quantity":2.5}}\n')

    home.land()

    [landed] = home.rows("select data from raw.usage_events")
    assert landed["data"] == "{" + note + ',"quantity":"2.5"}'


def test_data_that_is_no_object_in_a_table_is_absent(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.csv", "specversion,id,source,type,subject,time,data\n1.0,a,s,t,C1,2026,nonsense\n")

    home.land()

    assert home.rows("select id, data from raw.usage_events") == [{"id": "a", "data": None}]
