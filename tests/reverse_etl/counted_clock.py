"""A clock for probes that measure: only what they sleep passes, so that a busy machine makes no destination slow."""

from __future__ import annotations

from reverse_etl.conformance.rehearsal import Clock


class CountedClock(Clock):
    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._now += seconds
