"""Usage that landed after its month was closed: of which legal entity and period, and which period bills it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date

from dagster_project.close import Installation
from dagster_project.close.partitions import first_day
from reverse_etl.register.periods import next_period
from reverse_etl.register.records.periods import OPEN

_LATE = """
    select
        customers.entity,
        strftime(events.service_month, '%Y-%m') as period,
        count(*) as events,
        count(distinct events.customer_id) as customers,
        max(events.landing_position) as position,
        min(events.landed_on) as first_landed_on,
        max(events.landed_on) as last_landed_on,
        list(distinct events.file_name order by events.file_name)[:?] as files
    from usage.usage_events as events
    inner join staging.stg_crm__customers as customers on events.customer_id = customers.customer_id
    where customers.entity = ? and events.service_month between ? and ? and events.landing_position > ?
    group by all
    order by period
"""
_BUILT = "select count(*) as tables from information_schema.tables where table_schema = 'usage' and table_name = 'usage_events'"
SHOWN_FILES = 20


@dataclass(frozen=True, slots=True)
class LateUsage:
    """Kept events of one legal entity and closed period that landed after the last close, so that nothing has billed them yet.

    ``position``: the last landed file of them. ``billed_in``: the first open period, whose close issues the difference.
    """

    entity: str
    period: str
    events: int
    customers: int
    position: int
    first_landed_on: date
    last_landed_on: date
    files: tuple[str, ...]
    billed_in: str

    def __str__(self) -> str:
        return (
            f"{self.events} events of {self.period} of {self.entity} landed after it was closed; the close of {self.billed_in} bills the difference"
        )

    @property
    def next_commands(self) -> tuple[str, ...]:
        """Nothing has to be done: the subtraction issues what differs. Who wants it in its own month reopens that."""
        return (
            f"tieout preview {self.billed_in}",
            f"tieout periods reopen {self.period} --entity {self.entity} --reason WHY",
        )


def late_usage(installation: Installation) -> tuple[LateUsage, ...]:
    """As the warehouse was last published; nothing where nothing is published yet. By legal entity and period."""
    if not installation.settings.published_path.is_file():
        return ()
    warehouse = installation.warehouse
    if not warehouse.read_published(_BUILT).to_pylist()[0]["tables"]:
        return ()
    with closing(installation.open_register()) as register:
        closed = [change for change in register.periods() if change.status != OPEN and change.landing_position is not None]
    found = []
    for entity in sorted({change.entity for change in closed}):
        of_entity = [change for change in closed if change.entity == entity]
        first, last = (choose(change.period for change in of_entity) for choose in (min, max))
        # What had landed when a later month was closed was billed by that.
        cutoff = max(change.landing_position or 0 for change in of_entity)
        parameters = [SHOWN_FILES, entity, first_day(first), first_day(last), cutoff]
        found += [
            LateUsage(**{**row, "files": tuple(row["files"])}, billed_in=next_period(last))
            for row in warehouse.read_published(_LATE, parameters).to_pylist()
        ]
    return tuple(found)
