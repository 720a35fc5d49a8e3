"""One document with everything that is known of it, and what a person can do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import DestinationError
from reverse_etl.oversight.finding import document_at, document_named, exception_named
from reverse_etl.posting import notices
from reverse_etl.posting.protocol import OPEN_STATES
from reverse_etl.posting.protocol.dependencies import Dependencies
from reverse_etl.posting.sending import differences_of
from reverse_etl.register import ApprovalRequest, Attempt, Delivery, ExceptionRecord, Register, Transition
from reverse_etl.register.contract import JOURNAL_ENTRY
from reverse_etl.register.records.approvals import POSTING_KINDS
from reverse_etl.systems.contract import RemoteDocument, System


@dataclass(frozen=True, slots=True)
class Held:
    """What the destination holds of a document now, and how it differs. ``remote`` None = nothing; ``problem``: it could not be read."""

    remote: RemoteDocument | None
    differences: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one document, or of an exception that is about none. ``waits_for``: the stopped document that it depends on."""

    exceptions: tuple[ExceptionRecord, ...]
    document: SealedDocument | None = None
    delivery: Delivery | None = None
    attempts: tuple[Attempt, ...] = ()
    transitions: tuple[Transition, ...] = ()
    requests: tuple[ApprovalRequest, ...] = field(default=())
    waits_for: str | None = None

    @property
    def amount_at_risk_minor(self) -> int:
        """The total of a document that is not where it should be, in minor units of its currency."""
        if self.document is None or self.delivery is None:
            return 0
        open_exceptions = any(entry.state == "open" for entry in self.exceptions)
        safe = self.delivery.state in (State.VERIFIED, State.CANCELLED, State.REVERSED) and not open_exceptions
        return 0 if safe else self.document.total_minor

    def age(self, now: datetime) -> timedelta | None:
        """How long the oldest open exception has been open."""
        recorded = [entry.recorded_at for entry in self.exceptions if entry.state == "open"]
        return now - min(recorded) if recorded else None


def case_of(register: Register, name: str) -> Case:
    """``name``: the id of an exception, or a document's number, reference, business key or natural id.

    Raises:
        RegisterError: there is no such exception or document.
    """
    exception = exception_named(register, name)
    if exception is not None and exception.document_position is None:
        return Case((exception,))
    if exception is not None and exception.document_position is not None:
        document, delivery = document_at(register, exception.document_position)
    else:
        document, delivery = document_named(register, name)
    missing = Dependencies(register, [document]).missing(document) if delivery.state in OPEN_STATES else None
    return Case(
        exceptions=tuple(entry for entry in register.exceptions(None) if entry.document_position == document.position),
        document=document,
        delivery=delivery,
        attempts=tuple(register.attempts(document)),
        transitions=tuple(register.transitions(document)),
        requests=tuple(one for one in register.approval_requests() if one.kind in POSTING_KINDS and one.subject == document.business_key),
        waits_for=missing.business_key if missing is not None and missing.stopped else None,
    )


def look(system: System, document: SealedDocument, delivery: Delivery) -> Held:
    """Ask the destination what it holds of the document. Changes nothing."""
    if system.manifest.of(document.document_type).look_up_lag is None:
        return Held(None, problem=f"{system.manifest.system} offers no way to look a {document.document_type} up")
    known = {document.reference: delivery.remote_id} if delivery.remote_id else {}
    try:
        remote = system.look_up([document], known).get(document.reference)
    except DestinationError as error:
        return Held(None, problem=str(error))
    return Held(remote, () if remote is None else differences_of(system, document, remote))


def next_commands(case: Case, held: Held | None = None) -> tuple[str, ...]:
    """What a person can do about it, most likely first."""
    waiting = [f"tieout approve {request.request_id}" for request in case.requests if request.verdict is None]
    if waiting:
        return tuple(waiting)
    if case.document is None or case.delivery is None:
        return _of_exceptions(case.exceptions)
    return _of_document(case, case.document, case.delivery, held)


def _of_document(case: Case, document: SealedDocument, delivery: Delivery, held: Held | None) -> tuple[str, ...]:
    retry, resolve = (f"tieout exceptions {verb} {_id_of(case)}" for verb in ("retry", "resolve"))
    match delivery.state:
        case State.REJECTED:
            return (retry, f"{resolve} --cancel --reason WHY")
        case State.PARKED:
            return (retry, f"{resolve} --posted REMOTE_ID --reason WHY", f"{resolve} --absent --reason WHY")
        case _ if case.waits_for is not None:
            return (f"tieout exceptions show {case.waits_for}",)
        case State.PENDING | State.IN_FLIGHT | State.AMBIGUOUS | State.HELD:
            return (f"tieout push {document.period} --entity {document.entity} --destination {document.system}",)
        case State.POSTED | State.VERIFIED:
            return _of_delivered(case, document, held)
    return ()


def _of_delivered(case: Case, document: SealedDocument, held: Held | None) -> tuple[str, ...]:
    if not any(entry.kind == notices.DIFFERENCE and entry.state == "open" for entry in case.exceptions):
        return ()
    replay = f"tieout replay {document.reference}"
    if document.document_type != JOURNAL_ENTRY:
        return (replay,)
    gone = held is not None and held.problem is None and held.remote is None
    return (replay, f"tieout repost {document.reference} {'--absent ' if gone else ''}--reason WHY")


def _of_exceptions(exceptions: Sequence[ExceptionRecord]) -> tuple[str, ...]:
    [exception] = exceptions
    if exception.state == "resolved":
        return ()
    if exception.kind == notices.UNAVAILABLE:
        return (f"tieout push PERIOD --entity {exception.entity} --destination {exception.subject.partition('/')[0]}",)
    return (f"tieout exceptions resolve {exception.position} --reason WHY",)


def _id_of(case: Case) -> str:
    """The shortest name that the commands take."""
    for exception in case.exceptions:
        if exception.state == "open":
            return str(exception.position)
    return case.document.reference if case.document else ""
