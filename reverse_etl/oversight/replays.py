"""Sending or verifying again from the register. Nothing is duplicated: everything goes the way of every other posting.

What is not delivered yet is pushed. What is delivered is looked up and compared once more, and never sent again: if it has vanished, that is an
exception, and people decide.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reverse_etl.correlation import correlated
from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting import PushReport, push
from reverse_etl.posting.book import DeliveryBook
from reverse_etl.posting.lanes import lane_lock
from reverse_etl.posting.protocol.dependencies import Dependencies
from reverse_etl.posting.push import DEFAULT_PATIENCE_SECONDS, open_pace
from reverse_etl.posting.verification import VerificationReport, verify
from reverse_etl.progress import Course
from reverse_etl.register import Delivery, Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.register.contract import CARRIED_OVER, MASTER_DATA
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import System

UNDELIVERED = (State.PENDING, State.IN_FLIGHT, State.AMBIGUOUS)
STOPPED = (State.PARKED, State.REJECTED, State.HELD)

Work = list[tuple[SealedDocument, Delivery]]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """One destination and entity. ``pushed``: what was sent of what was not delivered yet, None where there was nothing to send.

    ``verified``: looked up and found as sealed. ``missing`` and ``different``: delivered before and not so now, each an exception.
    ``unverifiable``: of a type that cannot be looked up. ``stopped``: parked, rejected or held, which a person decides on.
    ``unreadable``: why not everything could be looked up.
    """

    system: str
    entity: str
    pushed: PushReport | None
    verified: tuple[SealedDocument, ...]
    missing: tuple[SealedDocument, ...]
    different: tuple[SealedDocument, ...]
    unverifiable: int
    stopped: tuple[tuple[SealedDocument, Delivery], ...]
    unreadable: str | None

    @property
    def clean(self) -> bool:
        """Whether everything is where it should be, as far as it can be looked up."""
        left = self.pushed is not None and (self.pushed.ambiguous or self.pushed.pending or self.pushed.parked or self.pushed.rejected)
        return not (self.missing or self.different or self.stopped or self.unreadable or left)


def chosen(
    register: Register,
    *,
    positions: Collection[int] | None = None,
    system: str | None = None,
    entity: str | None = None,
    period: str | None = None,
    since: datetime | None = None,
) -> Work:
    """The documents of a replay by position; ``since``: sealed then or later. What is cancelled, reversed or superseded is left out."""
    listed = None if positions is None else sorted(positions)
    entries = register.deliveries(system=system, entity=entity, period=period, positions=listed, sealed_since=since)
    keys = sorted({document.business_key for document, _ in entries if document.document_type in MASTER_DATA})
    latest = {
        key: max((standing.revision for standing in standings if standing.state is not State.CANCELLED), default=0)
        for key, standings in register.standings(keys).items()
    }
    return [
        (document, delivery)
        for document, delivery in entries
        if document.system != CARRIED_OVER
        and delivery.state not in (State.CANCELLED, State.REVERSED)
        # A customer is compared with what it was last told.
        and (document.document_type not in MASTER_DATA or document.revision == latest[document.business_key])
    ]


def replay(
    register: Register,
    system: System,
    entity: str,
    work: Work,
    *,
    settings_or_lock_folder: Settings | Path,
    actor: str,
    correlation_id: str = "",
    patience: float = DEFAULT_PATIENCE_SECONDS,
    clock: Callable[[], datetime] = utc_now,
) -> ReplayReport:
    """Push what of ``work`` (of one destination and entity) is not delivered, and verify the rest again.

    Raises:
        LaneBusyError: another push works on this destination and entity.
    """
    undelivered = {document.position for document, delivery in work if delivery.state in UNDELIVERED}
    pushed = None
    if undelivered:
        pushed = push(
            register,
            system,
            entity,
            only=undelivered,
            settings_or_lock_folder=settings_or_lock_folder,
            actor=actor,
            correlation_id=correlation_id,
            patience=patience,
            clock=clock,
        )
    delivered = [entry for entry in work if entry[1].state in (State.POSTED, State.VERIFIED)]
    verifiable = [entry for entry in delivered if system.manifest.of(entry[0].document_type).look_up_lag is not None]
    again = VerificationReport((), 0, None)
    if verifiable:
        folder = settings_or_lock_folder.lock_folder if isinstance(settings_or_lock_folder, Settings) else settings_or_lock_folder
        name = system.manifest.system
        with (
            correlated(correlation_id, entity=entity, destination=name),
            lane_lock(register, folder, name, entity, actor),
            open_pace(settings_or_lock_folder, system.manifest) as pace,
        ):
            course = Course(f"{name} {entity}, verified again", len(verifiable))
            book = DeliveryBook(register, register.claim_lane(name, entity, actor), correlation_id, course)
            hints = Dependencies(register, [document for document, _ in verifiable]).hints
            again = verify(system, pace, book, verifiable, hints, patience)
    compared = [document for document, _ in again.deliveries]
    return ReplayReport(
        system=system.manifest.system,
        entity=entity,
        pushed=pushed,
        verified=tuple(document for document in compared if document.position not in again.missing | again.different),
        missing=tuple(document for document in compared if document.position in again.missing),
        different=tuple(document for document in compared if document.position in again.different),
        unverifiable=len(delivered) - len(verifiable),
        stopped=tuple(entry for entry in work if entry[1].state in STOPPED),
        unreadable=again.unreadable,
    )
