"""Standings of one period as its close goes on, each a step further than the one before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dagster_project.checklist.checklist import checklist
from dagster_project.checklist.standing import (
    Closing,
    DocumentGroup,
    Hold,
    Landing,
    Measure,
    OpenException,
    ReadBackState,
    Refusal,
    Request,
    Seal,
    Standing,
)
from dagster_project.checklist.step import ChecklistStep, Money
from reverse_etl.close_calendar import CloseCalendar, CloseStep
from reverse_etl.documents import State

ENTITY, PERIOD = "northlight_us", "2026-01"
CALENDAR = CloseCalendar()
FIRST_WORKING_DAY = datetime(2026, 2, 2, tzinfo=UTC)
RUN_AT = FIRST_WORKING_DAY + timedelta(hours=6)
NOW = RUN_AT + timedelta(hours=2)
K = ("K1", "K3", "K7")


def usd(minor: int) -> Money:
    return Money(minor, "USD", 2)


def at(minutes: int) -> datetime:
    """Minutes after the run of the close began."""
    return RUN_AT + timedelta(minutes=minutes)


def documents(system: str, kind: str, state: State = State.VERIFIED, count: int = 10, minor: int = 123_45, sealed: int = 1) -> DocumentGroup:
    posted = at(sealed + 3) if state in (State.POSTED, State.VERIFIED) else None
    return DocumentGroup(system, kind, state, count, usd(minor), at(sealed), 100 + sealed, posted, "run-1")


def tied(*broken: Measure) -> tuple[Measure, ...]:
    other = {measure.checkpoint for measure in broken}
    return (*broken, *(Measure(name, f"{name} holds", ENTITY, "amount", "USD 0.00", 0, usd(0)) for name in ("K0", *K) if name not in other))


def broken(checkpoint: str, minor: int = 1, count: int = 2, entity: str = ENTITY) -> Measure:
    return Measure(checkpoint, f"{checkpoint} holds", entity, "amount", str(usd(minor)), count, usd(minor))


def stopped(
    kind: str, system: str, document_type: str = "journal_entry", reason: str = "account 4000 is closed", identifier: int = 77
) -> OpenException:
    return OpenException(identifier, kind, f"{system}/{ENTITY}/{document_type}/J1", reason, system, document_type, usd(500))


def request(kind: str, **changes: Any) -> Request:
    return replace(Request("4f1c09a2b7de", kind, f"{ENTITY}/{PERIOD}", "it ties", "ada", at(60)), **changes)


LANDED = Landing(files=62, rows=10_000, last_day=date(2026, 2, 1), position=70)
RUNNING = Standing(ENTITY, PERIOD, "stripe", "tryton", first_open=PERIOD)
"""Nothing was ever landed or computed."""
LANDED_ONLY = replace(RUNNING, landing=LANDED)
SEALED = replace(
    LANDED_ONLY,
    documents=(
        documents("stripe", "invoice", State.PENDING),
        documents("tryton", "journal_entry", State.PENDING, sealed=2),
    ),
    published_at=at(0),
    published_position=99,
    measures=tied(),
)
DELIVERED = replace(SEALED, documents=(documents("stripe", "invoice"), documents("tryton", "journal_entry", sealed=2)))
TIED = replace(
    DELIVERED,
    read_backs=(ReadBackState("stripe", 10, at(7)), ReadBackState("tryton", 10, at(8))),
    published_at=at(9),
    published_position=200,
)
SOFT_CLOSED = replace(
    TIED,
    first_open="2026-02",
    changes=(Closing("soft_closed", "ada", at(10), 70),),
    seal=Seal(20, (("invoice", 10, usd(123_45)), ("journal_entry", 10, usd(123_45))), "ab12cd34ef567890"),
)
SIGNED_OFF = replace(SOFT_CLOSED, sign_off=request("period_sign_off", decided_by="grace", decided_at=at(90), four_eyes="required"))
HARD_CLOSED = replace(SIGNED_OFF, changes=(*SOFT_CLOSED.changes, Closing("hard_closed", "grace", at(120))))
REOPENED = replace(
    SIGNED_OFF,
    first_open=PERIOD,
    changes=(*SOFT_CLOSED.changes, Closing("open", "grace", at(300), 70)),
    sign_off=None,
    void_sign_off=SIGNED_OFF.sign_off,
    reopening=request("period_reopen", reason="a late invoice", decided_by="grace", decided_at=at(300)),
)


def steps(standing: Standing, now: datetime = NOW, calendar: CloseCalendar = CALENDAR) -> dict[CloseStep, ChecklistStep]:
    return {step.step: step for step in checklist(standing, calendar, now)}


def states(standing: Standing, now: datetime = NOW) -> str:
    """The first letter of every state, in order: done, open, waiting, blocked."""
    return "".join(step.state.value[0] for step in checklist(standing, CALENDAR, now))


def told(step: ChecklistStep) -> list[tuple[str, str, str]]:
    """What each blocker says, what it does and the command that one goes on with."""
    return [(str(blocker), blocker.effect.value, blocker.command) for blocker in step.blockers]


CLOSE = f"tieout close {PERIOD} --entity {ENTITY}"

REFUSED = Refusal("gap_between_tiers", "a quantity has no price", 2, "prices/2026-01-01/prices.csv line 7")
HELD = Hold("line", "missing_tax_rate", "no rate of the day", 3, 2, (usd(12_34),), "invoicing/held_lines")
