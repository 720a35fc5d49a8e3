"""A destination in memory that keeps what its manifest promises, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulated_register import BrokenRuleError

from reverse_etl.documents import SealedDocument
from reverse_etl.systems.contract import FOREVER, Ambiguous, Call, Manifest, NotExecuted, Outcome, Rejected, RemoteDocument, RenderContext, Succeeded

CALLS: Mapping[str, tuple[str, ...]] = {
    "customer": ("create",),
    "journal_entry": ("create", "complete"),
    "invoice": ("create", "add item", "complete"),
}


@dataclass
class Held:
    """A document that the destination holds. ``calls``: when each took effect."""

    identifier: str
    reference: str
    document: SealedDocument
    calls: dict[str, float] = field(default_factory=dict)


class Mapper:
    """The pure side."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return CALLS[document.document_type]

    def render(self, context: RenderContext, call: str) -> bytes:
        document = context.document
        identifier = "" if call == "create" else context.replies["create"]["id"]
        others = ",".join(sorted(f"{key}={dependency.remote_id}" for key, dependency in context.dependencies.items()))
        return f"{call}|{document.reference}|{identifier}|{document.total_minor}|{others}".encode()


class SimulatedDestination:
    """``faults``: the chance that an answer goes wrong, none once everything is calm."""

    def __init__(self, manifest: Manifest, random: Random, clock: Callable[[], float]) -> None:
        self.manifest = manifest
        self._random = random
        self._clock = clock
        self._retention = None if manifest.key_retention == FOREVER else manifest.key_retention.total_seconds()
        self._lag = 0.0 if manifest.look_up_lag is None else manifest.look_up_lag.total_seconds()
        self.held: dict[str, list[Held]] = {}
        self._answers: dict[str, tuple[float, Outcome, bytes]] = {}
        self.poison: set[str] = set()
        self.faults = 0.0

    def complete(self, document: SealedDocument) -> bool:
        return any(len(held.calls) == len(CALLS[document.document_type]) for held in self.held.get(document.reference, ()))

    def execute(self, calls: Sequence[Call]) -> dict[str, Outcome]:
        """Answers by key, in an order of its own; some may be missing."""
        # A refusal is one of the whole request, before any of it is executed.
        if self._random.random() < self.faults / 3:
            refusal: Outcome = self._random.choice((NotExecuted("429", float(self._random.randint(1, 20))), NotExecuted("503")))
            return {call.idempotency_key: refusal for call in calls}
        answers = {call.idempotency_key: self._answer(call) for call in calls}
        items = list(answers.items())
        self._random.shuffle(items)
        return {key: outcome for key, outcome in items if not (len(items) > 1 and self._random.random() < self.faults / 3)}

    def _answer(self, call: Call) -> Outcome:
        now, key = self._clock(), call.idempotency_key
        known = self._answers.get(key)
        if known is not None and (self._retention is None or now <= known[0] + self._retention):
            if known[2] != call.request:
                raise BrokenRuleError(f"{call.document.natural_id}: key of {call.name} was sent with two requests")
            return known[1]
        broken = self._random.random() < self.faults
        executes = not broken or self._random.random() < 0.5
        outcome = self._perform(call) if executes else Ambiguous("500")
        if isinstance(outcome, Rejected):
            # What is refused is not stored.
            return outcome
        stored = Ambiguous("500") if broken and self.manifest.replays_errors else outcome
        if self._retention != 0 and (executes or self.manifest.replays_errors):
            self._answers[key] = (now, stored, call.request)
        return Ambiguous("500") if broken else outcome

    def _perform(self, call: Call) -> Outcome:
        document, now = call.document, self._clock()
        if document.natural_id in self.poison:
            return Rejected("refused")
        there = self.held.setdefault(document.reference, [])
        if call.name == "create":
            if there and self._retention is None:
                return Succeeded(there[0].identifier, {"id": there[0].identifier})
            if there:
                raise BrokenRuleError(f"{document.natural_id} was made twice")
            there.append(Held(f"{document.document_type}-{len(self.held)}", document.reference, document, {"create": now}))
            return Succeeded(there[0].identifier, {"id": there[0].identifier})
        identifier = call.request.decode().split("|")[2]
        found = next((held for held in there if held.identifier == identifier), None)
        if found is None:
            raise BrokenRuleError(f"{call.name} of {document.natural_id} names {identifier}, which is another document")
        if call.name in found.calls:
            if self._retention is None:
                return Succeeded(found.identifier, {"id": found.identifier})
            raise BrokenRuleError(f"{call.name} of {document.natural_id} was done twice")
        found.calls[call.name] = now
        return Succeeded(found.identifier, {"id": found.identifier})

    def look_up(self, documents: Sequence[SealedDocument]) -> dict[str, RemoteDocument] | None:
        """None: it cannot be read at the moment."""
        if self._random.random() < self.faults / 2:
            return None
        found: dict[str, RemoteDocument] = {}
        now = self._clock()
        for document in documents:
            for held in self.held.get(document.reference, ()):
                seen = self._visible(held, now)
                if seen:
                    completed: dict[str, Mapping[str, Any]] = {call: {"id": held.identifier} for call in seen}
                    found[document.reference] = RemoteDocument(
                        held.reference, held.identifier, None, "open", None, None, None, held.document.total_minor, (), completed
                    )
        return found

    def _visible(self, held: Held, now: float) -> list[str]:
        """What has been there for the lag, and by chance more; never a call without those before it."""
        seen = []
        for call, when in held.calls.items():
            if now < when + self._lag and self._random.random() < 0.5:
                break
            seen.append(call)
        return seen
