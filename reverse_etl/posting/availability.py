"""A circuit for an outage, shared by all lanes and processes: it opens, is probed with one request, and closes again.

Refusals in a row open it (nothing was executed). Answers that do not come open it only once a probe has failed too: a document that the
destination stumbles over says nothing about the others.
"""

from __future__ import annotations

import time

from reverse_etl.errors import DestinationError
from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.pacing.clock import machine_now
from reverse_etl.posting.pacing.state import CLOSED, HALF_OPEN, OPEN, Circuit
from reverse_etl.posting.protocol.facts import NotSent, Sent
from reverse_etl.systems.contract import Ambiguous, NotExecuted, System

REFUSALS_UNTIL_UNAVAILABLE = 5
LOST_ANSWERS_UNTIL_PROBED = 5
FIRST_BACK_OFF_SECONDS = 0.1
FIRST_PROBE_AFTER_SECONDS, LONGEST_PROBE_AFTER_SECONDS = 1.0, 60.0


class Availability:
    """Watches the outcomes of one lane. ``unavailable``: why the destination was given up, once the circuit is open."""

    def __init__(self, pace: Pace, system: System) -> None:
        self._pace = pace
        self._system = system
        self._troubled = True
        self._lost = 0
        self.unavailable: str | None = None

    def admit(self) -> str | None:
        """Why a push must not begin: the circuit is open, and this was not the time for a probe or the probe failed. None: it may."""
        with self._pace.shared() as state:
            circuit, now = state.circuit, machine_now()
            if circuit.state != OPEN:
                return None
            if now < circuit.probe_at:
                return self._told(circuit)
            # Ours to probe; whoever comes meanwhile is told that it is open.
            _put_off(circuit, now)
        problem = self._probe()
        with self._pace.shared() as state:
            if problem is None:
                state.circuit.state = HALF_OPEN
                return None
            _put_off(state.circuit, machine_now())
            state.circuit.reason = problem
            return self._told(state.circuit)

    def watch(self, sent: Sent) -> None:
        """Learn from what a batch of calls came to."""
        executed = [outcome for outcome in sent.outcomes if not isinstance(outcome, NotExecuted | NotSent | Ambiguous)]
        refusals = [outcome for outcome in sent.outcomes if isinstance(outcome, NotExecuted) and outcome.retry_after is None]
        lost = [outcome for outcome in sent.outcomes if isinstance(outcome, Ambiguous)]
        if executed:
            self._lost = 0
            if self._troubled or self._pace.adapts:
                self._troubled = False
                self._pace.answered()
        elif refusals:
            self._refused(sent, refusals[0].reason)
        elif lost:
            self._lost += 1
            if self._lost >= LOST_ANSWERS_UNTIL_PROBED and self.unavailable is None:
                self._lost = 0
                problem = self._probe()
                if problem is not None:
                    self._open(f"{lost[0].reason}; then {problem}")

    def _refused(self, sent: Sent, reason: str) -> None:
        self._troubled = True
        with self._pace.shared() as state:
            circuit, now = state.circuit, machine_now()
            # Requests that were under way together count once.
            if now - (time.monotonic() - sent.started) < circuit.last_failure:
                return
            circuit.failures += 1
            circuit.last_failure = now
            opens = circuit.state != CLOSED or circuit.failures >= REFUSALS_UNTIL_UNAVAILABLE
            failures = circuit.failures
        if opens:
            self._open(reason)
        else:
            self._pace.pause(FIRST_BACK_OFF_SECONDS * 2 ** (failures - 1))

    def _open(self, reason: str) -> None:
        self._troubled = True
        with self._pace.shared() as state:
            circuit = state.circuit
            if circuit.state != OPEN:
                # One that fails while half open goes on with what it was.
                circuit.since = circuit.since if circuit.state == HALF_OPEN else time.time()
                circuit.probe_at = machine_now() if circuit.state != HALF_OPEN else circuit.probe_at
                circuit.state, circuit.failures = OPEN, 0
            circuit.reason = reason[:300]
            self.unavailable = self._told(circuit)
        self._pace.stop()

    def _told(self, circuit: Circuit) -> str:
        return self._pace.told(circuit).reason

    def _probe(self) -> str | None:
        """One request that changes nothing; what went wrong with it."""
        try:
            self._system.ping()
        except DestinationError as error:
            return str(error)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return None


def _put_off(circuit: Circuit, now: float) -> None:
    circuit.probe_at = now + min(FIRST_PROBE_AFTER_SECONDS * 2**circuit.probes, LONGEST_PROBE_AFTER_SECONDS)
    circuit.probes = min(circuit.probes + 1, 16)
