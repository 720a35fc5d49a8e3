"""What the register hands out: frozen records, one per kind of fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from reverse_etl.documents import OutboxRow, SealedDocument, State

OPEN = "open"
SOFT_CLOSED = "soft_closed"
HARD_CLOSED = "hard_closed"
PERIOD_STATUSES = (OPEN, SOFT_CLOSED, HARD_CLOSED)
# What a seal counts: all documents, those of a type and currency, the lines of an account and currency, and the files that had landed.
ALL_DOCUMENTS, DOCUMENTS, ACCOUNT, LANDED_FILES = "all_documents", "documents", "account", "landed_files"
EVERYTHING = "*"

LOST = "posted_before_restoration"
"""The kind of exception about what a destination holds and a register put back from a backup does not; ends when it is verified again."""

STALE_HEAD = "stale_head"
WRONG_INCARNATION = "wrong_incarnation"
CLOSED_PERIOD = "closed_period"
CONTRACT = "contract"
NOT_APPROVED = "not_approved"

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
# The journal entries that a soft closed period still takes: snapshots of its end, and what two people have decided.
SOFT_CLOSE_CAUSES = ("unbilled_receivables_accrued", "receivables_revalued", WRITE_OFF)
REVERSAL, REPOSTING = "misposting_reversed", "misposting_reposted"
CORRECTION_CAUSES = (REVERSAL, REPOSTING)
"""The causes of the two documents that correct a misposting; only an approved request seals them."""
REVERSED_REFERENCE = "reverses_reference"
"""The member of a reversal's payload that names the external reference of what it takes back."""
BASES = ("net", "before_discount")
DISPOSITIONS = ("offset", "credit", "refund")


def storable(text: str) -> str:
    """Text as every database stores it: what a server answers may hold NUL or half a character."""
    if "\0" not in text and text.isascii():
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _make_storable(record: object) -> None:
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if type(value) is str:
            object.__setattr__(record, field.name, storable(value))


