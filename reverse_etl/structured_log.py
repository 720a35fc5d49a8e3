"""The log of an installation: one JSON object a line in ``logs/tieout.jsonl``, with the run, entity, period, destination and document it is about.

Whoever has something to say uses the standard library's ``logging``; what it is about comes from the correlation, or from ``extra``. Secrets never
get in, and of documents that are personal only that something happened.
"""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from reverse_etl.correlation import current
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.redaction import WITHHELD, Redaction, redaction_of
from reverse_etl.settings import Settings
from reverse_etl.transport.tracing import trace_id

FILE = "tieout.jsonl"
LOGGERS = ("reverse_etl", "dagster_project")
LARGEST_FILE = 10 * 1024 * 1024
KEPT_FILES = 5
_ABOUT = ("entity", "period", "destination", "document")


class JsonLines(logging.Formatter):
    """``extra`` may hold ``entity``, ``period``, ``destination``, ``document`` (its reference), ``detail`` and ``sensitivity`` (of the detail)."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        about = current()
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if about.correlation_id:
            line |= {"run_id": about.correlation_id, "trace_id": trace_id(about.correlation_id)}
        for name in _ABOUT:
            value = getattr(record, name, None) or getattr(about, name)
            if value:
                line[name] = str(value)
        detail = getattr(record, "detail", None)
        if detail is not None:
            sensitivity = getattr(record, "sensitivity", None)
            line["detail"] = f"withheld, for it is {sensitivity}" if sensitivity in WITHHELD else str(detail)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: self._redaction.text(value) if name in _TEXTS else value for name, value in line.items()}, ensure_ascii=False)


_TEXTS = frozenset({"message", "detail", "exception"})


class RotatedFile(WatchedFileHandler):
    """A file that several processes append to whole lines, and that one of them puts aside when it has grown large; the others follow."""

    def __init__(self, path: Path, largest: int = LARGEST_FILE, kept: int = KEPT_FILES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        super().__init__(path, encoding="utf-8", delay=True)
        self._path = path
        self._largest = largest
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._rotate_if_large()
            # Opens the file anew where it was put aside, for which its folder has to be there.
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A line that cannot be written stops nobody."""

    def _rotate_if_large(self) -> None:
        if not self._path.is_file() or self._path.stat().st_size < self._largest:
            return
        try:
            with file_lock(self._path.with_suffix(".lock"), "putting the log aside", 0.0):
                if self._path.stat().st_size < self._largest:
                    return
                for number in range(self._kept, 0, -1):
                    older = self._aside(number)
                    if older.is_file():
                        os.replace(older, self._aside(number + 1))
                os.replace(self._path, self._aside(1))
                self._path.touch(mode=0o600)
                self._aside(self._kept + 1).unlink(missing_ok=True)
        except (LockTimeoutError, FileNotFoundError):
            # Somebody else is doing it.
            return

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")


def write_log(settings: Settings) -> None:
    """Write the log of this installation from now on; a process that works on another one afterwards writes that one's."""
    path = settings.log_folder / FILE
    for handler in _handlers():
        if Path(handler.baseFilename) == path.absolute() and path.is_file():
            return
        _detach(handler)
    try:
        handler = RotatedFile(path)
    except PermissionError:
        # Who may only read the installation has nothing to add to its log.
        return
    except OSError as error:
        logging.getLogger(__name__).warning("no log is written: %s", error)
        return
    handler.setFormatter(JsonLines(redaction_of(settings)))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        if logging.lastResort is not None and logging.lastResort not in logger.handlers:
            # Warnings are still told to whoever runs a command, as they are where nothing is written.
            logger.addHandler(logging.lastResort)
        logger.setLevel(logging.INFO)


def _handlers() -> list[RotatedFile]:
    return [handler for handler in logging.getLogger(LOGGERS[0]).handlers if isinstance(handler, RotatedFile)]


def _detach(handler: RotatedFile) -> None:
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(handler)
    handler.close()
