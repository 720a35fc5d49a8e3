"""Brings events to where the settings say, without anybody waiting for it: a file is appended to, an endpoint is sent to by a thread of its own.

Lineage is worth less than a close: what the endpoint does not take in time is dropped, counted, and to be seen in ``logs/open_lineage.json``.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import queue
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from openlineage.client.serde import Serde

from reverse_etl.redaction import redaction_of

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

    from reverse_etl.settings import Settings

LOG = logging.getLogger(__name__)
STATE_FILE = "open_lineage.json"
MOST_WAITING = 5_000
FAILURES_BEFORE_PAUSE = 3
PAUSE_SECONDS = 30.0
LAST_SECONDS = 2.0
"""How long the end of a process waits for what is still on its way to an endpoint that answers."""


class Delivery(Protocol):
    def send(self, event: RunEvent) -> None:
        """Never raises, never waits."""
        ...

    def close(self) -> None:
        """Bring what is waiting, for a moment."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """``dropped``: events that will not arrive; ``problem``: what went wrong last, None once something arrived again; ``since``: of the problem."""

    where: str
    delivered: int = 0
    dropped: int = 0
    problem: str | None = None
    since: str | None = None


def open_delivery(settings: Settings) -> Delivery | None:
    """None where events are off."""
    configured = settings.open_lineage
    path = configured.path(settings.home)
    if path is not None:
        return FileDelivery(path)
    return HttpDelivery(settings) if configured.url is not None else None


def delivery_state(settings: Settings) -> DeliveryState | None:
    """How events arrived lately at the endpoint; None where they go to a file or nowhere, or none was sent yet."""
    if settings.open_lineage.url is None:
        return None
    try:
        state = DeliveryState(**json.loads((settings.log_folder / STATE_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return state if state.where == settings.open_lineage.url else None


class FileDelivery:
    """One event a line; processes that append at the same time leave whole lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told = False

    def send(self, event: RunEvent) -> None:
        line = (Serde.to_json(event) + "\n").encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._told:
                self._told = True
                LOG.warning("events of OpenLineage cannot be written: %s", error)

    def close(self) -> None:
        return None


class HttpDelivery:
    """At most ``MOST_WAITING`` events wait; after some failures in a row the endpoint is left alone for a while, and what comes meanwhile waits."""

    def __init__(self, settings: Settings) -> None:
        self._configured = settings.open_lineage
        self._key = os.environ.get(self._configured.key_environment, "").strip()
        self._redaction = redaction_of(settings)
        self._state_path = settings.log_folder / STATE_FILE
        self._state = replace(delivery_state(settings) or DeliveryState(str(self._configured.url)))
        self._waiting: queue.Queue[RunEvent | None] = queue.Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._paused_until = 0.0
        self._failures = 0
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="open-lineage", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def state(self) -> DeliveryState:
        return self._state

    def send(self, event: RunEvent) -> None:
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._dropped(1, f"more than {MOST_WAITING} events wait for the endpoint")

    def close(self) -> None:
        """Waits for an endpoint that answers, at most ``LAST_SECONDS``; not at all for one that does not."""
        if self._closing:
            return
        self._closing = True
        atexit.unregister(self.close)
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        ends = time.monotonic() + LAST_SECONDS
        while self._thread.is_alive() and time.monotonic() < ends and not self._failures:
            self._thread.join(0.02)
        left = self._waiting.qsize() - (1 if self._thread.is_alive() else 0)
        if self._thread.is_alive() and left > 0:
            self._dropped(left, self._state.problem or "the process ended before the endpoint had taken everything")
        self._store()

    def _work(self) -> None:
        from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

        transport = HttpTransport(
            HttpConfig(
                url=str(self._configured.url),
                endpoint=self._configured.endpoint,
                timeout=self._configured.timeout_seconds,
                auth=ApiKeyTokenProvider({"api_key": self._key}) if self._key else TokenProvider({}),
                # Nothing is tried again: what comes after it waits, and is worth as much.
                retry={"total": 0, "read": 0, "connect": 0},
            )
        )
        while (event := self._waiting.get()) is not None:
            while not self._closing and time.monotonic() < self._paused_until:
                time.sleep(0.05)
            try:
                transport.emit(event)
            except Exception as error:
                self._failed(error)
            else:
                self._arrived()

    def _arrived(self) -> None:
        with self._lock:
            self._failures, was = 0, self._state.problem
            self._state = replace(self._state, delivered=self._state.delivered + 1, problem=None, since=None)
        if was is not None:
            LOG.info("events of OpenLineage arrive again")
            self._store()

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures >= FAILURES_BEFORE_PAUSE:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
        self._dropped(1, f"{type(error).__name__}: {error}"[:300])

    def _dropped(self, count: int, problem: str) -> None:
        with self._lock:
            first = self._state.problem is None
            since = self._state.since or datetime.now(UTC).isoformat(timespec="seconds")
            self._state = replace(self._state, dropped=self._state.dropped + count, problem=self._redaction.text(problem), since=since)
        if first:
            LOG.warning("events of OpenLineage do not arrive at %s: %s", self._state.where, self._state.problem)
        self._store()

    def _store(self) -> None:
        """For whoever asks how it goes; a state that cannot be written is no reason to stop."""
        try:
            self._state_path.parent.mkdir(parents=True, exist_ok=True)
            staged = self._state_path.with_name(f".{self._state_path.name}-{os.getpid()}")
            staged.write_text(json.dumps(asdict(self._state)))
            os.replace(staged, self._state_path)
        except OSError as error:
            LOG.warning("%s cannot be written: %s", self._state_path, error)
