"""Performs the protocol's effects for one lane: one thread decides and writes the register, the others send and look up.

Write-aheads and results are committed in groups. Calls of one document follow each other; documents do not wait for each other unless one
depends on the other.
"""

from __future__ import annotations

import queue
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from reverse_etl.documents import SealedDocument, State, idempotency_key
from reverse_etl.errors import OutboxContractError
from reverse_etl.posting import notices, outcomes, sending
from reverse_etl.posting.availability import Availability
from reverse_etl.posting.book import CHANGED, PERIOD_CLOSED, Change, DeliveryBook, Intent, Refused, Result, WrittenAhead
from reverse_etl.posting.dependencies import Dependencies
from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.protocol import (
    OPEN_STATES,
    Event,
    LookUp,
    Park,
    Recovered,
    Restored,
    Send,
    Wait,
    advance,
    next_step,
)
from reverse_etl.posting.sending import Found, Sent
from reverse_etl.register import Delivery, NewException, Register
from reverse_etl.systems.contract import Manifest, NotExecuted, Rejected, RenderContext, System

# Results that arrive this close to each other share a commit; a commit to disk costs about as much as waiting.
GATHER_SECONDS = 0.02
MOST_GATHERED = 200
# How much is written ahead beyond what the threads are sending, at most.
LONGEST_BACKLOG = 64
CHANGES_PER_COMMIT = 500
ATTEMPTS_PER_RUN = 10
LONGEST_PAUSE_SECONDS = 120.0
LONGEST_PAUSE_WRITTEN_AHEAD_SECONDS = 1.0
SHORTEST_WAIT_SECONDS = 0.001


@dataclass(slots=True)
class Tracked:
    """A document of this run."""

    document: SealedDocument
    delivery: Delivery
    calls: tuple[str, ...] = ()
    replies: dict[str, Any] = field(default_factory=dict)
    requests: dict[tuple[str, int], bytes] = field(default_factory=dict)
    due: datetime | None = None
    attempts: int = 0
    left: bool = False


