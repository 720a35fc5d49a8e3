"""The mode of each destination, as people set it: an append-only file below the home folder.

A file and not the register: whoever must stop a destination cannot wait for a busy database, and a register that is restored from a backup must
not lift a hold.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from reverse_etl.errors import ConfigurationError
from reverse_etl.whole_files import make_durable

NORMAL, HOLD, THROTTLED, VERIFY_ONLY = "normal", "hold", "throttled", "verify_only"
MODES = (NORMAL, HOLD, THROTTLED, VERIFY_ONLY)
DEFAULT_FRACTION = 0.25


@dataclass(frozen=True, slots=True)
class Mode:
    """``fraction``: of the limits, in the mode ``throttled``. ``at``: when it was set, None = never."""

    mode: str = NORMAL
    fraction: float = 1.0
    actor: str | None = None
    reason: str | None = None
    at: datetime | None = None

    def __str__(self) -> str:
        by = f" by {self.actor} since {self.at:%Y-%m-%d %H:%M} UTC ({self.reason})" if self.at is not None else ""
        return self.mode + by


class Modes:
    """Every change of a mode, in the order in which they were made; the last one of a destination holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int, int] | None, dict[str, Mode]] = (None, {})

    def of(self, destination: str) -> Mode:
        """The mode that holds now; looks at the file only when it has changed.

        Raises:
            ConfigurationError: the file is not what ``set`` writes; nothing is sent while nobody knows whether it may be.
        """
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return Mode()
        version = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._read[0] != version:
            self._read = (version, dict(self._entries()))
        return self._read[1].get(destination, Mode())

    def set(self, destination: str, mode: str, *, actor: str, reason: str, fraction: float | None = None, now: datetime | None = None) -> Mode:
        """Set the mode; durable when it returns.

        Raises:
            ConfigurationError: there is no such mode, it has no reason, or the fraction is not one.
        """
        if mode not in MODES:
            raise ConfigurationError(f"destination {destination}: a mode is one of {', '.join(MODES)}, not {mode!r}")
        if not reason.strip():
            raise ConfigurationError(f"destination {destination}: give a reason; whoever finds it {mode} reads nothing else")
        if fraction is not None and (mode != THROTTLED or not 0 < fraction < 1):
            raise ConfigurationError(f"destination {destination}: a fraction is between 0 and 1 and goes with the mode {THROTTLED}")
        part = (fraction or DEFAULT_FRACTION) if mode == THROTTLED else 1.0
        given = Mode(mode, part, actor, reason.strip(), now or datetime.now(UTC))
        record = {"destination": destination, **asdict(given), "at": given.at.isoformat() if given.at else None}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
            # A line without its end was never acknowledged: its writer died. It must not swallow this one.
            os.ftruncate(descriptor, content.rfind(b"\n") + 1)
            os.write(descriptor, json.dumps(record).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        make_durable(self._path.parent)
        return given

    def history(self, destination: str) -> list[Mode]:
        return [mode for name, mode in self._entries() if name == destination]

    def _entries(self) -> list[tuple[str, Mode]]:
        entries: list[tuple[str, Mode]] = []
        text = self._path.read_text() if self._path.exists() else ""
        lines = text.splitlines()
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                mode = Mode(record["mode"], float(record["fraction"]), record["actor"], record["reason"], datetime.fromisoformat(record["at"]))
                if mode.mode not in MODES:
                    raise ValueError(mode.mode)
                entries.append((str(record["destination"]), mode))
            except (ValueError, KeyError, TypeError) as error:
                if number == len(lines) and not text.endswith("\n"):
                    continue
                raise ConfigurationError(
                    f"{self._path}: line {number} is no mode ({error}); restore the line or set the mode anew after removing it"
                ) from error
        return entries
