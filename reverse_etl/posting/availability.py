"""Noticing that a destination is down, so that a push stops asking it."""

from __future__ import annotations

import time

from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.sending import NotSent, Sent
from reverse_etl.systems.contract import NotExecuted

REFUSALS_UNTIL_UNAVAILABLE = 5
FIRST_BACK_OFF_SECONDS = 0.1


class Availability:
    """Counts refusals in a row that name no time to come back; each pauses the destination for longer, the last stops the push."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._refusals = 0
        self._last_refusal = 0.0
        self.unavailable: str | None = None

    def watch(self, sent: Sent) -> None:
        executed = [outcome for outcome in sent.outcomes if not isinstance(outcome, NotExecuted | NotSent)]
        refusals = [outcome for outcome in sent.outcomes if isinstance(outcome, NotExecuted) and outcome.retry_after is None]
        if executed or not refusals:
            self._refusals = 0
        elif sent.started >= self._last_refusal:
            # Requests that were under way together count once.
            self._refusals += 1
            self._last_refusal = time.monotonic()
            if self._refusals >= REFUSALS_UNTIL_UNAVAILABLE:
                self.unavailable = refusals[0].reason
                self._pace.stop()
            else:
                self._pace.pause(FIRST_BACK_OFF_SECONDS * 2 ** (self._refusals - 1))
