from __future__ import annotations

from contextlib import closing

from defect import Defect, Finding

from dagster_project.close import Installation
from dagster_project.close.periods import landed_until


def close_before(installation: Installation, entity: str) -> None:
    """The month before is closed on what has landed by then."""
    [last] = installation.warehouse.read("select max(position) as position from raw.landed_files").to_pylist()
    landed = landed_until(installation, last["position"])
    with closing(installation.open_register()) as register:
        register.close_period(entity, "2025-12", landed.position, "tests", landed_files=landed)


def tamper(entity: str) -> str:
    return "delete from raw.landed_files where position = (select min(position) from raw.landed_files where relation = 'raw.accounts')"


DEFECT = Defect(
    rule="What had landed when a period was closed is still there (J12).",
    caught_by=Finding("assert_j12_closed_periods_match_their_seal"),
    before_posting=close_before,
    tamper=tamper,
)
