"""The accounting periods of the ledger, closed and reopened as the register says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected
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

    Closing a period closes each journal in it, and reopening it leaves them closed: ours is opened too.

    Raises:
        DestinationError: Tryton has no such period, refuses, or leaves it as it was.
    """
    before = period_states(connection, company).get(period)
    if before is None:
        raise DestinationError(f"Tryton has no accounting period {period} of {company.entity}: create the fiscal year in Tryton")
    ids = [found.id for found in company.periods if f"{found.start:%Y-%m}" == period]
    method = TRANSITIONS[is_open]
    changed = (before == OPEN) != is_open
    if changed:
        answer = _call(connection, company, "account.period", method, ids)
        # An answer that was lost says nothing; the state of the period does.
        after = period_states(connection, company).get(period)
        if (after == OPEN) != is_open:
            raise _left(answer, f"it is {after}", method, f"{period} of {company.entity}")
    closed = _closed_journals(connection, company, ids) if is_open else []
    if closed:
        answer = _call(connection, company, "account.journal.period", method, closed)
        if _closed_journals(connection, company, ids):
            raise _left(answer, "it is closed", method, f"our journal in {period} of {company.entity}")
    return changed or bool(closed)


def _closed_journals(connection: Connection, company: CompanyDirectory, periods: Sequence[int]) -> list[int]:
    """Where our journal is closed in these periods."""
    domain = [["period", "in", list(periods)], ["journal", "=", company.journal], ["state", "=", CLOSED]]
    return [record["id"] for record in search_read(connection, "account.journal.period", domain, ["state"], company.context)]


def _call(
    connection: Connection, company: CompanyDirectory, model: str, method: str, ids: Sequence[int]
) -> Answered | NotExecuted | Rejected | Ambiguous:
    return connection.call(f"model.{model}.{method}", [list(ids), dict(company.context)], time.monotonic() + READ_SECONDS)


def _left(answer: Answered | NotExecuted | Rejected | Ambiguous, found: str, method: str, what: str) -> DestinationError:
    reason = found if isinstance(answer, Answered) else answer.reason.rstrip(".")
    return DestinationError(f"Tryton did not {method} {what}: {reason}. Remedy it there, then {method} again")
