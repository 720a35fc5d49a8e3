"""What a scheduler wants performed, what it is told, and under what conditions it decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reverse_etl.documents import SealedDocument
from reverse_etl.posting.protocol.facts import Change, Found, Intent, Refused, Sent, WrittenAhead
from reverse_etl.systems.contract import Manifest


@dataclass(frozen=True, slots=True)
class WriteAhead:
    """Make these intents durable in one transaction; answer with ``WroteAhead``."""

    intents: tuple[Intent, ...]


@dataclass(frozen=True, slots=True)
class SendBatch:
    """Send these calls as one request, unless more than the send deadline has passed since ``began``; answer with ``Sent``."""

    calls: tuple[WrittenAhead, ...]
    began: float


@dataclass(frozen=True, slots=True)
class LookUpBatch:
    """Look these documents up in one request; answer with ``Found``. ``calls``: what a complete one consists of, by position.

    ``hints``: reference -> remote id of what is known to be there. ``seconds``: how long to wait for a turn. ``since``: when this run began.
    """

    documents: tuple[SealedDocument, ...]
    calls: Mapping[int, Sequence[str]]
    hints: Mapping[str, str]
    seconds: float
    since: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """Record these changes in one transaction; answer with ``Recorded``."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Await:
    """Nothing to do before the next answer, or before ``until``, whichever comes first."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more can be done within the patience and without a person."""


Effect = WriteAhead | SendBatch | LookUpBatch | Record | Await | Finished


@dataclass(frozen=True, slots=True)
class WroteAhead:
    """``began``: when the write-ahead began, in seconds of the clock that never jumps."""

    accepted: Sequence[WrittenAhead]
    refused: Sequence[Refused]
    began: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """``standing``: those of the changes that became the state of their document."""

    changes: Sequence[Change]
    standing: Sequence[Change]


Told = WroteAhead | Recorded | Sent | Found


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the destination allows at the moment.

    ``requests``: how many may be under way or waiting for their turn at once. ``paused_for``: seconds until it takes calls again,
    ``look_ups_paused_for``: until it takes look-ups; infinite when nobody knows. ``unavailable``: why it is not asked any more in this run.
    """

    requests: int
    paused_for: float = 0.0
    look_ups_paused_for: float = 0.0
    unavailable: str | None = None


def look_up_size(manifest: Manifest) -> int:
    """How many documents one look-up may carry."""
    return manifest.look_up_batch_size or manifest.batch_size
