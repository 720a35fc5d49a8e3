"""What every test shares: the project as `make lint` parsed it, and the time each folder took, printed at the end, for all share one budget."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, settings

# dbt parses only what has changed since; every process of the tests would otherwise parse the whole project, which takes as long as a build.
PARSED = Path(__file__).resolve().parents[1] / ".venv" / ".scratch" / "target" / "partial_parse.msgpack"
if PARSED.is_file():
    os.environ.setdefault("DBT_PARTIAL_PARSE_FILE_PATH", str(PARSED))

# The same examples in every run, however long the machine takes for one: what fails, fails for everybody.
settings.register_profile("the same", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("the same")

# A file runs on one worker: the suite ends when the last one does, which is soonest if the longest start first. All others follow as they come.
LONGEST_FIRST = (
    "test_guides.py",
    "test_drills.py",
    "test_three_months.py",
    "test_close.py",
    "test_billing_led_close.py",
    "test_postgresql.py",
    "test_focus_close.py",
    "test_dagster_session.py",
    "test_three_ledgers.py",
    "test_decisions.py",
    "test_bad_input.py",
    "test_seeded_defects.py",
    "test_two_months.py",
    "test_cutover.py",
    "test_refused_reference_data.py",
    "test_simulation.py",
    "test_prepaid_and_thresholds.py",
    "test_incremental_usage.py",
    "test_rating_properties.py",
    "test_rating.py",
    "test_invoice_preview.py",
    "test_coverage.py",
)

# Closes over months, drills, the second engine, the second store of the register, and how each destination but the demo's is posted to and probed:
# `make test-all` and continuous integration run them too.
LONG = frozenset(
    (
        "test_close_report.py",
        "test_guides.py",
        "test_drills.py",
        "test_three_months.py",
        "test_reopened_period.py",
        "test_alerts_of_a_close.py",
        "test_billing_led_close.py",
        "test_focus_close.py",
        "test_three_ledgers.py",
        "test_postgresql.py",
        "test_decisions.py",
        "test_bad_input.py",
        "test_cutover.py",
        "test_refused_reference_data.py",
        "test_simulation.py",
        "test_prepaid_and_thresholds.py",
        "test_tryton_under_fire.py",
        "test_tryton_unique_reference.py",
        "test_crash_matrix.py",
        "test_stalled_posters.py",
        "test_store_failures.py",
        "test_read_after_close.py",
        "test_open_lineage.py",
        "test_traced_close.py",
        "test_refreshing.py",
        "test_close_runs.py",
        "test_dagster_session.py",
        "test_dagster_on_postgresql.py",
        "test_wheel.py",
        "test_second_runner.py",
        "test_asked_to_end.py",
        "test_interrupted_dbt.py",
        "test_bench.py",
        "test_clock_jumps.py",
        "test_incremental_usage.py",
        "test_netsuite_posting.py",
        "test_posting_conformance.py",
        "test_quickbooks_posting.py",
        "test_supervisor.py",
        "test_tryton_conformance.py",
        "test_xero_posting.py",
    )
)
SECOND_STORE = "postgresql"

seconds_by_folder: defaultdict[str, float] = defaultdict(float)
tests_by_folder: defaultdict[str, int] = defaultdict(int)


@pytest.fixture(autouse=True)
def _width_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has a terminal of some width; what they read is as wide as in a pipe."""
    monkeypatch.delenv("COLUMNS", raising=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
    for item in items:
        chosen = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        if item.path.name in LONG or SECOND_STORE in chosen:
            item.add_marker(pytest.mark.long)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    folder = PurePosixPath(report.nodeid.split("::", maxsplit=1)[0]).parent.as_posix()
    seconds_by_folder[folder] += report.duration
    tests_by_folder[folder] += report.when == "call"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not seconds_by_folder:
        return
    terminalreporter.section("time per folder")
    for folder, seconds in sorted(seconds_by_folder.items(), key=lambda entry: -entry[1]):
        terminalreporter.write_line(f"{seconds:8.1f} s  {tests_by_folder[folder]:5d} tests  {folder}")
