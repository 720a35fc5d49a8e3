"""Performs what the scheduler of a lane decides: one thread decides and writes the register, the others send and look up.

Write-aheads and results are committed in groups.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

from reverse_etl.correlation import in_this_context
from reverse_etl.documents import SealedDocument
from reverse_etl.posting import sending
from reverse_etl.posting.availability import Availability
from reverse_etl.posting.book import DeliveryBook
from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.pacing.clock import machine_now
from reverse_etl.posting.protocol.dependencies import Dependencies
from reverse_etl.posting.protocol.effects import Allowance, Await, Finished, LookUpBatch, Record, Recorded, SendBatch, WriteAhead, WroteAhead
from reverse_etl.posting.protocol.facts import Found, Sent
from reverse_etl.posting.protocol.ready import Tracked
from reverse_etl.posting.protocol.scheduler import Scheduler
from reverse_etl.register import Delivery, Register
from reverse_etl.systems.contract import System

# Results that arrive this close to each other share a commit, or closer than the last commit took: on a slow disk fewer commits are faster.
GATHER_SECONDS, LONGEST_GATHER_SECONDS = 0.02, 0.1
MOST_GATHERED = 200
# How much is written ahead beyond what the threads are sending, at most. Where nobody can find out what was sent, all of it stops for a person
# when the poster dies.
LONGEST_BACKLOG, LONGEST_UNKNOWABLE_BACKLOG = 256, 16


class Poster:
    """Delivers the given documents of one lane. Use it once: ``run``, then read ``tracked``.

    ``clock`` is steady since ``began``: what was recorded before is by another clock.
    """

    def __init__(
        self, register: Register, system: System, book: DeliveryBook, pace: Pace, *, clock: Callable[[], datetime], began: datetime, patience: float
    ) -> None:
        self._register = register
        self._system = system
        self._manifest = system.manifest
        self._book = book
        self._pace = pace
        self._clock = clock
        self._began = began
        self._patience = patience
        self._scheduler: Scheduler
        self.requests = 0
        self.availability = Availability(pace, system)
        self._answers: queue.SimpleQueue[Sent | Found | BaseException] = queue.SimpleQueue()
        self._outstanding = 0
        self._finished: deque[float] = deque()
        self._commit_seconds = 0.0

    @property
    def tracked(self) -> Mapping[int, Tracked]:
        """The documents of this run by position."""
        return self._scheduler.tracked

    def run(self, work: Sequence[tuple[SealedDocument, Delivery]]) -> None:
        """Bring every document as far as it gets without a person and within the patience."""
        self._scheduler = Scheduler(
            self._system,
            work,
            Dependencies(self._register, [document for document, _ in work]),
            replies=self._register.replies([document.position for document, _ in work]),
            requests=self._register.requests([document.position for document, delivery in work if delivery.first_written_at]),
            patience=self._patience,
        )
        self._scheduler.begin(self._clock(), self._register.restoration, self._began)
        executor = ThreadPoolExecutor(self._manifest.concurrency, thread_name_prefix=f"push-{self._manifest.system}")
        try:
            self._perform(executor)
        finally:
            self._pace.stop()
            executor.shutdown(wait=True, cancel_futures=True)

    def hints(self, documents: Sequence[SealedDocument]) -> dict[str, str]:
        """Reference -> remote id of what the documents depend on."""
        return self._scheduler.hints(documents)

    def _perform(self, executor: ThreadPoolExecutor) -> None:
        scheduler, allowance = self._scheduler, self._allowance()
        while True:
            effect = scheduler.next(self._clock(), allowance)
            match effect:
                case Record(changes=changes):
                    began = time.monotonic()
                    scheduler.tell(Recorded(changes, self._book.record(changes)), self._clock())
                    self._commit_seconds = time.monotonic() - began
                case WriteAhead(intents=intents):
                    began = machine_now()
                    accepted, refused = self._book.write_ahead(intents)
                    scheduler.tell(WroteAhead(accepted, refused, began), self._clock())
                case SendBatch(calls=calls, began=began):
                    deadline = began + self._manifest.send_deadline.total_seconds()
                    self._submit(executor, partial(sending.send, self._system, self._pace, calls, deadline))
                case LookUpBatch():
                    self._submit(executor, partial(sending.look_up, self._system, self._pace, effect, time.monotonic() + effect.seconds, self._clock))
                case Await(until=until):
                    self._await(until)
                    allowance = self._allowance()
                case Finished():
                    return

    def _allowance(self) -> Allowance:
        seconds = self._manifest.send_deadline.total_seconds()
        # What cannot be sent within half the send deadline is not written ahead yet.
        requests = max(1, min(self._manifest.concurrency + self._backlog(), self._pace.requests_within(seconds / 2)))
        return Allowance(requests, self._pace.paused_for(), self._pace.paused_for(sending=False), self.availability.unavailable)

    def _backlog(self) -> int:
        """As much as the destination answered within the last second."""
        now = time.monotonic()
        while self._finished and now - self._finished[0] >= 1.0:
            self._finished.popleft()
        most = LONGEST_UNKNOWABLE_BACKLOG if self._manifest.capability_class == "C" else LONGEST_BACKLOG
        return min(most, max(self._manifest.concurrency, len(self._finished)))

    def _submit(self, executor: ThreadPoolExecutor, work: Callable[[], Sent | Found]) -> None:
        def perform() -> None:
            try:
                self._answers.put(work())
            except BaseException as error:
                self._answers.put(error)

        self._outstanding += 1
        executor.submit(in_this_context(perform))

    def _await(self, until: datetime | None) -> None:
        """Take the next answer and those that come right after it, or wait."""
        seconds = None if until is None else max(0.0, (until - self._clock()).total_seconds())
        if not self._outstanding:
            time.sleep(seconds or 0.0)
            return
        gathered = 0
        last: float | None = None
        while self._outstanding and gathered < MOST_GATHERED:
            try:
                answer = self._answers.get(timeout=seconds if last is None else max(0.0, last - time.monotonic()))
            except queue.Empty:
                return
            if isinstance(answer, BaseException):
                raise answer
            last = last or time.monotonic() + min(LONGEST_GATHER_SECONDS, max(GATHER_SECONDS, self._commit_seconds))
            self._outstanding -= 1
            gathered += 1
            if isinstance(answer, Found) or answer.left:
                self.requests += 1
            if isinstance(answer, Sent) and answer.left:
                self._finished.append(time.monotonic())
                self.availability.watch(answer)
            self._scheduler.tell(answer, self._clock())


def steady(clock: Callable[[], datetime]) -> Callable[[], datetime]:
    """The clock as it goes on from now, whatever is done to it: time spent suspended counts, corrections do not."""
    began, at = machine_now(), clock()
    return lambda: at + timedelta(seconds=machine_now() - began)
