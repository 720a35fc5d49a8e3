"""Decides across the documents of one lane: what is written ahead, sent, looked up and recorded next. Pure: it is told the time.

``begin`` once, then ``next`` for one effect after the other; ``tell`` it what each came to. Calls of one document follow each other; documents do
not wait for each other unless one depends on the other, and one that waits or stops takes nobody's place.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from reverse_etl.documents import SealedDocument, State, idempotency_key
from reverse_etl.errors import OutboxContractError
from reverse_etl.posting import notices
from reverse_etl.posting.protocol import outcomes
from reverse_etl.posting.protocol.admission import CHANGED, PERIOD_CLOSED
from reverse_etl.posting.protocol.delivery import OPEN_STATES, Event, LookUp, Park, Send, Wait, advance, next_step, taken_over
from reverse_etl.posting.protocol.dependencies import Dependencies
from reverse_etl.posting.protocol.effects import (
    Allowance,
    Await,
    Effect,
    Finished,
    LookUpBatch,
    Record,
    Recorded,
    SendBatch,
    Told,
    WriteAhead,
    WroteAhead,
    look_up_size,
)
from reverse_etl.posting.protocol.facts import Change, Found, Intent, Refused, Result, Sent, WrittenAhead
from reverse_etl.posting.protocol.ready import Ready, Tracked
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.register.records.exceptions import NewException
from reverse_etl.register.records.history import Restoration
from reverse_etl.systems.contract import Manifest, NotExecuted, Rejected, RenderContext

CHANGES_PER_COMMIT = 500
ATTEMPTS_PER_RUN = 10
LONGEST_PAUSE_SECONDS = 120.0
LONGEST_PAUSE_WRITTEN_AHEAD_SECONDS = 1.0
SHORTEST_WAIT = timedelta(milliseconds=1)
# A wait that ends this soon after a pause of the destination is due to that pause.
PAUSE_TOLERANCE_SECONDS = 0.02


class Mapper(Protocol):
    """The pure side of a destination: which calls a document needs, and what each says."""

    manifest: Manifest

    def call_names(self, document: SealedDocument) -> tuple[str, ...]: ...

    def render(self, context: RenderContext, call: str) -> bytes: ...


class Scheduler:
    """Brings the given documents of a lane as far as they get without a person and within the patience (seconds)."""

    def __init__(
        self,
        mapper: Mapper,
        work: Sequence[tuple[SealedDocument, Delivery]],
        dependencies: Dependencies,
        *,
        replies: Mapping[int, Mapping[str, Any]],
        requests: Mapping[tuple[int, str, int], bytes],
        patience: float,
    ) -> None:
        self._mapper = mapper
        self._manifest = mapper.manifest
        self._dependencies = dependencies
        self._patience = patience
        self.tracked = {
            document.position: Tracked(document, delivery, replies=dict(replies.get(document.position, {}))) for document, delivery in work
        }
        for (position, call, generation), request in requests.items():
            self.tracked[position].requests[call, generation] = request
        self._ready = Ready()
        self._look_ups: dict[int, Tracked] = {}
        self._timed: list[tuple[datetime, int]] = []
        self._waiting: defaultdict[str, dict[int, None]] = defaultdict(dict)
        self._changes: deque[Change] = deque()
        self._batches: deque[SendBatch] = deque()
        self._sending = 0
        self._looking = 0
        self._reported = False
        self._began: datetime

    def begin(self, now: datetime, restoration: Restoration | None, began: datetime | None = None) -> None:
        """Take the lane over: every attempt that is outstanding now was left by a dead process. ``began``: since when this one's clock counts."""
        self._began = began or now
        for item in self.tracked.values():
            if item.delivery.state not in OPEN_STATES:
                continue
            try:
                item.calls = self._calls_of(item.document)
            except Exception as error:
                if item.delivery.written_ahead_at is None and not item.delivery.doubt:
                    self._refuse(item, str(error), now)
                continue
            event = taken_over(item.delivery, restoration)
            if event is not None:
                self._apply(item, event, now)
            else:
                self._place(item, now)

    def next(self, now: datetime, allowance: Allowance) -> Effect:
        """The next thing to perform. Everything but sending and looking up is to be performed before ``next`` is asked again."""
        self._wake(now)
        if not self._changes and not self._batches and allowance.unavailable is None:
            effect = self._next_look_up(allowance) or self._next_write_ahead(now, allowance)
            if effect is not None:
                return effect
        if self._changes:
            return Record(tuple(self._changes.popleft() for _ in range(min(len(self._changes), CHANGES_PER_COMMIT))))
        if self._batches:
            self._sending += 1
            return self._batches.popleft()
        return self._rest(now, allowance)

    def tell(self, told: Told, now: datetime) -> None:
        """What an effect came to."""
        match told:
            case WroteAhead():
                self._wrote_ahead(told, now)
            case Recorded():
                self._recorded(told, now)
            case Sent():
                self._sent(told, now)
            case Found():
                self._found(told, now)

    def hints(self, documents: Sequence[SealedDocument]) -> dict[str, str]:
        """Reference -> remote id of what the documents depend on."""
        return self._dependencies.hints(documents)

    # Deciding

    def _calls_of(self, document: SealedDocument) -> tuple[str, ...]:
        if document.document_type not in self._manifest.document_types:
            raise ValueError(f"{self._manifest.system} takes {', '.join(self._manifest.document_types)}, not {document.document_type}")
        calls = self._mapper.call_names(document)
        if not calls:
            raise ValueError(f"{self._manifest.system} has no call for a {document.document_type}")
        return calls

    def _manifest_of(self, item: Tracked) -> Manifest:
        return self._manifest.of(item.document.document_type)

    def _place(self, item: Tracked, now: datetime) -> None:
        """Put the document where its next step will be found."""
        if item.left:
            return
        position = item.document.position
        step = next_step(self._manifest_of(item), item.delivery, item.calls, now)
        match step:
            case Send():
                missing = self._dependencies.missing(item.document)
                if missing is not None:
                    self._waiting[missing.business_key][position] = None
                else:
                    self._ready.add(item, step.call)
            case LookUp():
                self._look_ups[position] = item
            case Wait(until=until):
                item.due = until
                heapq.heappush(self._timed, (until, position))
            case Park():
                self._apply(item, step, now)

    def _apply(self, item: Tracked, event: Event, now: datetime, results: tuple[Result, ...] = ()) -> None:
        """Advance the delivery; it goes on once the change is recorded."""
        after = advance(self._manifest_of(item), item.delivery, item.calls, event, now)
        if after == item.delivery and not results:
            self._place(item, now)
            return
        exceptions: tuple[NewException, ...] = ()
        if after.state is State.REJECTED:
            exceptions = (notices.rejected(item.document, after.reason or ""),)
        elif after.state is State.PARKED:
            exceptions = (notices.parked(item.document, after.reason or ""),)
        adopted = outcomes.adopted(item.delivery, after, event)
        self._changes.append(Change(item.document, item.delivery, after, (*results, *adopted), exceptions))

    def _refuse(self, item: Tracked, reason: str, now: datetime) -> None:
        self._apply(item, Rejected(f"not sent: {reason}"), now)

    def _next_look_up(self, allowance: Allowance) -> LookUpBatch | None:
        """Look-ups go before calls, but where both wait they leave half of the requests to calls."""
        most = max(1, allowance.requests // 2) if self._ready else allowance.requests
        if not self._look_ups or self._looking >= most or self._sending + self._looking >= allowance.requests or allowance.look_ups_paused_for:
            return None
        positions = list(islice(self._look_ups, look_up_size(self._manifest)))
        items = [self._look_ups.pop(position) for position in positions]
        documents = tuple(item.document for item in items)
        known = {item.document.reference: item.delivery.remote_id for item in items if item.delivery.remote_id}
        seconds = max(self._patience, self._manifest.send_deadline.total_seconds())
        self._looking += 1
        calls = {item.document.position: item.calls for item in items}
        return LookUpBatch(documents, calls, self.hints(documents) | known, seconds, self._began)

    def _next_write_ahead(self, now: datetime, allowance: Allowance) -> WriteAhead | None:
        seconds = self._manifest.send_deadline.total_seconds()
        if not self._ready or allowance.paused_for > min(LONGEST_PAUSE_WRITTEN_AHEAD_SECONDS, seconds / 2):
            return None
        outstanding = self._sending + self._looking
        free = allowance.requests - outstanding
        # Larger groups share a commit: unless threads are idle, room is worth using when a third is free.
        if free <= 0 or (outstanding > self._manifest.concurrency and free * 3 < allowance.requests):
            return None
        chosen = self._ready.take(free, self._manifest.batch_size)
        intents = tuple(intent for item in chosen if (intent := self._intent(item, now)) is not None)
        return WriteAhead(intents) if intents else None

    def _intent(self, item: Tracked, now: datetime) -> Intent | None:
        document, delivery = item.document, item.delivery
        step = next_step(self._manifest_of(item), delivery, item.calls, now)
        if not isinstance(step, Send):
            self._place(item, now)
            return None
        request = item.requests.get((step.call, step.generation))
        if request is None:
            try:
                request = self._mapper.render(RenderContext(document, item.replies, self._dependencies.context(document)), step.call)
            except Exception as error:
                # A payload that a mapping stumbles over is as wrong as one that it refuses.
                self._refuse(item, str(error) if isinstance(error, OutboxContractError) else f"it cannot be rendered ({error!r})", now)
                return None
        key = idempotency_key(document, step.call, step.generation)
        return Intent(document, delivery, step.call, step.generation, key, request, step.not_after)

    # Waiting

    def _wake(self, now: datetime) -> None:
        while self._timed and self._timed[0][0] <= now:
            due, position = heapq.heappop(self._timed)
            item = self.tracked[position]
            if item.due == due:
                item.due = None
                self._place(item, now)

    def _rest(self, now: datetime, allowance: Allowance) -> Effect:
        if self._sending or self._looking:
            return Await(self._earliest(now, allowance))
        until = self._idle(now, allowance)
        if until is not None:
            return Await(until)
        if not self._reported:
            self._reported = True
            self._report_waiting()
            return self.next(now, allowance)
        return Finished()

    def _earliest(self, now: datetime, allowance: Allowance) -> datetime | None:
        """When something becomes possible without an answer."""
        if allowance.unavailable is not None:
            return None
        times = [self._timed[0][0]] if self._timed else []
        pause = self._pause(allowance)
        if pause:
            times.append(now + timedelta(seconds=pause))
        return min(times, default=None)

    def _pause(self, allowance: Allowance) -> float | None:
        """How long the destination wants what is ready to wait; None when nothing is ready, or it is too long."""
        pauses = [allowance.paused_for] if self._ready else []
        if self._look_ups:
            pauses.append(allowance.look_ups_paused_for)
        return min((pause for pause in pauses if pause <= LONGEST_PAUSE_SECONDS), default=None)

    def _idle(self, now: datetime, allowance: Allowance) -> datetime | None:
        """Until when to wait with nothing under way; None when nothing comes within the patience."""
        if allowance.unavailable is not None:
            return None
        pause = self._pause(allowance)
        if pause is not None and (pause or allowance.requests > 0):
            return now + max(SHORTEST_WAIT, timedelta(seconds=pause))
        if not self._timed:
            return None
        due = self._timed[0][0]
        seconds = (due - now).total_seconds()
        if seconds > allowance.paused_for + PAUSE_TOLERANCE_SECONDS or allowance.paused_for > LONGEST_PAUSE_SECONDS:
            # Not a pause that the destination asked for: this waiting is what the patience is for.
            self._patience -= seconds
        return None if self._patience < 0 else max(due, now + SHORTEST_WAIT)

    # What effects came to

    def _wrote_ahead(self, wrote: WroteAhead, now: datetime) -> None:
        for refusal in wrote.refused:
            self._refused(refusal, now)
        groups: defaultdict[tuple[str, str], list[WrittenAhead]] = defaultdict(list)
        for written in wrote.accepted:
            intent = written.intent
            item = self.tracked[intent.document.position]
            item.delivery = written.delivery
            item.requests[intent.call, intent.generation] = intent.request
            groups[intent.document.document_type, intent.call].append(written)
        size = self._manifest.batch_size
        for calls in groups.values():
            self._batches.extend(SendBatch(tuple(calls[start : start + size]), wrote.began) for start in range(0, len(calls), size))

    def _refused(self, refusal: Refused, now: datetime) -> None:
        item = self.tracked[refusal.intent.document.position]
        expired = refusal.code not in (CHANGED, PERIOD_CLOSED)
        if expired and not isinstance(next_step(self._manifest_of(item), item.delivery, item.calls, now), Send):
            self._place(item, now)
            return
        # By the register's clock its key may be forgotten, by ours not: asking again would go on until they agree. The next push takes the time anew.
        item.left = True
        if refusal.code == PERIOD_CLOSED:
            self._changes.append(Change(item.document, item.delivery, item.delivery, exceptions=(notices.closed(item.document),)))

    def _recorded(self, recorded: Recorded, now: datetime) -> None:
        standing = {id(change) for change in recorded.standing}
        for change in recorded.changes:
            item = self.tracked[change.document.position]
            if id(change) not in standing:
                # Somebody else changed it: their word counts, the next run sees it.
                item.left = True
                continue
            item.delivery = change.after
            item.replies.update({result.call: result.reply for result in change.results if result.reply is not None})
            if change.after.state in OPEN_STATES:
                self._place(item, now)
            else:
                self._settled(item, now)

    def _settled(self, item: Tracked, now: datetime) -> None:
        """The document is posted or stopped: see who waited for it."""
        self._dependencies.changed(item.document, item.delivery.state, item.delivery.remote_id, item.replies)
        for position in self._waiting.pop(item.document.business_key, {}):
            self._place(self.tracked[position], now)

    def _sent(self, sent: Sent, now: datetime) -> None:
        self._sending -= 1
        for written, outcome in zip(sent.calls, sent.outcomes, strict=True):
            item = self.tracked[written.intent.document.position]
            if isinstance(outcome, NotExecuted):
                item.attempts += 1
                item.left = item.attempts >= ATTEMPTS_PER_RUN
            self._apply(item, outcomes.event_of(outcome), now, (outcomes.result_of(written, outcome),))

    def _found(self, found: Found, now: datetime) -> None:
        self._looking -= 1
        for document in found.documents:
            self._apply(self.tracked[document.position], found.events[document.position], now)

    def _report_waiting(self) -> None:
        """Say of everything that waits for a stopped document why it does."""
        for position in [position for positions in self._waiting.values() for position in positions]:
            item = self.tracked[position]
            missing = self._dependencies.missing(item.document)
            if missing is not None and missing.stopped and item.delivery.state in OPEN_STATES:
                self._changes.append(Change(item.document, item.delivery, item.delivery, exceptions=(notices.waits(item.document, missing.reason),)))
                item.left = True
