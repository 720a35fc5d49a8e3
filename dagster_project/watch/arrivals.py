"""New files in the inbox: which days to land, each content once, and never a file that somebody is still writing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from reverse_etl.landing.inbox import look_into

STILL_BEING_WRITTEN_SECONDS = 30.0
ATTEMPTS = 3


class Landing(StrEnum):
    """What became of a run that was asked for."""

    UNDER_WAY = "under_way"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SeenFile:
    landed_on: date
    file_name: str
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that was asked for: its key, and the content of the days that it lands."""

    run_key: str
    days: Mapping[str, str]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """What was landed: day -> fingerprint of its files; and the run that is under way. The cursor of the sensor."""

    landed: Mapping[str, str] = field(default_factory=dict)
    asked: Asked | None = None

    def to_text(self) -> str:
        asked = None if self.asked is None else {"run_key": self.asked.run_key, "days": dict(self.asked.days), "attempt": self.asked.attempt}
        return json.dumps({"landed": dict(self.landed), "asked": asked}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str | None) -> Memory:
        """An empty one where there is none."""
        content: dict[str, Any] = json.loads(text) if text else {}
        asked = content.get("asked")
        return cls(content.get("landed", {}), None if asked is None else Asked(**asked))


@dataclass(frozen=True, slots=True)
class Decision:
    """``ask``: a run for the days from ``first`` to ``last``, new in ``memory``; None: nothing to land, as ``told``."""

    memory: Memory
    told: str
    ask: Asked | None = None

    @property
    def first(self) -> str:
        assert self.ask is not None
        return min(self.ask.days)

    @property
    def last(self) -> str:
        assert self.ask is not None
        return max(self.ask.days)


def seen_files(inbox: Path) -> list[SeenFile]:
    """What lies in the inbox; a file that is gone when it is looked at is left out."""
    found = []
    for delivery in look_into(inbox, None).deliveries:
        try:
            status = delivery.path.stat()
        except OSError:
            continue
        found.append(SeenFile(delivery.landed_on, delivery.file_name, status.st_size, status.st_mtime_ns))
    return found


def fingerprints(files: Iterable[SeenFile], now: datetime, first_day: date, last_day: date) -> dict[str, str]:
    """Day -> a hash of its files. A day of which a file was written to in the last moments waits as a whole; so does one that is not landed yet."""
    by_day: dict[date, list[SeenFile]] = {}
    for one in files:
        if first_day <= one.landed_on <= last_day:
            by_day.setdefault(one.landed_on, []).append(one)
    settled_before = (now.timestamp() - STILL_BEING_WRITTEN_SECONDS) * 1e9
    return {
        day.isoformat(): _hash([[one.file_name, one.size, one.modified_ns] for one in sorted(of_day, key=lambda one: one.file_name)])
        for day, of_day in sorted(by_day.items())
        if all(one.modified_ns <= settled_before for one in of_day)
    }


def decide(found: Mapping[str, str], memory: Memory, became: Callable[[str], Landing]) -> Decision:
    """What to land next. One run at a time; one that failed (the warehouse was held) is asked for again, ``ATTEMPTS`` times in all.

    ``became`` says what became of the run of a run key.
    """
    if memory.asked is not None:
        asked = memory.asked
        state = became(asked.run_key)
        if state is Landing.UNDER_WAY:
            return Decision(memory, f"the run {asked.run_key} lands {len(asked.days)} days")
        if state is Landing.FAILED and asked.attempt < ATTEMPTS:
            again = Asked(_run_key(asked.days, asked.attempt + 1), asked.days, asked.attempt + 1)
            return Decision(replace(memory, asked=again), f"landing failed; attempt {again.attempt} of {ATTEMPTS}", again)
        memory = Memory({**memory.landed, **asked.days}, None)
        if state is Landing.FAILED:
            return Decision(memory, f"landing failed {ATTEMPTS} times; see the failed run, then run 'tieout land'")
    new = {day: fingerprint for day, fingerprint in found.items() if memory.landed.get(day) != fingerprint}
    if not new:
        return Decision(memory, "no new files")
    # One run lands a range, and what lies between its ends costs nothing when it has landed before.
    asked = Asked(_run_key(new, 1), new)
    return Decision(replace(memory, asked=asked), f"new files of {len(new)} days", asked)


def _run_key(days: Mapping[str, str], attempt: int) -> str:
    return f"{min(days)}_{max(days)}_{_hash(sorted(days.items()))}" + (f"_{attempt}" if attempt > 1 else "")


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:16]
