"""How fast a destination is asked: one rate for all lanes and processes of an installation, and pauses that hold for everybody."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A thread that wakes late may catch up this much; without it the declared rate is never reached.
BURST_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 3600.0
_STATE = struct.Struct("dd")


class Pace:
    """A token bucket kept in a small file, so that several posters to one destination share it. Safe for threads."""

    def __init__(self, path: Path, requests_per_second: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._interval = 1.0 / requests_per_second
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def close(self) -> None:
        os.close(self._descriptor)

    def stop(self) -> None:
        """Let nobody through any more."""
        self._stopped.set()

    def acquire(self, deadline: float) -> bool:
        """Wait for a turn; False if it would come after ``deadline`` (a time of ``time.monotonic``) or the pace was stopped."""
        turn: float | None = None
        while not self._stopped.is_set():
            with self._state() as state:
                now = time.time()
                mine = max(state.next_turn, now - BURST_SECONDS) if turn is None else turn
                start = max(mine, state.paused_until)
                if time.monotonic() + max(0.0, start - now) > deadline:
                    return False
                if turn is None:
                    turn = mine
                    state.next_turn = turn + self._interval
            if start <= now:
                return True
            self._stopped.wait(start - now)
        return False

    def pause(self, seconds: float) -> None:
        """Nobody asks the destination for so long."""
        with self._state() as state:
            state.paused_until = max(state.paused_until, time.time() + min(seconds, LONGEST_PAUSE_SECONDS))

    def paused_for(self) -> float:
        with self._state() as state:
            return max(0.0, state.paused_until - time.time())

    @contextmanager
    def _state(self) -> Iterator[_State]:
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                state = _State(os.pread(self._descriptor, _STATE.size, 0), time.time())
                yield state
                os.pwrite(self._descriptor, _STATE.pack(state.next_turn, state.paused_until), 0)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)


class _State:
    def __init__(self, content: bytes, now: float) -> None:
        next_turn, paused_until = _STATE.unpack(content) if len(content) == _STATE.size else (0.0, 0.0)
        # A value from far ahead was written under another clock.
        horizon = now + LONGEST_PAUSE_SECONDS
        self.next_turn: float = next_turn if next_turn <= horizon else 0.0
        self.paused_until: float = paused_until if paused_until <= horizon else 0.0
