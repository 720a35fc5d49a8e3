"""How fast a destination is asked, and whether at all: one place for all lanes and processes of an installation."""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reverse_etl.maintenance import closed_until
from reverse_etl.posting.pacing.clock import machine_now
from reverse_etl.posting.pacing.limits import Limits
from reverse_etl.posting.pacing.modes import HOLD, THROTTLED, VERIFY_ONLY, Mode, Modes
from reverse_etl.posting.pacing.state import CLOSED, HALF_OPEN, LONGEST_PAUSE_SECONDS, OPEN, Circuit, LaneUse, State, StateFile
from reverse_etl.request_windows import RequestWindow, WindowUse

# A thread that wakes late may catch up this much; without it the declared rate is never reached. Whoever was idle has nothing to catch up.
CATCH_UP_SECONDS = 0.1
# A mode that a person sets, and a window that begins, hold for running pushes after this long.
LOOK_SECONDS = 0.5
POLL_SECONDS = 0.005
# A lane that asked for a place within this time counts when places are shared.
WAITING_SECONDS = 0.5
SYNC_SECONDS = 1.0
SLOWEST_RATE, FASTEST_RATE = 0.1, 1000.0
LOWERED_ONCE_WITHIN_SECONDS = 1.0
# What is free again within this time is waited for.
SHORT_WAIT_SECONDS = 120.0
FOR_EVER = float("inf")
MAINTENANCE, QUOTA, CIRCUIT = "maintenance", "quota", "circuit"


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why nothing may be asked now. ``kind``: maintenance, hold, verify_only, quota, circuit. ``until``: None = until somebody changes it."""

    kind: str
    reason: str
    until: datetime | None = None


class Pace:
    """One lane's access to a destination, whose limits all lanes share.

    ``folder`` holds what is shared: the state of each destination, and the modes. Safe for threads; every process and lane has its own.
    """

    def __init__(
        self,
        folder: Path,
        destination: str,
        limits: Limits,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.destination = destination
        self._declared = limits
        self._wall = wall
        self._modes = Modes(folder / "modes.jsonl")
        self._shared = StateFile(folder / f"{destination}.state")
        with self._shared.changing() as state:
            # Under the lock: whoever tidies up must not take a mark that is not locked yet for that of a dead process.
            self._lane = _LaneMark(folder / f"{destination}.lanes")
            for dead in self._lane.dead({*self._lane.marks(), *state.lanes}):
                state.lanes.pop(dead, None)
        self._stopped = threading.Event()
        self._places = threading.Lock()
        self._synced = 0.0
        self._looked_at = -FOR_EVER
        self._mode = Mode()
        self._limits = limits
        self._maintenance: datetime | None = None

    def close(self) -> None:
        with self._shared.changing() as state:
            state.lanes.pop(self._lane.name, None)
        if self._synced:
            self._shared.sync()
        self._lane.close()
        self._shared.close()

    def stop(self) -> None:
        """Let nobody through until ``resume``."""
        self._stopped.set()

    def resume(self) -> None:
        self._stopped.clear()

    # Asking

    @contextmanager
    def turn(self, deadline: float, *, sending: bool = True) -> Iterator[bool]:
        """Wait for a turn and hold a place until the block ends; see ``acquire``."""
        granted = self.acquire(deadline, sending=sending)
        try:
            yield granted
        finally:
            if granted:
                self.release()

    def acquire(self, deadline: float, *, sending: bool = True) -> bool:
        """Wait for a turn; False if it would come after ``deadline`` (a time of ``time.monotonic``) or the destination must not be asked.

        Whoever was let through calls ``release`` when the answer is there.
        """
        turn: float | None = None
        while not self._stopped.is_set():
            if turn is None and not self._take_place(deadline, sending):
                return False
            now = machine_now()
            with self._shared.changing() as state:
                # After a pause the turns are dealt out anew: those who waited must not start together.
                mine = turn if turn is not None and turn >= state.paused_until else max(_next_turn(state, now), state.paused_until)
                start = max(mine, now + self._quota_frees_in(state))
                late = time.monotonic() + max(0.0, start - now) > deadline
                if late or self._withheld(state, sending) is not None:
                    self._give_place(state)
                    return False
                if mine != turn:
                    turn = mine
                    state.next_turn = turn + 1.0 / self._rate(state)
                if start <= now:
                    self._count(state)
                    break
            self._stopped.wait(start - now)
        else:
            if turn is not None:
                self.release()
            return False
        self._sync()
        return True

    def release(self) -> None:
        """The answer is there, or none will come: the place is free."""
        with self._shared.changing() as state:
            self._give_place(state)

    def paused_for(self, *, sending: bool = True) -> float:
        """Seconds until the destination may be asked again; infinite when nobody knows."""
        state = self._shared.read()
        withheld = self._withheld(state, sending)
        if withheld is not None:
            return FOR_EVER if withheld.until is None else max(0.0, withheld.until.timestamp() - self._wall())
        return max(0.0, state.paused_until - machine_now(), self._quota_frees_in(state))

    def withheld(self, *, sending: bool = True) -> Withheld | None:
        """Why the destination must not be asked now, or None. A quota that is free again soon withholds nothing."""
        state = self._shared.read()
        withheld = self._withheld(state, sending)
        if withheld is not None or self._quota_frees_in(state) <= SHORT_WAIT_SECONDS:
            return withheld
        window, free_at = max(self._exhausted(state), key=lambda entry: entry[1])
        until = datetime.fromtimestamp(free_at, UTC)
        reason = f"{self.destination} has had its {window.requests} requests per {window.name}; more from {until:%Y-%m-%d %H:%M:%S} UTC"
        return Withheld(QUOTA, reason, until)

    @property
    def mode(self) -> Mode:
        self._look()
        return self._mode

    @property
    def limits(self) -> Limits:
        """What holds now: what is declared, or a fraction of it."""
        self._look()
        return self._limits

    # Being told

    def pause(self, seconds: float) -> None:
        """The destination asked for it: nobody asks it for so long. Where no rate is declared, it was too high."""
        with self._shared.changing() as state:
            now = machine_now()
            state.paused_until = max(state.paused_until, now + min(seconds, LONGEST_PAUSE_SECONDS))
            if self._declared.requests_per_second is None and now - state.adapted.lowered_at > LOWERED_ONCE_WITHIN_SECONDS:
                adapted = state.adapted
                adapted.rate, adapted.ramping, adapted.lowered_at = max(SLOWEST_RATE, adapted.rate / 2), False, now

    def answered(self) -> None:
        """A request took effect or was judged: the destination is up, and takes the rate at which it is asked."""
        with self._shared.changing() as state:
            state.circuit.failures = 0
            if state.circuit.state != CLOSED:
                state.circuit.state, state.circuit.probes, state.circuit.reason = CLOSED, 0, ""
            # Only a rate that was used up is known to be taken.
            if self._declared.requests_per_second is None and state.next_turn > machine_now() - CATCH_UP_SECONDS:
                adapted = state.adapted
                adapted.rate = min(FASTEST_RATE, adapted.rate + (1.0 if adapted.ramping else 1.0 / adapted.rate))

    def told(self, circuit: Circuit) -> Withheld:
        """How the open circuit is told to people."""
        return Withheld(CIRCUIT, f"{self.destination} has been unavailable since {circuit.opened:%Y-%m-%d %H:%M:%S} UTC: {circuit.reason}")

    @property
    def adapts(self) -> bool:
        return self._declared.requests_per_second is None

    @contextmanager
    def shared(self) -> Iterator[State]:
        """What all lanes know, for whoever keeps the circuit."""
        with self._shared.changing() as state:
            yield state

    def state(self) -> State:
        return self._shared.read()

    @property
    def circuit(self) -> Circuit:
        return self._shared.read().circuit

    @property
    def requests_per_second(self) -> float:
        """The rate that holds now."""
        self._look()
        return self._rate(self._shared.read())

    def asked_pause(self) -> float:
        """Seconds that are left of a pause that the destination asked for."""
        return max(0.0, self._shared.read().paused_until - machine_now())

    def used(self) -> dict[str, int]:
        """Window -> requests counted in it now."""
        state, now = self._shared.read(), self._wall()
        return {window.name: state.windows.get(window.name, WindowUse()).used(window, now) for window in self._declared.windows}

    # Within

    def _look(self) -> None:
        now = machine_now()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        self._mode = self._modes.of(self.destination)
        self._limits = self._declared.throttled(self._mode.fraction) if self._mode.mode == THROTTLED else self._declared
        self._maintenance = closed_until(self._declared.maintenance, datetime.fromtimestamp(self._wall(), UTC))

    def _withheld(self, state: State, sending: bool) -> Withheld | None:
        self._look()
        if self._mode.mode == HOLD or (sending and self._mode.mode == VERIFY_ONLY):
            return Withheld(self._mode.mode, f"{self.destination} is set to {self._mode}")
        if self._maintenance is not None:
            return Withheld(MAINTENANCE, f"{self.destination} is in maintenance until {self._maintenance:%Y-%m-%d %H:%M:%S} UTC", self._maintenance)
        return self.told(state.circuit) if state.circuit.state == OPEN else None

    def _exhausted(self, state: State) -> list[tuple[RequestWindow, float]]:
        """The windows that allow nothing more now, each with when it does again."""
        wall = self._wall()
        found = [(window, state.windows.get(window.name, WindowUse()).free_at(window, wall)) for window in self._limits.windows]
        return [(window, free_at) for window, free_at in found if free_at is not None]

    def _quota_frees_in(self, state: State) -> float:
        return max((max(0.0, free_at - self._wall()) for _, free_at in self._exhausted(state)), default=0.0)

    def requests_within(self, seconds: float) -> int:
        """How many requests the rate lets through in that time."""
        return int(self._rate(self._shared.read()) * seconds)

    def _rate(self, state: State) -> float:
        rate = self._limits.requests_per_second
        return rate if rate is not None else max(SLOWEST_RATE, state.adapted.rate * self._mode.fraction)

    def _count(self, state: State) -> None:
        for window in self._limits.windows:
            state.windows.setdefault(window.name, WindowUse()).count(window, self._wall())

    def _sync(self) -> None:
        now = time.monotonic()
        if self._limits.windows and now - self._synced > SYNC_SECONDS:
            self._synced = now
            self._shared.sync()

    def _take_place(self, deadline: float, sending: bool) -> bool:
        """One of the places that all lanes share; one thread of a lane asks at a time."""
        if not self._places.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        looked = 0.0
        try:
            while not self._stopped.is_set() and time.monotonic() < deadline:
                now = machine_now()
                with self._shared.changing() as state:
                    if self._withheld(state, sending) is not None:
                        return False
                    lane = state.lanes.setdefault(self._lane.name, LaneUse())
                    if self._has_place(state, lane, now):
                        lane.in_flight += 1
                        lane.waits_at = 0.0
                        return True
                    lane.waits_at = now
                    if now - looked > WAITING_SECONDS:
                        looked = now
                        for dead in self._lane.dead(set(state.lanes)):
                            del state.lanes[dead]
                self._stopped.wait(POLL_SECONDS)
            return False
        finally:
            self._places.release()

    def _has_place(self, state: State, lane: LaneUse, now: float) -> bool:
        """A free place, and no other lane that waits has less than its share while this one has its own."""
        places = 1 if state.circuit.state == HALF_OPEN else self._limits.concurrency
        if sum(use.in_flight for use in state.lanes.values()) >= places:
            return False
        asking = [use for use in state.lanes.values() if use is lane or use.in_flight or now - use.waits_at < WAITING_SECONDS]
        share = max(1, places // len(asking))
        starved = any(use is not lane and use.in_flight < share and now - use.waits_at < WAITING_SECONDS for use in asking)
        return lane.in_flight < share or not starved

    def _give_place(self, state: State) -> None:
        lane = state.lanes.get(self._lane.name)
        if lane is not None and lane.in_flight:
            lane.in_flight -= 1


def _next_turn(state: State, now: float) -> float:
    return state.next_turn if state.next_turn >= now - CATCH_UP_SECONDS else now


class _LaneMark:
    """A file that is locked for as long as the lane's process lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._path = folder / self.name
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def marks(self) -> set[str]:
        return {path.name for path in self._folder.iterdir()}

    def dead(self, names: set[str]) -> list[str]:
        """Those of the lanes whose process has ended."""
        return [name for name in names if name != self.name and self._is_dead(self._folder / name)]

    def _is_dead(self, path: Path) -> bool:
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            path.unlink(missing_ok=True)
            return True
        finally:
            os.close(descriptor)
