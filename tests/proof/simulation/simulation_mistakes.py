"""Mistakes that only show across documents, batches and pushes, each a small change to the real functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reverse_etl.documents import State
from reverse_etl.posting.protocol import admission, delivery, outcomes
from reverse_etl.posting.protocol import scheduler as scheduling
from reverse_etl.posting.protocol.dependencies import Dependencies
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.systems.contract import Ambiguous, Manifest

ADMITTED, STANDS = admission.admitted, admission.stands


@dataclass(frozen=True)
class Mistake:
    name: str
    target: Any
    attribute: str
    wrong: Callable[..., Any]

    @contextmanager
    def planted(self) -> Iterator[None]:
        original = getattr(self.target, self.attribute)
        setattr(self.target, self.attribute, self.wrong)
        try:
            yield
        finally:
            setattr(self.target, self.attribute, original)


def _by_position(calls: Sequence[Any], answers: Mapping[str, Any]) -> tuple[Any, ...]:
    found = tuple(answers.values())
    return (*found, *[Ambiguous("missing")] * (len(calls) - len(found)))[: len(calls)]


def _new_key(manifest: Manifest, current: Delivery, now: datetime, reason: str, *, answered: bool) -> Delivery:
    return replace(current, state=State.PENDING, generation=current.generation + 1, written_ahead_at=None, first_written_at=None)


MISTAKES = (
    Mistake("the answers of a batch are taken by their position", outcomes, "by_key", _by_position),
    Mistake("nobody waits for what a document depends on", Dependencies, "missing", lambda self, document: None),
    Mistake(
        "a superseded poster is not fenced",
        admission,
        "admitted",
        lambda intent, row, **facts: ADMITTED(intent, row, **{**facts, "epoch": facts["lane_epoch"]}),
    ),
    Mistake("a superseded poster records more than success", admission, "stands", lambda change, row, *, owned: STANDS(change, row, owned=True)),
    Mistake("a document is tried again under a new key", delivery, "_in_doubt", _new_key),
    Mistake("absence is believed at once", delivery, "_trusted_from", lambda *_: None),
    Mistake("a restored register sends what it does not know", scheduling, "taken_over", lambda row, _: None),
)
