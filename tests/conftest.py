"""What every test shares: the time each folder of tests took, printed at the end, for all share one budget."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

import pytest

seconds_by_folder: defaultdict[str, float] = defaultdict(float)
tests_by_folder: defaultdict[str, int] = defaultdict(int)


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
