"""What people are asked to decide, and what they decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

# What can be asked for: what a person decides, and what was computed and does not go on by itself.
GOODWILL, VOID, ADJUSTMENT, WRITE_OFF, RUN_GATE, USAGE_SPIKE = "goodwill", "void", "adjustment", "write_off", "run_gate", "usage_spike"
OPENING = "opening"
PERIOD_REOPEN, PERIOD_SIGN_OFF = "period_reopen", "period_sign_off"
# What is decided of a posting: to reverse and repost it, to repost it where it has vanished, or what a person found of a document in doubt.
REPOST, REPOST_ABSENT, CONFIRM_POSTED, CONFIRM_ABSENT = "repost", "repost_absent", "confirm_posted", "confirm_absent"
CREDIT_KINDS = (GOODWILL, VOID)
INVOICE_KINDS = (*CREDIT_KINDS, WRITE_OFF)
DECISION_KINDS = (*INVOICE_KINDS, ADJUSTMENT)
COMPUTED_KINDS = (RUN_GATE, USAGE_SPIKE, OPENING)
REPOST_KINDS = (REPOST, REPOST_ABSENT)
CONFIRMATION_KINDS = (CONFIRM_POSTED, CONFIRM_ABSENT)
POSTING_KINDS = (*REPOST_KINDS, *CONFIRMATION_KINDS)
REQUEST_KINDS = (*DECISION_KINDS, *COMPUTED_KINDS, PERIOD_REOPEN, PERIOD_SIGN_OFF, *POSTING_KINDS)
PERFORMED_KINDS = (PERIOD_REOPEN, *POSTING_KINDS)
"""Whoever approves these performs them at once, so that nothing is left to withdraw."""
DECISION_CAUSES = (*DECISION_KINDS, "void_and_rebill")
APPROVED, REJECTED = "approved", "rejected"
VERDICTS = (APPROVED, REJECTED)

BASES = ("net", "before_discount")
DISPOSITIONS = ("offset", "credit", "refund")


@dataclass(frozen=True, slots=True)
class NewApprovalRequest:
    """``subject``: business key of an invoice or of a posting, customer of an adjustment, ``entity/cause`` of a run gate, key of a rated
    line, ``entity/period`` of what is done with a period, or legal entity of an opening.
    ``line_key``: one line of the invoice, ``product/YYYY-MM`` of an adjustment, or the destination's id of a confirmed posting.
    ``amount_minor`` in minor units of ``currency``, net of tax or, for a write-off and what concerns a posting, gross; ``basis`` is net,
    before_discount or gross. ``disposition``: offset takes it off what the invoice has due, credit goes to the customer's balance, refund goes
    back to whoever paid. ``rebill`` is yes or no. ``content_hash`` is of what was computed; that of a decision is made here."""

    kind: str
    entity: str
    subject: str
    reason: str
    line_key: str | None = None
    currency: str | None = None
    amount_minor: int | None = None
    basis: str | None = None
    disposition: str | None = None
    rebill: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``verdict`` is approved or rejected; ``four_eyes`` says whether maker and checker had to differ: required or waived."""

    position: int
    request_position: int
    verdict: str
    content_hash: str
    four_eyes: str
    reason: str | None
    decided_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A request with its last verdict."""

    position: int
    request_id: str
    kind: str
    entity: str
    subject: str
    line_key: str | None
    currency: str | None
    amount_minor: int | None
    basis: str | None
    disposition: str | None
    rebill: str | None
    reason: str
    content_hash: str
    requested_by: str
    requested_at: datetime
    verdict: Verdict | None

    @property
    def status(self) -> str:
        return "open" if self.verdict is None else self.verdict.verdict

    @property
    def document_cause(self) -> str:
        """The cause of the document that follows from a decision."""
        return "void_and_rebill" if self.kind == VOID and self.rebill == "yes" else self.kind
