"""What people are asked to decide, and what they decided."""

from __future__ import annotations

from reverse_etl.documents import SealedDocument
from reverse_etl.register import approvals, confirmations, corrections, periods, sign_offs
from reverse_etl.register.access.transactions import Transactions
from reverse_etl.register.records.approvals import (
    APPROVED,
    CONFIRMATION_KINDS,
    PERIOD_REOPEN,
    PERIOD_SIGN_OFF,
    REJECTED,
    REPOST_KINDS,
    ApprovalRequest,
    NewApprovalRequest,
    Verdict,
)


class Decisions(Transactions):
    """Requests, their verdicts, and what a verdict carries out at once."""

    def ask(self, asked: NewApprovalRequest, actor: str, correlation_id: str = "") -> ApprovalRequest:
        """Ask for a decision as ``actor``, whom the caller has authenticated. Raises ``ApprovalError``."""
        with self._writing(actor, correlation_id) as writer:
            return approvals.ask(writer, asked)

    def ask_to_repost(self, business_key: str, reason: str, actor: str, *, absent: bool = False) -> ApprovalRequest:
        """Ask for a posted journal entry to be reversed and reposted, or reposted where it is ``absent`` at its destination; approving it seals
        what is needed.

        Raises ``ApprovalError``, and ``PeriodError`` where what is absent belongs to a hard closed period.
        """
        with self._writing(actor) as writer:
            return corrections.ask(writer, business_key, reason, absent=absent)

    def ask_to_confirm(self, document: SealedDocument, remote_id: str | None, reason: str, actor: str) -> ApprovalRequest:
        """Ask for a parked document to be recorded as posted under ``remote_id``, or as absent (None); approving it does so. Raises
        ``ApprovalError``."""
        with self._writing(actor) as writer:
            return confirmations.ask(writer, document, remote_id, reason)

    def approve(self, request_id: str, content_hash: str, actor: str, four_eyes: bool = True) -> ApprovalRequest:
        """Approve what hashes to ``content_hash``. Approving the reopening of a period opens it, approving a correction seals it, and a
        confirmation is recorded. A sign-off is of the seal that the period has.

        Raises ``ApprovalError``, of which ``MakerIsCheckerError`` is one, and ``PeriodError``.
        """
        with self._writing(actor) as writer:
            approved = approvals.decide(writer, request_id, APPROVED, content_hash, actor, four_eyes, None)
            if approved.kind == PERIOD_REOPEN:
                periods.reopen(writer, approved)
            elif approved.kind == PERIOD_SIGN_OFF:
                sign_offs.require_unmoved(writer.connection, periods.change_named(writer.connection, approved), approved)
            elif approved.kind in REPOST_KINDS:
                corrections.seal(writer, approved)
            elif approved.kind in CONFIRMATION_KINDS:
                confirmations.perform(writer, approved)
            return approved

    def reject(self, request_id: str, content_hash: str, actor: str, reason: str, four_eyes: bool = True) -> ApprovalRequest:
        """Reject, or withdraw, what is not sealed yet. Raises ``ApprovalError``."""
        with self._writing(actor) as writer:
            rejected = approvals.decide(writer, request_id, REJECTED, content_hash, actor, four_eyes, reason)
            if rejected.kind == PERIOD_SIGN_OFF:
                sign_offs.require_not_final(periods.change_named(writer.connection, rejected), rejected)
            return rejected

    def approval_requests(self) -> list[ApprovalRequest]:
        """Every request by position, each with its last verdict."""
        with self._reading() as connection:
            return approvals.listed(connection)

    def approval_requests_since(self, position: int) -> list[ApprovalRequest]:
        with self._reading() as connection:
            return approvals.requests_since(connection, position)

    def verdicts_since(self, position: int) -> list[Verdict]:
        with self._reading() as connection:
            return approvals.verdicts_since(connection, position)
