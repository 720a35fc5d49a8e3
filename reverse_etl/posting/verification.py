"""After posting: does the destination hold what was sealed?"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from reverse_etl.correlation import in_this_context
from reverse_etl.crash_points import CrashPoint, crash_point
from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.posting.book import DeliveryBook
from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.protocol.effects import look_up_size
from reverse_etl.posting.protocol.facts import Change
from reverse_etl.posting.protocol.verification import compare, may_be_early
from reverse_etl.posting.sending import differences_of
from reverse_etl.register import Delivery
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.systems.contract import RemoteDocument, System

PAUSES_BEFORE_READING_SECONDS = (0.0, 0.5, 2.0)
LONGEST_WAIT_SECONDS = 120.0
CHANGES_PER_COMMIT = 500

Posted = tuple[SealedDocument, Delivery]


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The deliveries that were compared, as they stand now. ``unreadable``: why the rest was not.

    ``missing`` and ``different``: the positions of those that are not there, or not as they were sealed.
    """

    deliveries: tuple[Posted, ...]
    requests: int
    unreadable: str | None
    missing: frozenset[int] = frozenset()
    different: frozenset[int] = frozenset()


def verify(
    system: System,
    pace: Pace,
    book: DeliveryBook,
    posted: Sequence[Posted],
    hints: Callable[[Sequence[SealedDocument]], dict[str, str]],
    patience: float,
) -> VerificationReport:
    """Look posted documents up and compare them; a difference stays an exception until a later comparison finds none."""
    lag = system.manifest.look_up_lag
    if lag is None or not posted:
        return VerificationReport((), 0, None)
    compared: list[Posted] = []
    early: list[Posted] = []
    missing: set[int] = set()
    different: set[int] = set()
    requests = 0
    for wait in (False, True):
        if wait:
            _wait_for_visibility(early, lag, patience)
        batches = list(_batches(early if wait else posted, look_up_size(system.manifest)))
        if not batches:
            continue
        with ThreadPoolExecutor(min(system.manifest.concurrency, len(batches)), thread_name_prefix=f"verify-{system.manifest.system}") as threads:
            asked = [threads.submit(in_this_context(_looked_up), system, pace, some, hints([document for document, _ in some])) for some in batches]
            changes: list[Change] = []
            for number, (some, future) in enumerate(zip(batches, asked, strict=True), start=1):
                at, found = future.result()
                if isinstance(found, str):
                    threads.shutdown(wait=False, cancel_futures=True)
                    compared.extend((change.document, change.after) for change in book.record(changes))
                    return VerificationReport(tuple(compared), requests, found, frozenset(missing), frozenset(different))
                crash_point(CrashPoint.AFTER_LOOK_UP)
                requests += 1
                for document, delivery in some:
                    change = _compared(system, document, delivery, found.get(document.reference))
                    # What is not visible yet after the wait either is for the next push to see.
                    if may_be_early(change, at, lag):
                        if not wait:
                            early.append((document, delivery))
                        continue
                    changes.append(change)
                    if change.exceptions:
                        (different if document.reference in found else missing).add(document.position)
                if len(changes) >= CHANGES_PER_COMMIT or number == len(batches):
                    compared.extend((change.document, change.after) for change in book.record(changes))
                    changes = []
    return VerificationReport(tuple(compared), requests, None, frozenset(missing), frozenset(different))


def _looked_up(system: System, pace: Pace, posted: Sequence[Posted], hints: Mapping[str, str]) -> tuple[datetime, Mapping[str, RemoteDocument] | str]:
    """When the documents were asked for, and what was found."""
    known = {document.reference: delivery.remote_id for document, delivery in posted if delivery.remote_id}
    return utc_now(), _look_up(system, pace, [document for document, _ in posted], {**hints, **known})


def _compared(system: System, document: SealedDocument, delivery: Delivery, remote: RemoteDocument | None) -> Change:
    return compare(document, delivery, remote, () if remote is None else differences_of(system, document, remote))


def _look_up(system: System, pace: Pace, documents: Sequence[SealedDocument], hints: Mapping[str, str]) -> Mapping[str, RemoteDocument] | str:
    """What is found, or why nothing could be read. Reading changes nothing, so a disturbance is simply tried again."""
    problem = ""
    for pause in PAUSES_BEFORE_READING_SECONDS:
        time.sleep(pause)
        with pace.turn(time.monotonic() + LONGEST_WAIT_SECONDS, sending=False) as granted:
            if not granted:
                return "the destination allowed no look-up in time"
            try:
                return system.look_up(documents, hints)
            except DestinationError as error:
                problem = str(error)
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
    return problem


def _batches(posted: Sequence[Posted], size: int) -> Iterator[list[Posted]]:
    """By document type, newest first: destinations list what is new first."""
    by_type: defaultdict[str, list[Posted]] = defaultdict(list)
    for document, delivery in sorted(posted, key=lambda entry: -entry[0].position):
        by_type[document.document_type].append((document, delivery))
    for group in by_type.values():
        yield from (group[start : start + size] for start in range(0, len(group), size))


def _wait_for_visibility(posted: Sequence[Posted], lag: timedelta, patience: float) -> None:
    """What was posted a moment ago is found only after the destination's lag."""
    latest = max((delivery.posted_at for _, delivery in posted if delivery.posted_at is not None), default=None)
    if latest is not None:
        missing = (latest + lag - utc_now()).total_seconds()
        time.sleep(min(max(0.0, missing), patience))
