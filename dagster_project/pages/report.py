"""What is on the report of a close: frozen data, read by ``gathering`` and shown by ``rendering``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from dagster_project.checklist.step import ChecklistStep, Money
from dagster_project.close.steps import Checkpoint
from dagster_project.pages.queue import QueueItem, counted
from dagster_project.published.sub_ledgers import RolledForward
from reverse_etl.posting.pacing.overview import DestinationState
from reverse_etl.register import ApprovalRequest
from reverse_etl.register.records.periods import OPEN

USUAL = (("normal", "closed"),)
"""Mode and circuit of a destination that is asked as always."""
STAGE, STEP, UNEXPLAINED = "stage", "step", "unexplained"


@dataclass(frozen=True, slots=True)
class EntityClose:
    """One legal entity in the period. ``status``: open, soft_closed or hard_closed; ``tied`` of so many ``checkpoints``, with so many ``breaks``."""

    entity: str
    name: str
    status: str
    changed_by: str | None
    changed_at: datetime | None
    checkpoints: int
    tied: int
    breaks: int

    @property
    def is_closed(self) -> bool:
        return self.status != OPEN


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """``kind``: stage (a level), step (what leads to the next) or unexplained."""

    step: str
    kind: str
    title: str
    money: Money
    item_count: int


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The way from usage to the ERP of one legal entity and currency. ``history``: what the ERP held by period, oldest first, this one last."""

    entity: str
    currency: str
    steps: tuple[WaterfallStep, ...]
    history: tuple[tuple[str, Money], ...]

    @property
    def unexplained(self) -> tuple[WaterfallStep, ...]:
        return tuple(step for step in self.steps if step.kind == UNEXPLAINED and step.money.minor)

    def stage(self, name: str) -> Money:
        """Raises ``StopIteration`` where there is no such stage."""
        return next(step.money for step in self.steps if step.step == name)


@dataclass(frozen=True, slots=True)
class InvoiceStatus:
    entity: str
    document_type: str
    status: str
    document_count: int
    total: Money
    open: Money


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved by customer, product or account, against the month before."""

    entity: str
    dimension: str
    subject: str
    name: str
    amount: Money
    previous: Money
    change: Money


@dataclass(frozen=True, slots=True)
class Break:
    """One row of the break list of a checkpoint. Values are exact decimals, as text; of a currency in minor units."""

    checkpoint: str
    entity: str
    measure: str
    unit: str
    subject: str
    left_value: str | None
    right_value: str | None
    difference: str
    explanation: str | None


@dataclass(frozen=True, slots=True)
class Control:
    """One control of the warehouse beside the checkpoints. ``break_count`` None: it was not asked yet. ``rows``: the first of its break list."""

    control: str
    name: str
    description: str
    owner: str
    severity: str
    break_count: int | None
    rows: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentCount:
    entity: str
    system: str
    document_type: str
    state: str
    count: int
    total: Money


@dataclass(frozen=True, slots=True)
class DocumentLink:
    """``url``: the page on which a person sees it at its destination, where there is one."""

    entity: str
    system: str
    document_type: str
    number: str
    customer_id: str | None
    state: str
    money: Money
    remote_id: str | None
    url: str | None


class Outcome(StrEnum):
    """``tied``: closed, and everything still ties. ``drifted``: closed, and something does not tie any more. ``refused``: it does not tie and stays
    open. ``open``: nothing breaks, and it is not closed. ``never``: nothing was sealed for it."""

    TIED = "tied"
    DRIFTED = "drifted"
    REFUSED = "refused"
    OPEN = "open"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class CloseReport:
    """``run_id``: the run that wrote the report, or the one that sealed last. ``head_hash``: of the register's chain at ``register_position``.

    ``other_exceptions``: how many more the queue has, of other periods or of none.
    ``not_computed``: what a report reads and the published warehouse, made by earlier models, has not.
    """

    period: str
    generated_at: datetime
    company: str
    run_id: str | None
    register_position: int
    head_hash: str | None
    published_at: datetime | None
    exponents: Mapping[str, int]
    entities: tuple[EntityClose, ...]
    waterfalls: tuple[Waterfall, ...]
    rolled: tuple[RolledForward, ...]
    exceptions: tuple[QueueItem, ...]
    other_exceptions: int
    invoices: tuple[InvoiceStatus, ...]
    movements: tuple[Movement, ...]
    checkpoints: tuple[Checkpoint, ...]
    breaks: tuple[Break, ...]
    break_count: int
    controls: tuple[Control, ...]
    checklist: tuple[ChecklistStep, ...]
    approvals: tuple[ApprovalRequest, ...]
    destinations: tuple[DestinationState, ...]
    document_counts: tuple[DocumentCount, ...]
    documents: tuple[DocumentLink, ...]
    not_computed: frozenset[str] = frozenset()

    @property
    def unexplained(self) -> tuple[tuple[Waterfall, WaterfallStep], ...]:
        return tuple((waterfall, step) for waterfall in self.waterfalls for step in waterfall.unexplained)

    @property
    def exception_count(self) -> int:
        return counted(self.exceptions)

    @property
    def broken_controls(self) -> tuple[Control, ...]:
        return tuple(control for control in self.controls if control.break_count)

    @property
    def broken_checkpoints(self) -> tuple[str, ...]:
        return tuple(sorted({one.checkpoint for one in self.checkpoints if not one.tied}, key=lambda name: int(name[1:])))

    @property
    def outcome(self) -> Outcome:
        if not self.document_counts and not any(entity.is_closed for entity in self.entities):
            return Outcome.NEVER
        ties = not self.broken_checkpoints and not self.unexplained
        if self.entities and all(entity.is_closed for entity in self.entities):
            return Outcome.TIED if ties else Outcome.DRIFTED
        return Outcome.OPEN if ties and self.checkpoints else Outcome.REFUSED

    @property
    def degraded(self) -> tuple[DestinationState, ...]:
        """The destinations that are not asked as they usually are."""
        return tuple(one for one in self.destinations if one.problem or one.withheld or (one.mode, one.circuit) not in USUAL)