@dataclass(frozen=True, slots=True)
class Refusal:
    """An outbox row that was not sealed. ``code`` is stale_head, wrong_incarnation, closed_period, not_approved or contract."""

    row: OutboxRow
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class SealReport:
    sealed: tuple[SealedDocument, ...]
    unchanged: tuple[SealedDocument, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A sealed document with what only the register knows. ``payload_json`` is the canonical JSON that was sealed."""

    document: SealedDocument
    series: str | None
    subtracted_key: str
    register_head: int
    payload_json: str
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a document has come at its destination.

    ``generation`` rises only after proven absence. ``completed``: calls that took effect, in order of discovery.
    ``written_ahead_at``: an attempt is outstanding since then. ``first_written_at``: first write-ahead of the current call and
    generation (its key's retention counts from here). ``doubt``: an earlier attempt of that call may have taken effect.
    ``resend_exhausted``: sending again proves nothing more. ``believable_at``: from when on "absent" is believed.
    ``resolutions``: inconclusive resolutions so far. ``next_attempt_at``: not to be tried before.
    """

    document_position: int
    state: State = State.PENDING
    generation: int = 0
    completed: tuple[str, ...] = ()
    written_ahead_at: datetime | None = None
    first_written_at: datetime | None = None
    doubt: bool = False
    resend_exhausted: bool = False
    believable_at: datetime | None = None
    resolutions: int = 0
    next_attempt_at: datetime | None = None
    remote_id: str | None = None
    remote_number: str | None = None
    epoch: int = 0
    reason: str | None = None
    posted_at: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("reason", "remote_id", "remote_number"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, storable(value))


@dataclass(frozen=True, slots=True)
class Standing:
    """What those who depend on a document need to know of it."""

    position: int
    revision: int
    state: State
    remote_id: str | None


@dataclass(frozen=True, slots=True)
class WaitingDocuments:
    """Documents of one lane, period, state and currency that are not at their destination; the total in minor units."""

    system: str
    entity: str
    period: str
    state: State
    currency: str
    documents: int
    total_minor: int
    oldest_sealed_at: datetime


@dataclass(frozen=True, slots=True)
class PeriodDocuments:
    """Documents of a legal entity and period by destination, type, state and currency; the total in minor units.

    ``posted_at``: when the last of them took effect at its destination. ``run_id``: the correlation id of the last that was sealed.
    """

    system: str
    document_type: str
    state: State
    currency: str
    documents: int
    total_minor: int
    sealed_at: datetime
    sealed_position: int
    posted_at: datetime | None
    run_id: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of one call: the stored request and, once known, what came of it (outcome None = unknown).

    ``correlation_id``: the run or command that sent it, which the request carried to the destination as its trace.
    """

    position: int
    document_position: int
    call_name: str
    generation: int
    idempotency_key: str
    request: bytes
    written_ahead_at: datetime
    correlation_id: str
    epoch: int
    outcome: str | None
    reason: str | None
    remote_id: str | None
    reply: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Transition:
    position: int
    document_position: int
    state: State
    remote_id: str | None
    remote_number: str | None
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """``landing_position`` is the cutoff: what had landed when the period closed."""

    position: int
    entity: str
    period: str
    status: str
    landing_position: int | None
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LandedFiles:
    """What had landed when a period closed: the files up to ``position``, and the hash of their positions, names and contents."""

    position: int
    file_count: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class SealMeasure:
    """One measure of what a period holds. ``measure`` is all_documents, documents (``subject``: their type), account (its code: debits less
    credits of its lines) or landed_files."""

    measure: str
    subject: str
    currency: str | None
    item_count: int
    total_minor: int | None = None
    functional_minor: int | None = None
    content_hash: str | None = None

    def __str__(self) -> str:
        named = f"{self.measure} {self.subject}" if self.subject != EVERYTHING else self.measure
        return f"{named} in {self.currency}" if self.currency else named


@dataclass(frozen=True, slots=True)
class PeriodSeal:
    """What a period held when it was closed, and where the register stood then."""

    entity: str
    period: str
    register_position: int
    measures: tuple[SealMeasure, ...]

    @property
    def landed_files(self) -> SealMeasure | None:
        return next((measure for measure in self.measures if measure.measure == LANDED_FILES), None)


@dataclass(frozen=True, slots=True)
class SealBreak:
    """A closed period that is not what was sealed: ``what`` changed, with the value ``sealed`` and the one ``now``."""

    entity: str
    period: str
    what: str
    sealed: str
    now: str

    def __str__(self) -> str:
        return f"J12 {self.entity} {self.period}: {self.what}: {self.sealed} when it was closed, {self.now} now"


@dataclass(frozen=True, slots=True)
class NewException:
    """Something a person must look at: what happened (``reason``) and what to do (``action``)."""

    kind: str
    subject: str
    reason: str
    action: str
    entity: str | None = None
    period: str | None = None
    source: str | None = None
    file_name: str | None = None
    line_number: int | None = None
    document_position: int | None = None

    def __post_init__(self) -> None:
        _make_storable(self)


@dataclass(frozen=True, slots=True)
class ExceptionRecord:
    position: int
    kind: str
    subject: str
    reason: str
    action: str
    entity: str | None
    period: str | None
    source: str | None
    file_name: str | None
    line_number: int | None
    document_position: int | None
    recorded_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None

    @property
    def state(self) -> str:
        return "open" if self.resolved_at is None else "resolved"


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The result of recomputing the chain. ``first_broken`` is the first position that does not hold, with the reason."""

    positions: int
    head_hash: str
    first_broken: int | None
    reason: str | None

    @property
    def intact(self) -> bool:
        return self.first_broken is None


@dataclass(frozen=True, slots=True)
class Restoration:
    """When a backup was taken into use, and the first epoch that lanes are claimed under since."""

    at: datetime
    first_epoch: int


@dataclass(frozen=True, slots=True)
class Lane:
    """The right to deliver to one destination for one entity, held under an epoch."""

    system: str
    entity: str
    epoch: int
    holder: str


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
