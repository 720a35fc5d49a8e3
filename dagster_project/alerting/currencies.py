"""Decimals by currency from the seed that the models read too, so that amounts are right before anything was built."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

# Not by way of dagster_project.dbt, whose import loads Dagster.
SEED = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds" / "currencies.csv"


@cache
def exponents() -> Mapping[str, int]:
    with SEED.open(newline="") as rows:
        return {row["currency"]: int(row["exponent"]) for row in csv.DictReader(rows)}
