"""What the checklist says of one step of a close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dagster_project.quantities import exponents, in_units, number
from reverse_etl.close_calendar import CloseStep


class StepState(StrEnum):
    """``open``: it is its turn. ``waiting``: for a step before it. ``blocked``: it does not go on until a person does what its blockers say."""

    DONE = "done"
    OPEN = "open"
    WAITING = "waiting"
    BLOCKED = "blocked"


class Effect(StrEnum):
    """What a blocker does to its step: it ``stops`` it; the close goes on without what is ``left_out``; ``to_do`` is what the next run or person
    does anyway."""

    STOPS = "stops"
    LEFT_OUT = "left_out"
    TO_DO = "to_do"


TITLES: Mapping[CloseStep, str] = {
    "usage_landed": "Usage landed, all that its producers sent (K0)",
    "reference_data": "Reference data accepted, nothing held",
    "billing_sealed": "Billing documents sealed",
    "billing_delivered": "Billing documents delivered",
    "platform_read": "Billing platform read",
    "journals_sealed": "Journals sealed",
    "journals_delivered": "Journals delivered",
    "read_back": "Destinations read back",
    "checkpoints_tie": "Checkpoints tie",
    "soft_closed": "Period soft closed",
    "approvals_decided": "Approvals decided",
    "signed_off": "Period signed off",
    "hard_closed": "Period hard closed",
}
OWNERS: Mapping[CloseStep, str] = {
    "usage_landed": "data-engineering",
    "reference_data": "finance-operations",
    "billing_sealed": "finance-operations",
    "billing_delivered": "finance-operations",
    "platform_read": "finance-operations",
    "journals_sealed": "accounting",
    "journals_delivered": "accounting",
    "read_back": "accounting",
    "checkpoints_tie": "accounting",
    "soft_closed": "accounting",
    "approvals_decided": "controlling",
    "signed_off": "controlling",
    "hard_closed": "controlling",
}


@dataclass(frozen=True, slots=True)
class Money:
    """``minor`` units of a currency whose exponent is ``exponent``."""

    minor: int
    currency: str
    exponent: int

    @classmethod
    def of(cls, minor: int, currency: str) -> Money:
        return cls(minor, currency, exponents().get(currency, 2))

    def __str__(self) -> str:
        return f"{self.currency} {number(in_units(self.minor, self.exponent), self.exponent)}"


@dataclass(frozen=True, slots=True)
class Blocker:
    """``what`` holds a step up, ``count`` of it, and the money in it by currency; ``command`` is what one does next, ``asset_key`` where one looks in
    Dagster (``delivery/tryton``)."""

    what: str
    effect: Effect
    command: str
    asset_key: str
    count: int = 0
    amounts: tuple[Money, ...] = ()

    def __str__(self) -> str:
        return f"{self.what} ({', '.join(map(str, self.amounts))})" if self.amounts else self.what


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that a state rests on."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


@dataclass(frozen=True, slots=True)
class ChecklistStep:
    """``due_at`` is aware, in the time zone of the entity. ``is_late``: it is not done, and was due before the moment the checklist is of.

    ``done_at``: when it was, as far as the register knows. ``waits_for``: the step before it that a waiting one waits for.
    """

    entity: str
    period: str
    step: CloseStep
    state: StepState
    due_at: datetime
    is_late: bool
    evidence: tuple[Evidence, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    done_at: datetime | None = None
    waits_for: CloseStep | None = None

    @property
    def title(self) -> str:
        return TITLES[self.step]

    @property
    def owner(self) -> str:
        return OWNERS[self.step]

    @property
    def is_done(self) -> bool:
        return self.state is StepState.DONE


def late(steps: Sequence[ChecklistStep]) -> tuple[ChecklistStep, ...]:
    """The steps that should be done by now."""
    return tuple(step for step in steps if step.is_late)
