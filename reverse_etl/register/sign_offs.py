"""The sign-off of a soft closed period: one person asks, another approves its seal. A hard close rests on that of the seal that holds then."""

from __future__ import annotations

from sqlalchemy import Connection, select

from reverse_etl.documents import sha256_hex
from reverse_etl.errors import ApprovalError, PeriodError
from reverse_etl.register import approvals, schema, seals
from reverse_etl.register.log import LogWriter
from reverse_etl.register.records.approvals import (
    APPROVED,
    PERIOD_REOPEN,
    PERIOD_SIGN_OFF,
    POSTING_KINDS,
    REJECTED,
    ApprovalRequest,
    NewApprovalRequest,
)
from reverse_etl.register.records.periods import HARD_CLOSED, SOFT_CLOSED, PeriodChange


def ask(writer: LogWriter, change: PeriodChange | None, entity: str, period: str, reason: str) -> ApprovalRequest:
    """Ask for the sign-off of a period as it is sealed now. ``change`` is the latest one of the period.

    Raises:
        PeriodError: it is not soft closed, or not what it was closed with.
        ApprovalError: no reason is given, or the same was rejected.
    """
    sealed = require_soft_closed(change, entity, period)
    seals.require_intact(writer.connection, entity, period)
    content_hash = _hash_of(writer.connection, sealed, reason)
    request = approvals.ask(writer, NewApprovalRequest(PERIOD_SIGN_OFF, entity, _subject(sealed), reason, content_hash=content_hash))
    if request.verdict is not None and request.verdict.verdict == REJECTED:
        because = f" ({request.verdict.reason})" if request.verdict.reason else ""
        raise ApprovalError(
            f"the sign-off of period {period} of {entity} was rejected by {request.verdict.decided_by}{because}; give a --reason that says what is "
            "different now"
        )
    return request


def require_soft_closed(change: PeriodChange | None, entity: str, period: str) -> PeriodChange:
    """Raises ``PeriodError`` for a period that is open or hard closed."""
    if change is not None and change.status == SOFT_CLOSED:
        return change
    if change is not None and change.status == HARD_CLOSED:
        raise PeriodError(f"period {period} of {entity} is hard closed; its sign-off is part of that")
    raise PeriodError(f"period {period} of {entity} is open; close it first ('tieout close {period}'), then sign it off")


def require_unmoved(connection: Connection, change: PeriodChange | None, request: ApprovalRequest) -> None:
    """Raises ``PeriodError`` where the period is not what the sign-off was asked for."""
    period = request.subject.removeprefix(f"{request.entity}/")
    sealed = require_soft_closed(change, request.entity, period)
    seals.require_intact(connection, request.entity, period)
    if _hash_of(connection, sealed, request.reason) != request.content_hash:
        raise PeriodError(f"period {period} of {request.entity} was sealed anew since request {request.request_id} was made; ask anew")


def require_not_final(change: PeriodChange | None, request: ApprovalRequest) -> None:
    """Raises ``ApprovalError`` for withdrawing a sign-off on which a hard close rests."""
    if change is not None and change.status == HARD_CLOSED:
        raise ApprovalError(f"request {request.request_id}: {request.subject} is hard closed on this sign-off, for ever")


def signed(connection: Connection, change: PeriodChange, before: int | None = None) -> ApprovalRequest | None:
    """The approved sign-off of what a soft closed period holds now; None where there is none, or what it was given for has changed.

    ``before``: of what it held before that position, where it was hard closed since.
    """
    given = [request for request in _asked(connection, change) if request.status == APPROVED]
    return next((one for one in reversed(given) if one.content_hash == _hash_of(connection, change, one.reason, before)), None)


def asked_for(connection: Connection, change: PeriodChange) -> ApprovalRequest | None:
    """The sign-off of what a soft closed period holds now that was asked for and is not decided."""
    waiting = [request for request in _asked(connection, change) if request.status == "open"]
    return next((one for one in reversed(waiting) if one.content_hash == _hash_of(connection, change, one.reason)), None)


def holding_up(connection: Connection, entity: str, period: str, closed_at: int | None) -> list[ApprovalRequest]:
    """The requests that nobody has decided and that a hard close of the period waits for: those that its entity asked for before it was closed (at
    the position ``closed_at``; None: it is open), those about a posting of the period, and the one to reopen it."""
    requests = approvals.listed(connection)
    old = approvals.superseded(requests)
    waiting = [request for request in requests if request.entity == entity and request.status == "open" and request.request_id not in old]
    postings = {request.subject for request in waiting if request.kind in POSTING_KINDS}
    document = schema.documents.c
    statement = select(document.business_key).where(document.business_key.in_(postings), document.entity == entity, document.period == period)
    of_the_period = {row.business_key for row in connection.execute(statement)} if postings else set()
    held = []
    for request in waiting:
        if request.kind in POSTING_KINDS:
            concerns = request.subject in of_the_period
        elif request.kind in (PERIOD_REOPEN, PERIOD_SIGN_OFF):
            concerns = request.kind == PERIOD_REOPEN and request.subject == f"{entity}/{period}"
        else:
            concerns = closed_at is None or request.position < closed_at
        held += [request] if concerns else []
    return held


def require(connection: Connection, change: PeriodChange) -> None:
    """What a hard close asks for.

    Raises:
        PeriodError: a decision is open, or nobody has signed off what the period holds now.
    """
    named = f"period {change.period} of {change.entity}"
    held = holding_up(connection, change.entity, change.period, change.position)
    if held:
        first = held[0]
        raise PeriodError(
            f"{named} cannot be hard closed: {len(held)} requests are not decided, {first.kind} of {first.subject} among them; "
            f"'tieout approve {first.request_id}' or 'tieout reject {first.request_id}'"
        )
    if signed(connection, change) is not None:
        return
    asked = _asked(connection, change)
    waiting = asked_for(connection, change)
    if waiting is not None:
        raise PeriodError(f"{named} is not signed off yet: {waiting.requested_by} asked, another user decides: tieout approve {waiting.request_id}")
    before = next((one.verdict.decided_by for one in reversed(asked) if one.verdict is not None and one.status == APPROVED), None)
    why = f"was signed off by {before} as it was sealed before" if before else "is not signed off"
    raise PeriodError(f"{named} {why}; ask with 'tieout periods sign-off {change.period} --entity {change.entity}', then hard close it")


def _asked(connection: Connection, change: PeriodChange) -> list[ApprovalRequest]:
    return [request for request in approvals.listed(connection) if request.kind == PERIOD_SIGN_OFF and request.subject == _subject(change)]


def _subject(change: PeriodChange) -> str:
    return f"{change.entity}/{change.period}"


def _hash_of(connection: Connection, change: PeriodChange, reason: str, before: int | None = None) -> str:
    """What a sign-off is bound to: the closing, its seal, and what the maker said of it. Reopening or sealing anew makes another one."""
    seal = seals.latest(connection, change.entity, change.period, before)
    sealed = "" if seal is None else seals.content_hash_of(seal)
    return sha256_hex("\n".join((change.entity, change.period, str(change.position), sealed, reason)).encode())
