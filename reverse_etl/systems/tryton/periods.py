"""The accounting periods of the ledger, closed and reopened as the register says."""

from __future__ import annotations

import time
from collections.abc import Mapping

from reverse_etl.errors import DestinationError
from reverse_etl.systems.tryton.classification import Answered
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.directory import READ_SECONDS, CompanyDirectory, search_read

OPEN, CLOSED, LOCKED = "open", "closed", "locked"
TRANSITIONS: Mapping[bool, str] = {False: "close", True: "reopen"}


def period_states(connection: Connection, company: CompanyDirectory) -> Mapping[str, str]:
    """``open``, ``closed`` or ``locked`` by the month (``YYYY-MM``) of each period that is one. Raises ``DestinationError``."""
    domain = [["company", "=", company.id], ["type", "=", "standard"]]
    states = {record["id"]: record["state"] for record in search_read(connection, "account.period", domain, ["state"], company.context)}
    return {f"{period.start:%Y-%m}": states[period.id] for period in company.periods if period.id in states}


def bring_period(connection: Connection, company: CompanyDirectory, period: str, is_open: bool) -> bool:
    """Close or reopen the period unless it is so already, and look again, whatever was answered; False: it was so before.

    Raises:
        DestinationError: Tryton has no such period, refuses, or leaves it as it was.
    """
    before = period_states(connection, company).get(period)
    if before is None:
        raise DestinationError(f"Tryton has no accounting period {period} of {company.entity}: create the fiscal year in Tryton")
    if (before == OPEN) == is_open:
        return False
    ids = [found.id for found in company.periods if f"{found.start:%Y-%m}" == period]
    method = TRANSITIONS[is_open]
    answer = connection.call(f"model.account.period.{method}", [ids, dict(company.context)], time.monotonic() + READ_SECONDS)
    # An answer that was lost says nothing; the state of the period does.
    after = period_states(connection, company).get(period)
    if (after == OPEN) != is_open:
        reason = f"it is {after}" if isinstance(answer, Answered) else answer.reason.rstrip(".")
        raise DestinationError(f"Tryton did not {method} {period} of {company.entity}: {reason}. Remedy it there, then {method} again")
    return True
