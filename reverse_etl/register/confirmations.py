"""What a person found out of a parked document, and another confirmed: it is at its destination, or it is not.

Only where nothing else can tell: a destination that offers no look-up leaves a lost answer to people. Both are decisions about money.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from reverse_etl.documents import SealedDocument, State, sha256_hex
from reverse_etl.errors import ApprovalError
from reverse_etl.register import approvals, exceptions, reads, schema
from reverse_etl.register.deliveries import DeliveryTransaction, delivery_hash, first_epoch
from reverse_etl.register.log import LogWriter
from reverse_etl.register.reads import Filters
from reverse_etl.register.records.approvals import CONFIRM_ABSENT, CONFIRM_POSTED, ApprovalRequest, NewApprovalRequest
from reverse_etl.register.records.deliveries import REVERSAL, Delivery, Lane

PARKED_EXCEPTION = "document_parked"


def ask(writer: LogWriter, document: SealedDocument, remote_id: str | None, reason: str) -> ApprovalRequest:
    """Ask for a parked document to be recorded as posted under ``remote_id``, or as absent (None), so that it may be sent again.

    Raises:
        ApprovalError: it is not parked, or no reason is given.
    """
    delivery = _parked(writer, document.position)[1]
    asked = NewApprovalRequest(
        CONFIRM_ABSENT if remote_id is None else CONFIRM_POSTED,
        document.entity,
        document.business_key,
        reason,
        line_key=remote_id,
        currency=document.currency,
        amount_minor=document.total_minor,
        basis="gross",
        content_hash=_content_hash(document, delivery, remote_id, reason),
    )
    return approvals.ask(writer, asked)


def perform(writer: LogWriter, request: ApprovalRequest) -> None:
    """Record what was confirmed.

    Raises:
        ApprovalError: the document was worked on since it was asked for.
    """
    found = reads.documents(writer.connection, Filters(business_key=request.subject, states=(State.PARKED,)))
    hashes = [_content_hash(document, delivery, request.line_key, request.reason) for document, delivery in found]
    if request.content_hash not in hashes:
        raise ApprovalError(f"{request.subject} was worked on since request {request.request_id} was made; look at it again and ask anew")
    document, delivery = found[hashes.index(request.content_hash)]
    transaction = DeliveryTransaction(writer, Lane("", "", 0, ""))
    reason = f"{request.kind} by {request.requested_by}: {request.reason}"
    if request.kind == CONFIRM_POSTED:
        after = replace(_settled(delivery), state=State.POSTED, remote_id=request.line_key, posted_at=writer.now, reason=reason)
    else:
        # A new generation: the key of what was lost may still be remembered with its answer.
        generation = delivery.generation + 1
        # Of this life of the register: what was sent before it was restored is what the person has looked for.
        number = int(writer.connection.scalar(select(schema.register.c.incarnation_number)) or 1)
        epoch = max(delivery.epoch, first_epoch(number))
        untouched = replace(_settled(delivery), completed=(), remote_id=None, remote_number=None, epoch=epoch)
        after = replace(untouched, state=State.PENDING, generation=generation, reason=reason)
    transaction.save(delivery, after)
    if after.state is State.POSTED and document.cause == REVERSAL:
        transaction.reverse(document)
    transaction.flush()
    exceptions.resolve_open(writer, [PARKED_EXCEPTION], [document.business_key], reason)


def _settled(delivery: Delivery) -> Delivery:
    """Without any doubt that a person has ended."""
    return replace(
        delivery,
        written_ahead_at=None,
        first_written_at=None,
        doubt=False,
        resend_exhausted=False,
        believable_at=None,
        resolutions=0,
        next_attempt_at=None,
    )


def _parked(writer: LogWriter, position: int) -> tuple[SealedDocument, Delivery]:
    [(document, delivery)] = reads.documents(writer.connection, Filters(position=position))
    if delivery.state is not State.PARKED:
        raise ApprovalError(f"{document.business_key} is {delivery.state}; only of what is parked does a person say whether it is there")
    return document, delivery


def _content_hash(document: SealedDocument, delivery: Delivery, remote_id: str | None, reason: str) -> str:
    """What an approval is bound to: the document, where it stands, and what was found."""
    parts = (document.reference, document.content_hash, delivery_hash(delivery), remote_id or "absent", reason)
    return sha256_hex("\n".join(parts).encode())
