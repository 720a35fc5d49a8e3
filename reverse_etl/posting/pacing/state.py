"""What all lanes and processes know of one destination: turns, pauses, use of windows, the adapted rate, the circuit. Pure but for its storage."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reverse_etl.posting.pacing.clock import boot_id, machine_now
from reverse_etl.request_windows import WindowUse

LONGEST_PAUSE_SECONDS = 3600.0
CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
_HEADER = struct.Struct("<II")


@dataclass(slots=True)
class Circuit:
    """``open``: nothing is sent; ``half_open``: a probe was answered, one request at a time decides.

    ``since`` is of the wall clock, ``probe_at`` and ``last_failure`` of the machine's. ``failures``: refusals in a row while closed.
    """

    state: str = CLOSED
    since: float = 0.0
    reason: str = ""
    probe_at: float = 0.0
    probes: int = 0
    failures: int = 0
    last_failure: float = 0.0

    @property
    def opened(self) -> datetime:
        return datetime.fromtimestamp(self.since, UTC)


@dataclass(slots=True)
class LaneUse:
    """Requests of one lane: under way, and threads that wait for a place (``waits_at``: when one last asked)."""

    in_flight: int = 0
    waits_at: float = 0.0


@dataclass(slots=True)
class Adapted:
    """The rate that is found out where none is declared. ``ramping``: it was never refused, so it grows fast."""

    rate: float = 10.0
    ramping: bool = True
    lowered_at: float = 0.0


@dataclass(slots=True)
class State:
    """``next_turn`` and ``paused_until`` are of the machine's clock."""

    next_turn: float = 0.0
    paused_until: float = 0.0
    adapted: Adapted = field(default_factory=Adapted)
    circuit: Circuit = field(default_factory=Circuit)
    windows: dict[str, WindowUse] = field(default_factory=dict)
    lanes: dict[str, LaneUse] = field(default_factory=dict)


class StateFile:
    """The state in one small file under a lock that dies with its process. Safe for threads.

    A torn or foreign content counts as none: what a destination allows is then found out from its answers.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._lock = threading.Lock()
        self._boot = boot_id()

    def close(self) -> None:
        os.close(self._descriptor)

    @contextmanager
    def changing(self) -> Iterator[State]:
        """The state, which nobody else changes meanwhile; written back when the block ends without an exception."""
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                state = self._load()
                yield state
                content = _packed(state, self._boot)
                os.pwrite(self._descriptor, content, 0)
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def read(self) -> State:
        with self._lock:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
            try:
                return self._load()
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def sync(self) -> None:
        """Make what was counted survive a power cut."""
        os.fsync(self._descriptor)

    def _load(self) -> State:
        header = os.pread(self._descriptor, 65_536, 0)
        if len(header) < _HEADER.size:
            return State()
        length, checksum = _HEADER.unpack_from(header)
        content = header[_HEADER.size : _HEADER.size + length]
        if len(content) != length or zlib.crc32(content) != checksum:
            return State()
        try:
            return _unpacked(json.loads(content), self._boot, machine_now(), time.time())
        except (ValueError, TypeError, KeyError):
            return State()


def _packed(state: State, boot: str) -> bytes:
    a, c = state.adapted, state.circuit
    content = json.dumps(
        {
            "boot": boot,
            "machine": machine_now(),
            "wall": time.time(),
            "turn": state.next_turn,
            "paused": state.paused_until,
            "adapted": [a.rate, a.ramping, a.lowered_at],
            "circuit": [c.state, c.since, c.reason, c.probe_at, c.probes, c.failures, c.last_failure],
            "windows": {name: use.counted for name, use in state.windows.items()},
            "lanes": {name: [lane.in_flight, lane.waits_at] for name, lane in state.lanes.items()},
        },
        separators=(",", ":"),
    ).encode()
    return _HEADER.pack(len(content), zlib.crc32(content)) + content


def _unpacked(content: dict[str, Any], boot: str, now: float, wall: float) -> State:
    state = State(
        next_turn=content["turn"],
        paused_until=content["paused"],
        adapted=Adapted(*content["adapted"]),
        circuit=Circuit(*content["circuit"]),
        windows={name: WindowUse({int(part): count for part, count in counted.items()}) for name, counted in content["windows"].items()},
        lanes={name: LaneUse(*use) for name, use in content["lanes"].items()},
    )
    horizon = now + LONGEST_PAUSE_SECONDS
    if content["boot"] != boot or content["machine"] > now:
        # The machine was started anew. Pauses go on by the wall clock; a wall clock that was set back lengthens none of them.
        passed = max(0.0, wall - content["wall"])
        state.next_turn, state.lanes = 0.0, {}
        state.paused_until = now + max(0.0, state.paused_until - content["machine"] - passed)
        state.circuit.probe_at = now + max(0.0, state.circuit.probe_at - content["machine"] - passed)
        state.circuit.last_failure = state.adapted.lowered_at = 0.0
    state.next_turn = min(state.next_turn, horizon)
    state.paused_until = min(state.paused_until, horizon)
    state.circuit.probe_at = min(state.circuit.probe_at, horizon)
    return state
