"""What is sealed and not delivered: what a run may send or look up again, and what waits for a person."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from dagster_project.close import CloseKey, Installation
from dagster_project.oversight.pushes import plan_pushes
from reverse_etl.oversight.undelivered import UNDELIVERED_STATES, LaneAge, lane_ages
from reverse_etl.posting.plans import Plan
from reverse_etl.posting.protocol import OPEN_STATES

LEFT_TO_THE_CLOSE = timedelta(minutes=15)
"""How long what was just sealed is left to the run that sealed it."""
BETWEEN_ATTEMPTS = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Resumption:
    """One destination, entity and period of which a push would send or look up something now. ``fingerprint``: of how those documents stand."""

    system: str
    key: CloseKey
    documents: int
    fingerprint: str

    def run_key(self, now: datetime) -> str:
        """The same run twice in ``BETWEEN_ATTEMPTS`` is one; what still stands as it did is tried again after that."""
        slot = int(now.timestamp() // BETWEEN_ATTEMPTS.total_seconds())
        return f"{self.system} {self.key.partition_key} {self.fingerprint} {slot}"


def resumptions(plan: Plan) -> tuple[Resumption, ...]:
    """What of a plan there is to do, by destination, entity and period. What is rejected, parked, held or waits for such a document is none of it:
    that is for people. Pure."""
    found = []
    for lane in plan.lanes:
        for period in sorted({document.period for document in lane.acting}):
            acting = [document for document in lane.acting if document.period == period]
            content = json.dumps([[one.position, one.action, one.delivery_hash] for one in acting])
            digest = hashlib.sha256(content.encode()).hexdigest()[:16]
            found.append(Resumption(lane.system, CloseKey(lane.entity, period), len(acting), digest))
    return tuple(found)


def to_resume(installation: Installation, systems: Sequence[str], now: datetime) -> tuple[Resumption, ...]:
    """What waits longer than the run that sealed it should have taken, and could go on now. Asks no destination."""
    with closing(installation.open_register()) as register:
        waiting = [found for found in register.waiting(OPEN_STATES) if now - found.oldest_sealed_at > LEFT_TO_THE_CLOSE]
        lanes = {(found.system, found.entity) for found in waiting}
        found: list[Resumption] = []
        for system in systems:
            entities = sorted(entity for name, entity in lanes if name == system and entity in installation.settings.entities)
            if entities:
                found += resumptions(plan_pushes(installation, register, [system], entities, None))
        return tuple(found)


def ages(installation: Installation, now: datetime) -> tuple[LaneAge, ...]:
    """Every lane that holds something undelivered, with the age of its oldest document and the time it is allowed."""
    with closing(installation.open_register()) as register:
        return lane_ages(register.waiting(UNDELIVERED_STATES), installation.settings.service_levels, now)
