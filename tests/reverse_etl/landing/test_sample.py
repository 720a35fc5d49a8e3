"""Northlight's deliveries land whole: every line of every format, with no file refused."""

from __future__ import annotations

import json
import time

from landing_home import Home

from reverse_etl.sandbox.sample import generate


def test_every_line_of_the_sample_lands(home: Home) -> None:
    summary = generate(home.settings.home, events=5_000, seed=11)
    started = time.monotonic()

    report = home.land()

    assert time.monotonic() - started < 15
    assert (len(report.files), report.problems) == (summary.files, ())
    assert home.count("raw.usage_events") == summary.total.received == 5_000
    malformed = json.loads((home.settings.home / "sample_expected.json").read_text())["total"]["quarantined"]["malformed"]
    assert home.count("raw.usage_events where parse_error is not null") == malformed
    counted = home.rows(
        """
        select files.file_name
        from raw.landed_files as files
        left join (select file_name, count(*) as n from raw.usage_events group by file_name) as events on events.file_name = files.file_name
        where files.relation = 'raw.usage_events' and files.row_count is distinct from coalesce(events.n, 0)
        """
    )
    assert counted == []
    assert home.land().skipped == summary.files