class Poster:
    """Delivers the given documents of one lane. Use it once: ``run``, then read ``tracked``."""

    def __init__(self, register: Register, system: System, book: DeliveryBook, pace: Pace, *, clock: Callable[[], datetime], patience: float) -> None:
        self._register = register
        self._system = system
        self._manifest = system.manifest
        self._book = book
        self._pace = pace
        self._clock = clock
        self._patience = patience
        self._dependencies: Dependencies
        self.tracked: dict[int, Tracked] = {}
        self.requests = 0
        self.availability = Availability(pace, system)
        self._ready: defaultdict[tuple[str, str], dict[int, Tracked]] = defaultdict(dict)
        self._look_ups: dict[int, Tracked] = {}
        self._timed: dict[int, Tracked] = {}
        self._waiting: defaultdict[str, set[int]] = defaultdict(set)
        self._changes: list[Change] = []
        self._events: queue.SimpleQueue[Sent | Found | BaseException] = queue.SimpleQueue()
        self._outstanding = 0
        self._finished: list[float] = []

    def run(self, work: Sequence[tuple[SealedDocument, Delivery]]) -> None:
        """Bring every document as far as it gets without a person and within the patience."""
        self._dependencies = Dependencies(self._register, [document for document, _ in work])
        positions = [document.position for document, _ in work]
        replies, requests = (
            self._register.replies(positions),
            self._register.requests([d.position for d, delivery in work if delivery.first_written_at]),
        )
        for document, delivery in work:
            self.tracked[document.position] = Tracked(document, delivery, replies=dict(replies.get(document.position, {})))
        for (position, call, generation), request in requests.items():
            self.tracked[position].requests[call, generation] = request
        self._take_over()
        executor = ThreadPoolExecutor(self._manifest.concurrency, thread_name_prefix=f"push-{self._manifest.system}")
        try:
            self._loop(executor)
        finally:
            self._pace.stop()
            executor.shutdown(wait=True, cancel_futures=True)
        self._report_waiting()
        self._commit()

    def hints(self, documents: Sequence[SealedDocument]) -> dict[str, str]:
        """Reference -> remote id of what the documents depend on."""
        return self._dependencies.hints(documents)

    # Deciding

    def _take_over(self) -> None:
        """Every attempt that is outstanding now was left by a dead process, for the lane is ours."""
        restored = self._register.was_restored
        for item in self.tracked.values():
            if item.delivery.state not in OPEN_STATES:
                continue
            try:
                item.calls = self._calls_of(item.document)
            except Exception as error:
                if item.delivery.written_ahead_at is None and not item.delivery.doubt:
                    self._refuse(item, str(error))
                continue
            if item.delivery.written_ahead_at is not None:
                self._apply(item, Recovered())
            elif restored:
                self._apply(item, Restored())
            else:
                self._place(item)
        self._commit()

    def _calls_of(self, document: SealedDocument) -> tuple[str, ...]:
        if document.document_type not in self._manifest.document_types:
            raise ValueError(f"{self._manifest.system} takes {', '.join(self._manifest.document_types)}, not {document.document_type}")
        calls = self._system.call_names(document)
        if not calls:
            raise ValueError(f"{self._manifest.system} has no call for a {document.document_type}")
        return calls

    def _manifest_of(self, item: Tracked) -> Manifest:
        return self._manifest.of(item.document.document_type)

    def _place(self, item: Tracked) -> None:
        """Put the document where its next step will be found."""
        position = item.document.position
        if item.left:
            return
        step = next_step(self._manifest_of(item), item.delivery, item.calls, self._clock())
        match step:
            case Send():
                missing = self._dependencies.missing(item.document)
                if missing is not None:
                    self._waiting[missing.business_key].add(position)
                else:
                    self._ready[item.document.document_type, step.call][position] = item
            case LookUp():
                self._look_ups[position] = item
            case Wait(until=until):
                item.due = until
                self._timed[position] = item
            case Park():
                self._apply(item, step)

    def _apply(self, item: Tracked, event: Event, results: tuple[Result, ...] = ()) -> None:
        """Advance the delivery; it goes on once the change is committed."""
        after = advance(self._manifest_of(item), item.delivery, item.calls, event, self._clock())
        if after == item.delivery and not results:
            self._place(item)
            return
        exceptions: tuple[NewException, ...] = ()
        if after.state is State.REJECTED:
            exceptions = (notices.rejected(item.document, after.reason or ""),)
        elif after.state is State.PARKED:
            exceptions = (notices.parked(item.document, after.reason or ""),)
        adopted = outcomes.adopted(item.delivery, after, event)
        self._changes.append(Change(item.document, item.delivery, after, (*results, *adopted), exceptions))

    def _refuse(self, item: Tracked, reason: str) -> None:
        self._apply(item, Rejected(f"not sent: {reason}"))

    def _commit(self) -> None:
        """Record what has changed, then decide how each goes on."""
        while self._changes:
            changes, self._changes = self._changes[:CHANGES_PER_COMMIT], self._changes[CHANGES_PER_COMMIT:]
            standing = {id(change) for change in self._book.record(changes)}
            for change in changes:
                item = self.tracked[change.document.position]
                if id(change) not in standing:
                    # Somebody else changed it: their word counts, the next run sees it.
                    item.left = True
                    continue
                item.delivery = change.after
                item.replies.update({result.call: result.reply for result in change.results if result.reply is not None})
                if change.after.state in OPEN_STATES:
                    self._place(item)
                else:
                    self._settled(item)

    def _settled(self, item: Tracked) -> None:
        """The document is posted or stopped: see who waited for it."""
        self._dependencies.changed(item.document, item.delivery.state, item.delivery.remote_id, item.replies)
        for position in self._waiting.pop(item.document.business_key, set()):
            self._place(self.tracked[position])

    # Performing

    def _loop(self, executor: ThreadPoolExecutor) -> None:
        while True:
            now = self._clock()
            for position in [position for position, item in self._timed.items() if item.due is not None and item.due <= now]:
                self._place(self._timed.pop(position))
            self._commit()
            if self.availability.unavailable is None:
                self._submit_look_ups(executor)
                self._submit_calls(executor)
                self._commit()
            if self._outstanding:
                self._collect()
                self._commit()
                continue
            pause = self._pause()
            if pause is None:
                return
            time.sleep(pause)

    def _pause(self) -> float | None:
        """How long to wait for something to do; None when nothing comes within the patience."""
        if self.availability.unavailable is not None:
            return None
        if any(self._ready.values()) or self._look_ups:
            # The destination asked for a pause, or the documents have just become ready.
            pause = self._pace.paused_for()
            return None if pause > LONGEST_PAUSE_SECONDS else pause
        due = min((item.due for item in self._timed.values() if item.due is not None), default=None)
        if due is None:
            return None
        seconds = max(0.0, (due - self._clock()).total_seconds())
        asked = self._pace.paused_for()
        if seconds > asked + GATHER_SECONDS or asked > LONGEST_PAUSE_SECONDS:
            # Not a pause that the destination asked for: this waiting is what the patience is for.
            self._patience -= seconds
        return None if self._patience < 0 else max(seconds, SHORTEST_WAIT_SECONDS)

    def _submit_calls(self, executor: ThreadPoolExecutor) -> None:
        """Write a group of calls ahead in one transaction and hand them to the threads."""
        seconds = self._manifest.send_deadline.total_seconds()
        if self._pace.paused_for() > min(LONGEST_PAUSE_WRITTEN_AHEAD_SECONDS, seconds / 2):
            return
        size = self._manifest.batch_size
        # What cannot be sent within half the send deadline is not written ahead yet.
        limit = max(1, min(self._manifest.concurrency + self._backlog(), int((self._manifest.requests_per_second or 1.0) * seconds / 2)))
        free = limit - self._outstanding
        if free <= 0 or (self._outstanding > self._manifest.concurrency and free * 3 < limit):
            return
        chosen: list[Tracked] = []
        # Documents that are under way first: the fewer are half done, the less a crash leaves to find out.
        for group in sorted((group for group in self._ready.values() if group), key=_calls_missing):
            some = list(islice(group, max(0, free * size - len(chosen))))
            chosen.extend(group.pop(position) for position in some)
        intents = [intent for item in chosen if (intent := self._intent(item)) is not None]
        if not intents:
            return
        began = time.monotonic()
        accepted, refused = self._book.write_ahead(intents)
        for refusal in refused:
            self._refused(refusal)
        batches: defaultdict[tuple[str, str], list[WrittenAhead]] = defaultdict(list)
        for written in accepted:
            item = self.tracked[written.intent.document.position]
            item.delivery = written.delivery
            item.requests[written.intent.call, written.intent.generation] = written.intent.request
            batches[written.intent.document.document_type, written.intent.call].append(written)
        for calls in batches.values():
            for start in range(0, len(calls), size):
                batch = tuple(calls[start : start + size])
                self._submit(executor, partial(sending.send, self._system, self._pace, batch, began + seconds))

    def _backlog(self) -> int:
        """As much as the destination answered within the last second."""
        now = time.monotonic()
        self._finished = [at for at in self._finished if now - at < 1.0]
        return min(LONGEST_BACKLOG, max(self._manifest.concurrency, len(self._finished)))

    def _intent(self, item: Tracked) -> Intent | None:
        document, delivery = item.document, item.delivery
        step = next_step(self._manifest_of(item), delivery, item.calls, self._clock())
        if not isinstance(step, Send):
            self._place(item)
            return None
        request = item.requests.get((step.call, step.generation))
        if request is None:
            try:
                request = self._system.render(RenderContext(document, item.replies, self._dependencies.context(document)), step.call)
            except Exception as error:
                # A payload that a mapping stumbles over is as wrong as one that it refuses.
                self._refuse(item, str(error) if isinstance(error, OutboxContractError) else f"it cannot be rendered ({error!r})")
                return None
        key = idempotency_key(document, step.call, step.generation)
        return Intent(document, delivery, step.call, step.generation, key, request, step.not_after)

    def _refused(self, refusal: Refused) -> None:
        item = self.tracked[refusal.intent.document.position]
        if refusal.code in (CHANGED, PERIOD_CLOSED):
            item.left = True
            if refusal.code == PERIOD_CLOSED:
                self._changes.append(Change(item.document, item.delivery, item.delivery, exceptions=(notices.closed(item.document),)))
        else:
            self._place(item)

    def _submit_look_ups(self, executor: ThreadPoolExecutor) -> None:
        items, self._look_ups = list(self._look_ups.values()), {}
        size = sending.look_up_size(self._manifest)
        deadline = time.monotonic() + max(self._patience, self._manifest.send_deadline.total_seconds())
        for start in range(0, len(items), size):
            some = items[start : start + size]
            documents = tuple(item.document for item in some)
            hints = self._dependencies.hints(documents) | {
                item.document.reference: item.delivery.remote_id for item in some if item.delivery.remote_id
            }
            calls = {item.document.position: item.calls for item in some}
            self._submit(executor, partial(sending.look_up, self._system, self._pace, documents, calls, hints=hints, deadline=deadline))

    def _submit(self, executor: ThreadPoolExecutor, work: Callable[[], Sent | Found]) -> None:
        def perform() -> None:
            try:
                self._events.put(work())
            except BaseException as error:
                self._events.put(error)

        self._outstanding += 1
        executor.submit(perform)

    def _collect(self) -> None:
        """Take the next result and those that come right after it."""
        until: float | None = None
        gathered = 0
        while self._outstanding and gathered < MOST_GATHERED:
            try:
                event = self._events.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except queue.Empty:
                return
            if isinstance(event, BaseException):
                raise event
            until = until or time.monotonic() + GATHER_SECONDS
            self._outstanding -= 1
            gathered += 1
            if isinstance(event, Sent):
                self._sent(event)
            else:
                self._found(event)

    # Results

    def _sent(self, sent: Sent) -> None:
        if sent.left:
            self.requests += 1
            self._finished.append(time.monotonic())
            self.availability.watch(sent)
        for written, outcome in zip(sent.calls, sent.outcomes, strict=True):
            item = self.tracked[written.intent.document.position]
            if isinstance(outcome, NotExecuted):
                item.attempts += 1
                item.left = item.attempts >= ATTEMPTS_PER_RUN
            self._apply(item, outcomes.event_of(outcome), (outcomes.result_of(written, outcome),))

    def _found(self, found: Found) -> None:
        self.requests += 1
        for document in found.documents:
            item, event = self.tracked[document.position], found.events[document.position]
            self._apply(item, event)

    def _report_waiting(self) -> None:
        """Say of everything that waits for a stopped document why it does."""
        for position in {position for positions in self._waiting.values() for position in positions}:
            item = self.tracked[position]
            missing = self._dependencies.missing(item.document)
            if missing is not None and missing.stopped and item.delivery.state in OPEN_STATES:
                self._changes.append(Change(item.document, item.delivery, item.delivery, exceptions=(notices.waits(item.document, missing.reason),)))
                item.left = True


def _calls_missing(group: Mapping[int, Tracked]) -> int:
    first = next(iter(group.values()))
    return len(first.calls) - len(first.delivery.completed)
