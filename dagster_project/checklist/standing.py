"""What the checklist of one legal entity and period is made of: facts of the register, the published warehouse, the pacing and the last run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from dagster_project.checklist.step import Money
from reverse_etl.documents import State


@dataclass(frozen=True, slots=True)
class DocumentGroup:
    """Documents of the period at one destination, of one type, state and currency. ``posted_at``: when the last of them took effect there."""

    system: str
    document_type: str
    state: State
    documents: int
    total: Money
    sealed_at: datetime
    sealed_position: int
    posted_at: datetime | None = None
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of a checkpoint. ``difference`` is an exact decimal as text, with its unit; ``money``: the same where it is an amount."""

    checkpoint: str
    title: str
    entity: str
    measure: str
    difference: str
    break_count: int
    money: Money | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Delivered rows of reference data that one rule refuses. ``example``: file and line of the first."""

    rule: str
    meaning: str
    rows: int
    example: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Lines, or usage reports, that wait for one reason."""

    what: str
    reason: str
    meaning: str
    lines: int
    customers: int
    amounts: tuple[Money, ...]
    relation: str


@dataclass(frozen=True, slots=True)
class StoppedPlan:
    """What a run gate stops: lines of one cause, and the plan that an approval is of."""

    cause: str
    plan_hash: str
    lines: int
    gross: Money


@dataclass(frozen=True, slots=True)
class OpenException:
    """What the register lists for a person about a document, or about a destination of the entity (``period`` empty)."""

    identifier: int
    kind: str
    subject: str
    reason: str
    system: str
    document_type: str
    total: Money | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """A destination that is sent nothing now. ``until``: when that ends by itself."""

    system: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ReadBackState:
    """The last completed read-back of the entity and period from one destination."""

    system: str
    documents: int
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class Landing:
    """The files of usage that arrived on the days of the period, and the last day on which anything did. ``problems``: files of these days that could
    not land, ``quarantined``: events of these days that were set aside."""

    files: int = 0
    rows: int = 0
    last_day: date | None = None
    position: int = 0
    problems: tuple[str, ...] = ()
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Closing:
    """A change of the period's status: ``soft_closed``, ``open`` (reopened) or ``hard_closed``."""

    status: str
    actor: str
    at: datetime
    landing_position: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A decision that was asked for."""

    request_id: str
    kind: str
    subject: str
    reason: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    four_eyes: str | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """What the period held when it was last closed; ``by_type``: document type, number and total of each type and currency."""

    documents: int
    by_type: tuple[tuple[str, int, Money], ...]
    content_hash: str


@dataclass(frozen=True, slots=True)
class LateUsage:
    """Usage of the period that landed after a cutoff of it."""

    events: int
    customers: int
    last_landed_on: date


@dataclass(frozen=True, slots=True)
class FailedRun:
    """The last run that was to close the period, which failed before its end."""

    run_id: str
    at: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """``ledger``: the destination that keeps the entity's books, None before its master data landed. ``published_at`` and ``published_position``: of
    the copy of the warehouse that all that is computed was read from, and of its mirror of the register; None where nothing is published yet.

    ``unsealed``: proposed documents, by ``billing`` and ``journals``, that the register did not have when the copy was published.
    ``platform_lines``: lines of the period that the billing platform rates, ``not_invoiced`` those of them that it has not invoiced.
    ``late_usage``: what landed after the last cutoff; ``billed_late_usage``: after the first one, and billed when the period was closed again.
    ``reopening``: the approved request that opened the period again. ``undecided``: what a hard close waits for. ``sign_off``: of what the period
    holds now; ``void_sign_off``: of what it held before; ``asked_sign_off``: not decided yet.
    """

    entity: str
    period: str
    billing: str
    ledger: str | None
    first_open: str
    changes: tuple[Closing, ...] = ()
    published_at: datetime | None = None
    published_position: int | None = None
    landing: Landing = Landing()
    measures: tuple[Measure, ...] = ()
    missing_files: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    holds: tuple[Hold, ...] = ()
    stopped: tuple[StoppedPlan, ...] = ()
    unsealed: tuple[tuple[str, int], ...] = ()
    documents: tuple[DocumentGroup, ...] = ()
    exceptions: tuple[OpenException, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    read_backs: tuple[ReadBackState, ...] = ()
    platform_lines: int = 0
    not_invoiced: int = 0
    not_invoiced_amounts: tuple[Money, ...] = ()
    seal: Seal | None = None
    broken_seals: tuple[str, ...] = ()
    reopening: Request | None = None
    late_usage: LateUsage | None = None
    billed_late_usage: LateUsage | None = None
    undecided: tuple[Request, ...] = ()
    sign_off: Request | None = None
    void_sign_off: Request | None = None
    asked_sign_off: Request | None = None
    failed_run: FailedRun | None = None

    @property
    def status(self) -> str:
        return self.changes[-1].status if self.changes else "open"
