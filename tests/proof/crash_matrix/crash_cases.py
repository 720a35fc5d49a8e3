"""What the crash matrix runs: every crash point under every fault plan, for every class of destination and every store of the register."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import product
from typing import Any

from posting_system import CLASS_B

from reverse_etl.crash_points import CrashPoint
from reverse_etl.systems.contract import FOREVER, Manifest

STORES = ("sqlite", "postgresql")
RESTORED_BACKUP = "restored_backup"
"""Not a kill alone: the register is replaced by a backup from before the push that was killed."""

# Short, so that W is waited for thousands of times: an answer is given up after 0.3 s, and executed at the latest 0.15 s later.
_LOOKED_UP = replace(
    CLASS_B,
    send_deadline=timedelta(seconds=0.3),
    in_flight_bound=timedelta(seconds=0.15),
    concurrency=2,
)
CLASSES: Mapping[str, Manifest] = {
    "U": replace(_LOOKED_UP, key_retention=FOREVER),
    "A": replace(_LOOKED_UP, key_retention=timedelta(hours=1)),
    "B": _LOOKED_UP,
    "C": replace(_LOOKED_UP, look_up_lag=None),
}


@dataclass(frozen=True, slots=True)
class Order:
    """One fault that the destination has up its sleeve; ``document`` is the natural id of the document whose call it hits."""

    fault: str
    call: str
    document: str | None = None
    times: int = 1
    more: Mapping[str, Any] = field(default_factory=dict)


def _on_both_calls(fault: str, **more: Any) -> tuple[Order, ...]:
    """The creation of one entry and the completion of another: in either case two documents have nothing to do with it."""
    return (Order(fault, "create", "J2", more=more), Order(fault, "complete", "J3", more=more))


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What goes wrong besides the kill. ``declared``: what the destination declares differently under this plan."""

    name: str
    orders: tuple[Order, ...] = ()
    declared: Mapping[str, Any] = field(default_factory=dict)
    second_kill: CrashPoint | None = None
    refused: tuple[str, ...] = ()
    """Natural ids of the documents that the destination refuses."""


PLANS = (
    FaultPlan("none"),
    FaultPlan("accepted_then_500", _on_both_calls("accept_then_500")),
    FaultPlan("accepted_then_stored_500", _on_both_calls("accept_then_500"), {"replays_errors": True}),
    FaultPlan("accepted_then_dropped", _on_both_calls("accept_then_drop")),
    FaultPlan("answer_cut_short", _on_both_calls("cut_short")),
    FaultPlan("failed_without_effect", _on_both_calls("fail")),
    FaultPlan("busy", (Order("busy", "create", more={"retry_after": 0.1}), Order("busy", "complete", more={"retry_after": 0.1}))),
    FaultPlan("slow_beyond_the_deadline", _on_both_calls("slow", seconds=0.35)),
    FaultPlan("one_document_rejected", (Order("reject", "create", "J2", times=99),), refused=("J2",)),
    FaultPlan("look_up_fails", (*_on_both_calls("accept_then_drop"), Order("fail", "look-up", times=2))),
    FaultPlan("look_up_lags", _on_both_calls("accept_then_drop"), {"look_up_lag": timedelta(seconds=0.25)}),
    FaultPlan("item_missing_from_the_answer", _on_both_calls("omit"), {"batch_size": 3}),
    FaultPlan("killed_twice", _on_both_calls("accept_then_drop"), second_kill=CrashPoint.BEFORE_SEND),
    # One request at a time: without a way to find out, one death would otherwise stop all that were under way.
    FaultPlan(
        "destination_killed",
        (Order("die", "create", "J2", more={"executed": True}), Order("die", "complete", "J3", more={"executed": False})),
        {"concurrency": 1},
    ),
)

# At which passage of a point the process is killed: a later one is in the middle, after the first faults.
PASSAGES: Mapping[CrashPoint, tuple[int, ...]] = {
    CrashPoint.BEFORE_SEAL_COMMIT: (1,),
    CrashPoint.INSIDE_SEAL_COMMIT: (1,),
    CrashPoint.AFTER_SEAL_COMMIT: (1,),
    CrashPoint.BEFORE_WRITE_AHEAD: (2,),
    CrashPoint.INSIDE_WRITE_AHEAD: (2,),
    CrashPoint.AFTER_WRITE_AHEAD: (1,),
    CrashPoint.BEFORE_SEND: (2,),
    CrashPoint.BEFORE_CONNECT: (2,),
    CrashPoint.HALF_BODY_SENT: (2,),
    CrashPoint.ALL_SENT: (2,),
    CrashPoint.STATUS_READ: (2,),
    CrashPoint.BODY_PARSED: (1,),
    CrashPoint.AFTER_SEND: (3,),
    CrashPoint.INSIDE_RESULT: (1,),
    CrashPoint.AFTER_RESULT: (2,),
    CrashPoint.AFTER_LOOK_UP: (1,),
    CrashPoint.AFTER_POSTED: (1,),
    CrashPoint.BETWEEN_REVERSAL_AND_REPOST: (1,),
}
SEALING = (CrashPoint.BEFORE_SEAL_COMMIT, CrashPoint.INSIDE_SEAL_COMMIT, CrashPoint.AFTER_SEAL_COMMIT)


@dataclass(frozen=True, slots=True)
class Case:
    """One run. ``crash`` is a crash point with its passage (``after_send:3``), or ``restored_backup``."""

    store: str
    capability_class: str
    plan: FaultPlan
    crash: str

    @property
    def name(self) -> str:
        return f"{self.store}/{self.capability_class}/{self.plan.name}/{self.crash}"

    @property
    def point(self) -> str:
        return self.crash.partition(":")[0]

    @property
    def seals(self) -> bool:
        """Whether it dies while sealing, so that the register must be empty before."""
        return self.point in SEALING

    @property
    def corrects(self) -> bool:
        """Whether it dies while a posted entry is reversed and reposted."""
        return self.point == CrashPoint.BETWEEN_REVERSAL_AND_REPOST

    @property
    def manifest(self) -> Manifest:
        declared = dict(self.plan.declared)
        if self.capability_class == "C":
            # It cannot be looked up, whatever the plan says of looking up.
            declared.pop("look_up_lag", None)
        return replace(CLASSES[self.capability_class], **declared)


def crashes(capability_class: str) -> Iterator[str]:
    """Every way to die that a poster to such a destination can come to."""
    for point, passages in PASSAGES.items():
        if point is CrashPoint.AFTER_LOOK_UP and CLASSES[capability_class].look_up_lag is None:
            continue
        yield from (f"{point}:{passage}" for passage in passages)
    yield RESTORED_BACKUP


def every_case() -> list[Case]:
    """The whole matrix in a fixed order."""
    return [Case(store, label, plan, crash) for store, label, plan in product(STORES, CLASSES, PLANS) for crash in crashes(label)]


def slice_of(cases: list[Case]) -> list[Case]:
    """Every crash point at least once per store; classes and plans take turns."""
    chosen: list[Case] = []
    for store in STORES:
        points = sorted({case.crash for case in cases if case.store == store})
        for place, crash in enumerate(points):
            fitting = [case for case in cases if case.store == store and case.crash == crash]
            # Coprime strides walk through classes and plans alike.
            chosen.append(fitting[(place * 17 + (5 if store == "postgresql" else 0)) % len(fitting)])
    return chosen
