"""Months are closed one after the other: a close whose turn has not come says which one is first."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.periods import require_turn
from reverse_etl.errors import PeriodError
from reverse_etl.settings import Settings


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    settings = Settings(home=Path(tmp_path_factory.mktemp("order")), entities=("acme",), first_period="2026-01")
    initialize(settings)
    return Installation(settings)


def test_a_month_waits_for_the_first_open_one_and_what_is_closed_may_run_again(installation: Installation) -> None:
    require_turn(installation, "acme", "2026-01")
    with pytest.raises(PeriodError, match=r"2026-02 of acme waits: 2026-01 is open.*partition acme\|2026-01 of the job monthly_close"):
        require_turn(installation, "acme", "2026-02")
    with closing(installation.open_register()) as register:
        register.close_period("acme", "2026-01", None, "tests")
    for month in ("2026-01", "2026-02"):
        require_turn(installation, "acme", month)
    with pytest.raises(PeriodError, match="2026-04 of acme waits: 2026-02 is open"):
        require_turn(installation, "acme", "2026-04")
