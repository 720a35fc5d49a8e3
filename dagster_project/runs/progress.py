"""One line per step of a close, for whoever listens: Dagster's event log, and the command line while it runs the job."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass

from reverse_etl.progress import Watcher, logger, watched_by


@dataclass(frozen=True, slots=True)
class Progress:
    """``entity`` and ``period`` are empty for a step that belongs to no close."""

    step: str
    entity: str
    period: str
    message: str
    seconds: float

    def __str__(self) -> str:
        where = " ".join(part for part in (self.period, self.entity) if part)
        return f"{where + ' ' if where else ''}{self.step}: {self.message} ({self.seconds:.1f} s)"

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def report(progress: Progress) -> None:
    logger.info(str(progress), extra={"progress": progress})


class _Listener(logging.Handler):
    def __init__(self, receive: Callable[[Progress], None]) -> None:
        super().__init__()
        self._receive = receive

    def emit(self, record: logging.LogRecord) -> None:
        progress = getattr(record, "progress", None)
        if isinstance(progress, Progress):
            self._receive(progress)


@contextmanager
def listening(receive: Callable[[Progress], None], watcher: Watcher | None = None) -> Iterator[None]:
    """Hand every progress line of this process to ``receive``, and how far long work is to ``watcher``, while the block runs."""
    listener = _Listener(receive)
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        with watched_by(watcher) if watcher is not None else nullcontext():
            yield
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
