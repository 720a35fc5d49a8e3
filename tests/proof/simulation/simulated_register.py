"""The register in memory: the same decisions of what may be written, and a rule checked after every commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting.protocol import admission
from reverse_etl.posting.protocol.delivery import DELIVERED_STATES
from reverse_etl.posting.protocol.facts import Change, Intent, Refused, WrittenAhead
from reverse_etl.register.contract import MASTER_DATA
from reverse_etl.register.records.deliveries import REVERSAL, REVERSED_REFERENCE, Delivery, Standing
from reverse_etl.register.records.history import Restoration
from reverse_etl.register.records.periods import HARD_CLOSED, OPEN

EPOCHS_PER_INCARNATION = 1000
ABSORBING = (*DELIVERED_STATES, State.REVERSED)


class BrokenRuleError(Exception):
    """What must never happen has happened."""


@dataclass
class Content:
    """Everything that a backup holds."""

    documents: dict[int, SealedDocument] = field(default_factory=dict)
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    replies: dict[int, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    requests: dict[tuple[int, str, int], bytes] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()

    def copy(self) -> Content:
        replies = {position: dict(calls) for position, calls in self.replies.items()}
        return Content(dict(self.documents), dict(self.deliveries), replies, dict(self.requests), dict(self.epochs), self.closed)


class SimulatedRegister:
    """``clock``: the machine's, which may jump. ``complete``: whether the destination holds all of a document."""

    def __init__(self, clock: Callable[[], datetime], complete: Callable[[SealedDocument], bool]) -> None:
        self._clock = clock
        self._complete = complete
        self.content = Content()
        self.incarnation = 1
        self.restoration: Restoration | None = None
        # What was ever written ahead, whatever backup is restored: idempotency key -> request.
        self.written_ahead: dict[str, bytes] = {}

    def seal(self, document: SealedDocument) -> None:
        self.content.documents[document.position] = document
        self.content.deliveries[document.position] = Delivery(document.position)

    def restore(self, backup: Content) -> None:
        sealed_since = [document for position, document in self.content.documents.items() if position not in backup.documents]
        self.content = backup.copy()
        self.incarnation += 1
        self.restoration = Restoration(self._clock(), (self.incarnation - 1) * EPOCHS_PER_INCARNATION + 1)
        for document in sealed_since:
            # The warehouse proposes them again.
            self.seal(document)

    def claim(self, lane: str) -> int:
        epoch = max(self.content.epochs.get(lane, 0) + 1, (self.incarnation - 1) * EPOCHS_PER_INCARNATION + 1)
        self.content.epochs[lane] = epoch
        return epoch

    def work(self, lane: str, states: Sequence[State]) -> list[tuple[SealedDocument, Delivery]]:
        found = self.content.deliveries
        return [
            (document, found[position])
            for position, document in self.content.documents.items()
            if document.system == lane and found[position].state in states
        ]

    # What the scheduler reads

    def standings(self, business_keys: Sequence[str]) -> dict[str, list[Standing]]:
        found: dict[str, list[Standing]] = {}
        for position, document in self.content.documents.items():
            if document.business_key in business_keys:
                delivery = self.content.deliveries[position]
                found.setdefault(document.business_key, []).append(Standing(position, document.revision, delivery.state, delivery.remote_id))
        return found

    def replies(self, positions: Sequence[int]) -> dict[int, dict[str, Mapping[str, Any]]]:
        return {position: self.content.replies[position] for position in positions if position in self.content.replies}

    def requests(self, positions: Sequence[int]) -> dict[tuple[int, str, int], bytes]:
        return {key: request for key, request in self.content.requests.items() if key[0] in positions}

    # What a poster writes

    def write_ahead(self, lane: str, epoch: int, intents: Sequence[Intent]) -> tuple[list[WrittenAhead], list[Refused]] | None:
        """None: the lane was taken over."""
        content, accepted, refused = self.content, [], []
        for intent in intents:
            document = intent.document
            closed = document.period in content.closed
            verdict = admission.admitted(
                intent,
                content.deliveries.get(document.position),
                epoch=epoch,
                lane_epoch=content.epochs.get(lane),
                period_status=HARD_CLOSED if closed else OPEN,
                now=self._clock(),
            )
            if verdict == admission.SUPERSEDED:
                return None
            if isinstance(verdict, str):
                refused.append(Refused(intent, verdict))
                continue
            if epoch != content.epochs.get(lane):
                raise BrokenRuleError(f"a superseded poster wrote {intent.call} of {document.natural_id} ahead")
            if closed and document.document_type not in MASTER_DATA:
                raise BrokenRuleError(f"{intent.call} of {document.natural_id} was written ahead in the closed period {document.period}")
            known = self.written_ahead.setdefault(intent.idempotency_key, intent.request)
            if known != intent.request:
                raise BrokenRuleError(f"{intent.call} of {document.natural_id}: the same key for another request")
            content.requests.setdefault((document.position, intent.call, intent.generation), intent.request)
            content.deliveries[document.position] = verdict
            accepted.append(WrittenAhead(intent, verdict, 0))
        return accepted, refused

    def record(self, lane: str, epoch: int, changes: Sequence[Change]) -> list[Change]:
        content, standing = self.content, []
        owned = epoch == content.epochs.get(lane)
        for change in changes:
            position = change.document.position
            stored = content.deliveries[position]
            for result in change.results:
                if result.reply is not None:
                    content.replies.setdefault(position, {})[result.call] = result.reply
            if admission.stands(change, stored, owned=owned):
                self._check(change, stored, owned)
                content.deliveries[position] = change.after
                standing.append(change)
                if change.after.state is State.POSTED and change.document.cause == REVERSAL:
                    self._reverse(change.document)
            elif change.after.state is State.POSTED and stored.state not in ABSORBING:
                raise BrokenRuleError(f"the success of {change.document.natural_id} was not recorded")
        return standing

    def _check(self, change: Change, stored: Delivery, owned: bool) -> None:
        name, after = change.document.natural_id, change.after.state
        if stored.state in ABSORBING and after not in ABSORBING:
            raise BrokenRuleError(f"{name} was {stored.state} and is {after}")
        if after is State.POSTED and not self._complete(change.document):
            raise BrokenRuleError(f"{name} is posted, but not completely there")
        if not owned and after is not State.POSTED:
            raise BrokenRuleError(f"a superseded poster made {name} {after}")

    def _reverse(self, reversal: SealedDocument) -> None:
        for position, document in self.content.documents.items():
            delivery = self.content.deliveries[position]
            if document.reference == reversal.payload[REVERSED_REFERENCE] and delivery.state in DELIVERED_STATES:
                self.content.deliveries[position] = replace(delivery, state=State.REVERSED)
