"""How far long work is, for whoever watches; nothing is counted or told while nobody does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

logger = logging.getLogger("tieout.progress")


@dataclass(frozen=True, slots=True)
class Advance:
    """``done`` of ``total`` parts of ``task``; ``doing`` names what is done now, empty where the parts have no names."""

    task: str
    done: int
    total: int
    doing: str = ""


Watcher = Callable[[Advance], None]
# Not a logger: a log keeps every line, and how far something was means nothing a second later.
_watchers: list[Watcher] = []


def is_watched() -> bool:
    return bool(_watchers)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Tell ``watcher`` how far all long work of this process is, from whatever thread, while the block runs."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


class Course:
    """One piece of long work on its way; may be advanced by several threads."""

    def __init__(self, task: str, total: int) -> None:
        self._task = task
        self._total = total
        self._done = 0
        self._lock = Lock()
        self._tell("")

    def advance(self, count: int = 1, doing: str = "") -> None:
        with self._lock:
            # Work may turn out to be more than it looked like, never more than all.
            self._done = min(self._done + count, self._total)
        self._tell(doing)

    def end(self) -> None:
        """Also what was left undone is over."""
        with self._lock:
            self._done = self._total
        self._tell("")

    def _tell(self, doing: str) -> None:
        if self._total:
            for watcher in tuple(_watchers):
                watcher(Advance(self._task, self._done, self._total, doing))
