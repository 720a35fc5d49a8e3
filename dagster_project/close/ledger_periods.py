"""The accounting period in the ERP follows the register: nobody posts there into a month that is closed here."""

from __future__ import annotations

from contextlib import closing

from dagster_project.close.installation import Installation


def bring_ledger_period(installation: Installation, entity: str, period: str) -> bool:
    """Close or reopen the period in the ERP as the register has it; False: it was so before.

    Raises:
        DestinationError: the ERP refuses, or could not be asked. What the register says stands; closing again asks again.
    """
    from reverse_etl.register.records import OPEN
    from reverse_etl.systems.tryton import open_tryton

    with closing(installation.open_register()) as register:
        is_open = register.period_status(entity, period) == OPEN
    return open_tryton(installation.settings).bring_period(entity, period, is_open=is_open)
