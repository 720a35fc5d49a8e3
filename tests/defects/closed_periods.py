"""A period that a legal entity has closed before the one that all of them close."""

from __future__ import annotations

from contextlib import closing

from dagster_project.close import Installation
from dagster_project.close.periods import landed_until


def close_the_month_before(installation: Installation, entity: str) -> None:
    """On what has landed by then."""
    [last] = installation.warehouse.read("select max(position) as position from raw.landed_files").to_pylist()
    landed = landed_until(installation, last["position"])
    with closing(installation.open_register()) as register:
        register.close_period(entity, "2025-12", landed.position, "tests", landed_files=landed)
