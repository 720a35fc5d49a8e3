"""Brings events to where the settings say, without anybody waiting for it: a file is appended to, an endpoint is sent to by a thread of its own.

Lineage is worth less than a close, and is not lost for it: what an endpoint is to get is on disk first, and stays there until the endpoint has it.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from openlineage.client.serde import Serde

from dagster_project.open_lineage.undelivered import DeliveryState, Undelivered, delivery_state
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.redaction import redaction_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport.http import HttpTransport

    from reverse_etl.settings import Settings

LOG = logging.getLogger(__name__)
MOST_WAITING = 50_000
"""Of more events than these, the oldest are dropped: an endpoint that never comes back must not fill the disk."""
FAILURES_BEFORE_PAUSE = 3
PAUSE_SECONDS = 30.0
POLL_SECONDS = 5.0
"""How often a process that lives on looks for what others have left."""
LAST_SECONDS = 2.0
"""How long the end of a process waits for what is still on its way to an endpoint that answers."""
REFUSALS = frozenset({400, 413, 415, 422})
"""Answers that are about the event, which would be refused again; every other failure is about the endpoint."""


class Delivery(Protocol):
    def send(self, event: RunEvent) -> None:
        """Never raises, never waits."""
        ...

    def close(self) -> None:
        """Bring what is waiting, for a moment."""
        ...


def open_delivery(settings: Settings) -> Delivery | None:
    """None where events are off."""
    configured = settings.open_lineage
    path = configured.path(settings.home)
    if path is not None:
        return FileDelivery(path)
    return HttpDelivery(settings) if configured.url is not None else None


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
    """One process at a time sends what all have kept, in the order of time. After some failures in a row the endpoint is left alone for a while."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._configured = settings.open_lineage
        self._key = os.environ.get(self._configured.key_environment, "").strip()
        self._redaction = redaction_of(settings)
        self._lock_path = settings.lock_folder / "open_lineage.lock"
        self._undelivered = Undelivered(settings)
        # Of an endpoint that was dead a moment ago, one more failure is enough to leave it alone.
        self._failures = 0 if self.state.problem is None else FAILURES_BEFORE_PAUSE - 1
        self._asked_at: float | None = None
        self._told = False
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="open-lineage", daemon=True)
        self._thread.start()
        # Also at the end of a process that Dagster has started for a run, for which atexit does nothing.
        self._at_exit = Finalize(None, self.close, exitpriority=1)

    @property
    def state(self) -> DeliveryState:
        return delivery_state(self._settings) or DeliveryState(str(self._configured.url))

    def send(self, event: RunEvent) -> None:
        try:
            self._undelivered.keep(Serde.to_json(event))
        except OSError as error:
            if not self._told:
                self._told = True
                LOG.warning("events of OpenLineage cannot be kept, and do not arrive: %s", error)
        self._wake.set()

    def close(self) -> None:
        """Waits for an endpoint that answers, at most ``LAST_SECONDS``, and not for one that does not. What is left the next process sends."""
        if self._ended.is_set():
            return
        self._at_exit.cancel()
        ends = time.monotonic() + LAST_SECONDS
        while self._failures == 0 and self._undelivered.names() and time.monotonic() < ends:
            self._wake.set()
            time.sleep(0.02)
        self._ended.set()
        self._wake.set()
        asked_at = self._asked_at
        if self._failures == 0 and asked_at is not None and time.monotonic() - asked_at > LAST_SECONDS / 2:
            self._troubled(f"no answer within {LAST_SECONDS / 2:g} s when the process ended", self.state)

    def _work(self) -> None:
        from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

        transport = HttpTransport(
            HttpConfig(
                url=str(self._configured.url),
                endpoint=self._configured.endpoint,
                timeout=self._configured.timeout_seconds,
                auth=ApiKeyTokenProvider({"api_key": self._key}) if self._key else TokenProvider({}),
                # Whether and when it is tried again is decided here.
                retry={"total": 0, "read": 0, "connect": 0},
            )
        )
        while not self._ended.is_set():
            self._wake.clear()
            try:
                self._send_waiting(transport)
            except OSError as error:
                LOG.warning("events of OpenLineage that are kept cannot be read: %s", error)
                self._failures += 1
            if self._failures >= FAILURES_BEFORE_PAUSE:
                self._ended.wait(PAUSE_SECONDS)
            else:
                self._wake.wait(POLL_SECONDS)

    def _send_waiting(self, transport: HttpTransport) -> None:
        """Send what waits until all has arrived, or the endpoint fails too often."""
        try:
            with file_lock(self._lock_path, "events of OpenLineage", 0.0):
                if not self._undelivered.names():
                    return
                state = self._without_oldest(self.state)
                try:
                    for name in self._undelivered.names():
                        while not self._ended.is_set() and (event := self._undelivered.read(name)) is not None:
                            state = self._sent(transport, name, event, state)
                            if self._failures >= FAILURES_BEFORE_PAUSE:
                                return
                finally:
                    self._undelivered.store(state)
        except LockTimeoutError:
            # Another process is sending, and sends what this one has kept too.
            return

    def _sent(self, transport: HttpTransport, name: str, event: str, state: DeliveryState) -> DeliveryState:
        """One attempt to send one event, and the state that follows."""
        self._asked_at = time.monotonic()
        try:
            transport.emit(json.loads(event))
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"[:300]
            if getattr(getattr(error, "response", None), "status_code", None) in REFUSALS:
                return self._dropped([name], f"an event was refused: {problem}", state)
            self._failures += 1
            return self._troubled(problem, state)
        finally:
            self._asked_at = None
        self._failures = 0
        self._undelivered.forget([name])
        if state.problem is not None:
            LOG.info("events of OpenLineage arrive again")
        return replace(state, delivered=state.delivered + 1, problem=None, since=None)

    def _without_oldest(self, state: DeliveryState) -> DeliveryState:
        names = self._undelivered.names()
        if len(names) <= MOST_WAITING:
            return state
        return self._dropped(names[:-MOST_WAITING], f"more than {MOST_WAITING} events wait for the endpoint", state)

    def _dropped(self, names: Sequence[str], problem: str, state: DeliveryState) -> DeliveryState:
        self._undelivered.forget(names)
        return self._troubled(problem, replace(state, dropped=state.dropped + len(names)))

    def _troubled(self, problem: str, state: DeliveryState) -> DeliveryState:
        if state.problem is None:
            LOG.warning("events of OpenLineage do not arrive at %s: %s", state.where, self._redaction.text(problem))
        since = state.since or datetime.now(UTC).isoformat(timespec="seconds")
        troubled = replace(state, problem=self._redaction.text(problem), since=since)
        self._undelivered.store(troubled)
        return troubled
