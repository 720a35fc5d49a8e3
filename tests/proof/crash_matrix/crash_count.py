"""What came of a run, counted at the destination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crash_cases import Case

from reverse_etl.documents import State

CALLS = {"customer": ("create",), "journal_entry": ("create", "complete")}
DELIVERED = (State.POSTED, State.VERIFIED, State.REVERSED)


@dataclass(frozen=True, slots=True)
class Counts:
    """``lost``: neither at the destination nor stopped with a reason. ``problems``: whatever else is wrong, in words."""

    case: str
    duplicates: int
    lost: int
    problems: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        return not self.duplicates and not self.lost and not self.problems


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the pusher says that a document stands; ``reason``: why it stopped, for a person to read."""

    natural_id: str
    document_type: str
    reference: str
    state: State
    reason: str | None


def count(case: Case, standings: Sequence[Standing], held: Sequence[Mapping[str, Any]]) -> tuple[int, int, list[str]]:
    """(duplicates, lost, problems)."""
    there = Counter(document["reference"] for document in held)
    complete = Counter(document["reference"] for document in held if tuple(document["calls"]) == CALLS[document["kind"]])
    problems = [
        f"{reference} is at the destination, but was never sealed" for reference in there if reference not in {s.reference for s in standings}
    ]
    expected = 6 if case.corrects else 4
    if len(standings) != expected:
        problems.append(f"{len(standings)} documents are sealed instead of {expected}")
    lost = 0
    for standing in standings:
        if complete[standing.reference] and standing.state in DELIVERED:
            continue
        if standing.state in DELIVERED or not _may_stop(case, standing):
            lost += 1
            problems.append(f"{standing.natural_id} is {standing.state} ({standing.reason}), {there[standing.reference]} at the destination")
    return sum(number - 1 for number in there.values() if number > 1), lost, problems


def _may_stop(case: Case, standing: Standing) -> bool:
    """Stopped with a reason, where that is all that can be done."""
    if not standing.reason:
        return False
    if standing.state is State.REJECTED:
        return standing.natural_id in case.plan.refused
    # Where nothing tells what happened a person decides, and whoever depends on that document waits for them.
    return case.capability_class == "C" and standing.state in (State.PARKED, State.PENDING)
