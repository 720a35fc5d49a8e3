"""Which ERP keeps the ledger of a legal entity, and what is asked of it beyond postings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from dagster_project.close.installation import Installation
from reverse_etl.errors import ConfigurationError, TieoutError

if TYPE_CHECKING:
    from reverse_etl.systems.contract import System

_LEDGERS = "select entity, ledger from staging.stg_crm__legal_entities order by entity"


def ledgers(installation: Installation, *, published: bool = False) -> dict[str, str]:
    """The destination that keeps the ledger of each legal entity of the installation, as its master data say.

    Raises:
        ConfigurationError: one is no destination of the installation.
    """
    warehouse, settings = installation.warehouse, installation.settings
    rows = (warehouse.read_published if published else warehouse.read)(_LEDGERS).to_pylist()
    found = {row["entity"]: row["ledger"] for row in rows if row["entity"] in settings.entities}
    for entity, name in found.items():
        if name not in settings.ledgers:
            raise ConfigurationError(
                f"legal entity {entity} keeps its ledger in {name!r}, but the ledgers of tieout.yaml are {', '.join(settings.ledgers) or 'none'}: "
                "add it under 'destinations', or correct the column 'ledger' of the legal entities"
            )
    return found


def ledger_of(installation: Installation, entity: str) -> str:
    """The destination that keeps the ledger of one legal entity.

    Raises:
        ConfigurationError: the entity has no master data, or its ledger is no destination.
    """
    try:
        return ledgers(installation)[entity]
    except KeyError:
        raise ConfigurationError(f"legal entity {entity} has no master data yet: deliver it in legal_entities and land it") from None


def ledger_systems(installation: Installation) -> Iterator[tuple[str, System]]:
    """Each legal entity with the system that keeps its ledger, as readers of the warehouse see it."""
    opened: dict[str, System] = {}
    for entity, name in ledgers(installation, published=True).items():
        if name not in opened:
            opened[name] = installation.open_system(name)
        yield entity, opened[name]


def bring_ledger_period(installation: Installation, entity: str, period: str) -> bool:
    """Close or reopen the period in the ERP as the register has it, so that nobody posts there into a month that is closed here.

    False: it was so before, or the ERP's periods cannot be closed from here.

    Raises:
        DestinationError: the ERP refuses, or could not be asked. What the register says stands; closing again asks again.
    """
    from reverse_etl.register.records.periods import OPEN
    from reverse_etl.systems.contract import LedgerPeriods

    system = installation.open_system(ledger_of(installation, entity))
    if not isinstance(system, LedgerPeriods):
        return False
    with closing(installation.open_register()) as register:
        is_open = register.period_status(entity, period) == OPEN
    return system.bring_period(entity, period, is_open=is_open)


def reopen_in_ledger(installation: Installation, entity: str, period: str) -> str | None:
    """Open a period in the ERP that was closed there with ours and reopened here; what came of it in words, None where there is nothing to tell.

    A period that nobody has closed here is left alone: whoever closed it in the ERP had a reason. What cannot be done now is told and not raised, for
    the register has it, and the next delivery tries again.
    """
    from reverse_etl.posting.push import open_pace
    from reverse_etl.register.records.periods import OPEN

    with closing(installation.open_register()) as register:
        change = register.period_change(entity, period)
    if change is None or change.status != OPEN:
        return None
    try:
        name = ledger_of(installation, entity)
        with open_pace(installation.settings, installation.open_system(name).manifest) as pace:
            withheld = pace.withheld()
        if withheld is not None:
            return f"{name} is left alone ({withheld.reason}); its period {period} opens with the next delivery"
        return f"period {period} is open in {name} too" if bring_ledger_period(installation, entity, period) else None
    except TieoutError as error:
        return f"period {period} could not be opened in the ledger of {entity}, the next delivery tries again: {error}"
