"""Deliveries to all destinations and legal entities at the same time, so that a slow or dead lane delays no other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_project.close.installation import Installation
from dagster_project.close.ledgers import reopen_in_ledger
from dagster_project.close.partitions import CloseKey
from dagster_project.close.steps import deliver
from reverse_etl.correlation import correlated, in_this_context

if TYPE_CHECKING:
    from reverse_etl.posting import PushReport
    from reverse_etl.posting.plans import Plan


@dataclass(frozen=True, slots=True)
class Delivered:
    """``note``: what else was done at the destination."""

    report: PushReport
    seconds: float
    note: str | None = None


class Deliveries:
    """Every lane (destination, entity) is worked off by a thread of its own, one period after the other. The lanes of a destination share its limits
    fairly: that is for their pace to see to.

    ``lanes``: destinations with what of them. ``plan``: what is done there, and nothing else.
    """

    def __init__(self, installation: Installation, lanes: Sequence[tuple[str, CloseKey]], correlation_id: str, plan: Plan | None = None) -> None:
        self._installation = installation
        self._asked = lanes
        self._correlation_id = correlation_id
        self._plan = plan
        self._threads = ExitStack()
        self._running: dict[tuple[str, CloseKey], Future[Delivered]] = {}

    def __enter__(self) -> Deliveries:
        pools = {
            (system, entity): self._threads.enter_context(ThreadPoolExecutor(1, f"delivery-{system}-{entity}"))
            for system, entity in dict.fromkeys((system, key.entity) for system, key in self._asked)
        }
        with correlated(self._correlation_id):
            self._running = {
                (system, key): pools[system, key.entity].submit(in_this_context(self._deliver), system, key) for system, key in self._asked
            }
        return self

    def __exit__(self, *_: object) -> None:
        # What has not begun when the step is interrupted is left to the next one; what has begun ends its own protocol.
        for future in self._running.values():
            future.cancel()
        self._threads.close()

    def wait_for(self, system: str, key: CloseKey) -> Delivered:
        """The report of one delivery, once it has ended. Raises what the delivery raised."""
        return self._running[system, key].result()

    def _deliver(self, system: str, key: CloseKey) -> Delivered:
        started = time.monotonic()
        # Before the documents: a ledger takes none into a period that is closed there.
        note = reopen_in_ledger(self._installation, key.entity, key.period) if system in self._installation.settings.ledgers else None
        planned = None if self._plan is None else self._plan.lane(system, key.entity)
        report = deliver(self._installation, system, key.entity, key.period, correlation_id=self._correlation_id, planned=planned)
        return Delivered(report, time.monotonic() - started, note)
