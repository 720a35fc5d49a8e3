"""One close for all defects, and the line that says how many of them were caught."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from catalogue import seeded_defects
from closing import Close
from dbt_commands import Dbt
from defect import Defect, Finding
from judgement import CAUGHT, FALSE_ALARMS, findings

from reverse_etl.settings import Settings

seen: dict[str, dict[str, int]] = {CAUGHT: {}, FALSE_ALARMS: {}}


@pytest.fixture(scope="session")
def close(tmp_path_factory: pytest.TempPathFactory) -> Close:
    defects = {one.name: one.defect for one in seeded_defects() if isinstance(one.defect, Defect)}
    return Close.run(Settings(home=tmp_path_factory.mktemp("defects")), Dbt(tmp_path_factory.mktemp("dbt")), defects)


@pytest.fixture(scope="session")
def found(close: Close) -> Mapping[str, set[Finding]]:
    return findings(close)


def pytest_collection_finish(session: pytest.Session) -> None:
    seen[CAUGHT] |= {item.nodeid: 0 for item in session.items if re.search(r"::test_\w+_caught_by_its_control\[", item.nodeid)}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        for name, value in report.user_properties:
            if name in seen:
                seen[name][report.nodeid] = int(value)  # type: ignore[call-overload]


def pytest_unconfigure(config: pytest.Config) -> None:
    if seen[CAUGHT] and not hasattr(config, "workerinput"):
        caught, alarms = seen[CAUGHT].values(), sum(seen[FALSE_ALARMS].values())
        print(f"Caught {sum(caught)} of {len(caught)} seeded defects; {alarms} false alarms on clean closes")
