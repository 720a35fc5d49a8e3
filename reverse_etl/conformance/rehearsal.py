"""Sends specimens as a poster would, without a register, and asks what is held of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reverse_etl.documents import SealedDocument, idempotency_key
from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import Ambiguous, Call, NotExecuted, Outcome, RemoteDocument, RenderContext, Succeeded, System

POLL_SECONDS = 0.1
BUSY_ATTEMPTS = 20
BUSY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Held:
    """What a look-up shows of one document: how many live ones there are under its reference."""

    remote: RemoteDocument | None

    @property
    def count(self) -> int:
        return 0 if self.remote is None else 1 + len(self.remote.duplicates)


class Clock:
    """The time that what is waited for takes."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Rehearsal:
    def __init__(self, system: System, clock: Clock | None = None) -> None:
        self.system = system
        self.clock = clock or Clock()

    def call(
        self,
        document: SealedDocument,
        name: str,
        replies: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        generation: int = 1,
        key: str | None = None,
    ) -> Call:
        """The rendered call; ``key`` in place of its own."""
        request = self.system.render(RenderContext(document, replies or {}, {}), name)
        return Call(document, name, generation, key or idempotency_key(document, name, generation), request)

    def send(self, *calls: Call) -> list[Outcome]:
        """Outcomes in the order of the calls; what a busy destination did not execute is sent again."""
        found: dict[str, Outcome] = {}
        waiting = list({call.idempotency_key: call for call in calls}.values())
        for _ in range(BUSY_ATTEMPTS):
            answered = self.system.send(waiting)
            found.update({call.idempotency_key: answered.get(call.idempotency_key, Ambiguous("the answer does not mention it")) for call in waiting})
            refused = [(call, found[call.idempotency_key]) for call in waiting if isinstance(found[call.idempotency_key], NotExecuted)]
            if not refused:
                break
            waiting = [call for call, _ in refused]
            self.clock.sleep(max(outcome.retry_after or BUSY_SECONDS for _, outcome in refused if isinstance(outcome, NotExecuted)))
        return [found[call.idempotency_key] for call in calls]

    def post(self, document: SealedDocument) -> Outcome:
        """All calls of a document, one after the other; the first outcome that is no success, else the last."""
        replies: dict[str, Mapping[str, Any]] = {}
        outcome: Outcome = Ambiguous("no call")
        for name in self.system.call_names(document):
            [outcome] = self.send(self.call(document, name, replies))
            if not isinstance(outcome, Succeeded):
                return outcome
            replies[name] = outcome.reply
        return outcome

    def finish(self, document: SealedDocument, created: Succeeded) -> Outcome:
        """The calls after the first one."""
        first, *others = self.system.call_names(document)
        replies: dict[str, Mapping[str, Any]] = {first: created.reply}
        outcome: Outcome = created
        for name in others:
            [outcome] = self.send(self.call(document, name, replies))
            if not isinstance(outcome, Succeeded):
                return outcome
            replies[name] = outcome.reply
        return outcome

    def held(self, document: SealedDocument) -> Held:
        """Raises DestinationError."""
        return Held(self.system.look_up([document], {}).get(document.reference))

    def settled(self, documents: Sequence[SealedDocument], lag: timedelta) -> list[Held]:
        """What is held of each once the lag that is claimed is over."""
        self.clock.sleep(lag.total_seconds())
        return [self.held(document) for document in documents]

    def seconds_until_found(self, document: SealedDocument, patience: float, *, completely: bool = True) -> float | None:
        """How long a look-up takes to find the document with all its calls; None: not within the patience."""
        began = self.clock.now()
        names = self.system.call_names(document)
        while True:
            passed = self.clock.now() - began
            try:
                remote = self.held(document).remote
            except DestinationError:
                remote = None
            if remote is not None and (not completely or all(name in remote.completed for name in names)):
                return passed
            if passed > patience:
                return None
            self.clock.sleep(POLL_SECONDS)
