"""Quantities keep their last digit, and what only looks like a quantity is left alone."""

from __future__ import annotations

from landing_home import DAY, Home, event, lines

KEPT = {
    "5": "5",
    '"12.50"': "12.50",
    "0.0000001": "0.0000001",
    "1234567890.123456789012": "1234567890.123456789012",
    "9999999999.123456789012": "9999999999.123456789012",
    "0.000000000001": "0.000000000001",
    "-0.25": "-0.25",
    "12345678901234567890": "12345678901234567890",
}
WRITTEN_OUT = {"1e-07": "0.0000001", "2.5E3": "2500", "1e-5": "0.00001", "-1.5e-3": "-0.0015"}
INEXACT = ("1234567890.12345678901e-1", "1e-30", "1e400")


def test_a_quantity_is_kept_to_its_last_digit_in_lines_and_in_tables(home: Home) -> None:
    records = [event(written, written) for written in KEPT]
    rows = [f'1.0,{number},s,t,C1,2026,"{{""quantity"":{written.replace(chr(34), chr(34) * 2)}}}"\n' for number, written in enumerate(KEPT)]
    home.deliver(f"usage/{DAY}/a.jsonl", lines(*records))
    home.deliver(f"usage/{DAY}/b.csv", "specversion,id,source,type,subject,time,data\n" + "".join(rows))

    home.land()

    landed = home.rows("select record, json_extract_string(data, '$.quantity') as quantity from raw.usage_events order by file_name, line_number")
    assert [row["quantity"] for row in landed] == [*KEPT.values(), *KEPT.values()]
    assert [row["record"] for row in landed[: len(records)]] == records, "the record stays verbatim"


def test_a_quantity_with_an_exponent_is_written_out(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", lines(*(event(written, written) for written in WRITTEN_OUT)))

    home.land()

    landed = home.rows("select json_extract_string(data, '$.quantity') as quantity from raw.usage_events order by line_number")
    assert [row["quantity"].rstrip("0").rstrip(".") for row in landed] == list(WRITTEN_OUT.values())


def test_a_number_that_cannot_be_kept_exactly_is_a_parse_error_and_not_a_rounded_number(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", lines(*(event(written, written) for written in INEXACT)))

    home.land()

    refused = {"parse_error": "a number cannot be kept to its last digit: send it as a string", "data": None}
    assert home.rows("select parse_error, data from raw.usage_events") == [refused] * len(INEXACT)


def test_text_that_looks_like_a_quantity_is_left_as_it_is(home: Home) -> None:
    note = '"note":"said \\"quantity\\": 1.5, twice"'
    home.deliver(f"usage/{DAY}/a.jsonl", '{"id":"a","data":{' + note + ',"quantity":2.5}}\n')

    home.land()

    assert home.rows("select data from raw.usage_events") == [{"data": "{" + note + ',"quantity":"2.5"}'}]


def test_absent_and_null_attributes_are_null(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", '{"id":null,"source":"s","data":null}\n')

    home.land()

    assert home.rows("select id, source, type, data, parse_error from raw.usage_events") == [
        {"id": None, "source": "s", "type": None, "data": None, "parse_error": None}
    ]


def test_a_byte_order_mark_blank_lines_and_an_unended_last_line_are_no_fault(home: Home) -> None:
    home.deliver(f"usage/{DAY}/a.jsonl", "\ufeff" + event("a") + "\n\n" + event("b") + "\r\n" + event("c"))

    assert (home.land().rows, home.land().skipped) == (3, 1)
    landed = home.rows("select id, line_number, parse_error from raw.usage_events order by line_number")
    assert [tuple(row.values()) for row in landed] == [("a", 1, None), ("b", 3, None), ("c", 4, None)]
