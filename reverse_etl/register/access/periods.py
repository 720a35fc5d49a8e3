"""Accounting periods: opened, closed, sealed, compared with their seal."""

from __future__ import annotations

from reverse_etl.register import periods, seals, sign_offs
from reverse_etl.register.access.transactions import Transactions
from reverse_etl.register.records.approvals import ApprovalRequest
from reverse_etl.register.records.periods import HARD_CLOSED, OPEN, SOFT_CLOSED, LandedFiles, PeriodChange, PeriodSeal, SealBreak


class Periods(Transactions):
    """What a period is, and what it held when it was closed."""

    def close_period(
        self,
        entity: str,
        period: str,
        landing_position: int | None,
        actor: str,
        status: str = SOFT_CLOSED,
        landed_files: LandedFiles | None = None,
    ) -> bool:
        """Close a period, record the landing position as its cutoff and seal what it holds; False when it already has that status.

        Raises:
            PeriodError: the period cannot take the status; the message says what to do first.
        """
        with self._writing(actor) as writer:
            return periods.change_status(writer, entity, period, status, landing_position, landed_files)

    def ask_to_reopen(self, entity: str, period: str, reason: str, actor: str) -> ApprovalRequest:
        """Ask for a soft closed period to be opened again; approving it opens it. Raises ``PeriodError``."""
        with self._writing(actor) as writer:
            return periods.ask_to_reopen(writer, entity, period, reason)

    def ask_to_sign_off(self, entity: str, period: str, reason: str, actor: str) -> ApprovalRequest:
        """Ask for the sign-off of a soft closed period as it is sealed now. Raises ``PeriodError`` and ``ApprovalError``."""
        with self._writing(actor) as writer:
            return sign_offs.ask(writer, periods.latest_change(writer.connection, entity, period), entity, period, reason)

    def sign_off(self, entity: str, period: str) -> ApprovalRequest | None:
        """The approved sign-off of what a soft closed period holds now, or of what was hard closed on it; None where there is none."""
        with self._reading() as connection:
            changes = periods.changes(connection, entity, period)
            closed = next((change for change in reversed(changes) if change.status == SOFT_CLOSED), None)
            if closed is None or changes[-1].status == OPEN:
                return None
            return sign_offs.signed(connection, closed, changes[-1].position if changes[-1].status == HARD_CLOSED else None)

    def asked_sign_off(self, entity: str, period: str) -> ApprovalRequest | None:
        """The sign-off of what a soft closed period holds now that waits for its decision."""
        with self._reading() as connection:
            change = periods.latest_change(connection, entity, period)
            return None if change is None or change.status != SOFT_CLOSED else sign_offs.asked_for(connection, change)

    def undecided(self, entity: str, period: str) -> list[ApprovalRequest]:
        """The open requests that a hard close of the period waits for, or would if it were closed now; of a hard closed one there are none."""
        with self._reading() as connection:
            change = periods.latest_change(connection, entity, period)
            if change is not None and change.status == HARD_CLOSED:
                return []
            return sign_offs.holding_up(connection, entity, period, change.position if change is not None and change.status == SOFT_CLOSED else None)

    def period_changes(self, entity: str, period: str) -> list[PeriodChange]:
        """Every change of the period's status, the first one first."""
        with self._reading() as connection:
            return periods.changes(connection, entity, period)

    def periods(self) -> list[PeriodChange]:
        """The latest change of every period that was ever closed, by entity and period."""
        with self._reading() as connection:
            return periods.latest_changes(connection)

    def period_seal(self, entity: str, period: str) -> PeriodSeal | None:
        """What the period held when it was last closed; None when it never was, or before there were seals."""
        with self._reading() as connection:
            return seals.latest(connection, entity, period)

    def verify_seals(self, entity: str | None = None) -> list[SealBreak]:
        """Recompute what every closed period holds, and name what differs from its seal (J12)."""
        with self._reading() as connection:
            return periods.broken_seals(connection, entity)

    def period_status(self, entity: str, period: str) -> str:
        with self._reading() as connection:
            return periods.status_of(connection, entity, period)

    def period_change(self, entity: str, period: str) -> PeriodChange | None:
        """The latest change of the period, with its cutoff; None when it was never touched."""
        with self._reading() as connection:
            return periods.latest_change(connection, entity, period)

    def first_open_period(self, entity: str, default: str) -> str:
        with self._reading() as connection:
            return periods.first_open(connection, entity, default)

    def periods_since(self, position: int) -> list[PeriodChange]:
        with self._reading() as connection:
            return periods.changes_since(connection, position)

    def seals_since(self, position: int) -> list[tuple[int, PeriodSeal]]:
        """The measures of seals beyond a position of the log, each with its own."""
        with self._reading() as connection:
            return seals.since(connection, position)
