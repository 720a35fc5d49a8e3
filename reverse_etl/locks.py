"""Operating-system file locks that die with their process and name their holder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

POLL_SECONDS = 0.05


class LockTimeoutError(Exception):
    """The lock was not free in time. ``holder`` is what its owner wrote about itself, ``since`` when it took it."""

    def __init__(self, path: Path, holder: str, since: datetime) -> None:
        super().__init__(f"{path} is held by {holder} since {since:%Y-%m-%d %H:%M:%S} UTC")
        self.holder = holder
        self.since = since

    @property
    def told(self) -> str:
        """Who has held it since when."""
        return f"{self.holder} since {self.since:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def file_lock(path: Path, holder: str, wait_seconds: float) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; released by the kernel even when the process is killed.

    Raises:
        LockTimeoutError: somebody else held it for longer than ``wait_seconds``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, path, wait_seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{holder} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class LockHolder:
    """``holder`` is what it wrote about itself; ``since``: when it took the lock."""

    holder: str
    since: datetime


def lock_holder(path: Path) -> LockHolder | None:
    """Who holds the lock of ``path`` now; None where nobody does. Takes it for a moment to find out."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> LockHolder:
    name = os.pread(descriptor, 500, 0).decode(errors="replace") or "another process"
    return LockHolder(name, datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC))


def _acquire(descriptor: int, path: Path, wait_seconds: float) -> None:
    # Whoever looks who holds it (``lock_holder``) has it for a moment: one more try, however short the wait.
    deadline = time.monotonic() + max(wait_seconds, POLL_SECONDS / 2)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                held = _holder(descriptor)
                raise LockTimeoutError(path, held.holder, held.since) from None
            time.sleep(POLL_SECONDS)
