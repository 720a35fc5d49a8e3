"""What a difference of the reperformance is called."""

from __future__ import annotations

from dagster_project.cli.closing.reperform import named, summary
from reverse_etl.reperformance.comparison import Difference, MonthReperformed

YEN = Difference("northlight_us", "2026-02", "4100", "JPY", -1200, -1250, -850, -885, "C7", "S7/scale.api_calls/2026-02-01")
ROUNDED = Difference("northlight_us", "2026-02", "1200", "USD", 1000, 1000, 1000, 1001, "C7", None)


def test_both_sides_of_a_difference_are_amounts_of_its_currency() -> None:
    month = MonthReperformed("northlight_us", "2026-02", 820, 820, (), (YEN, ROUNDED), ())
    assert summary(month) == "re-performed 820 of 820 lines; difference JPY 50, USD 0.00 on 2 lines"
    assert named(month) == (
        "northlight_us 2026-02 differs from the ledger: "
        "northlight_us 2026-02 S7/scale.api_calls/2026-02-01 on account 4100: JPY -1,200 re-performed, JPY -1,250 in the ledger; "
        "northlight_us 2026-02 C7 on account 1200: 1000 re-performed, 1001 in the ledger (minor units of the functional currency)"
    )
