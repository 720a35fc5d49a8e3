"""Correcting a misposting of an unchanged source document: a reversal that negates it and a repost that repeats it, sealed together.

A posted document never changes, and amounts change only through new source documents. What two people approve here is that the destination
took what was sealed in a wrong way (another journal, another mapping there), so that it is taken back and sent once more. What has vanished
there needs no reversal: the repost stands in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from reverse_etl.documents import OUTBOX_CONTRACT_VERSION, OutboxRow, SealedDocument, State, sha256_hex
from reverse_etl.errors import ApprovalError, RegisterError
from reverse_etl.register import approvals, exceptions, periods, reads, schema
from reverse_etl.register.contract import CARRIED_OVER, JOURNAL_ENTRY
from reverse_etl.register.deliveries import DeliveryTransaction
from reverse_etl.register.log import LogWriter
from reverse_etl.register.reads import Filters
from reverse_etl.register.records.approvals import REPOST, REPOST_ABSENT, ApprovalRequest, NewApprovalRequest
from reverse_etl.register.records.deliveries import CORRECTION_CAUSES, REPOSTING, REVERSAL, REVERSED_REFERENCE, Delivery, Lane
from reverse_etl.register.sealing import seal_rows

OTHER_SIDE = {"debit": "credit", "credit": "debit"}
OF_THE_ORIGINAL_ALONE = ("decision_id", "snapshot_landing_position", "snapshot_register_position", "snapshot_entry_count")
"""Members of a payload that say how the original came about; its reversal came about by an approval."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What would correct ``original``. ``reversal`` is None where there is nothing left to reverse.

    ``cancelled``: how many corrections of it were sealed before and cancelled.
    """

    original: SealedDocument
    reversal: OutboxRow | None
    repost: OutboxRow
    cancelled: int

    @property
    def rows(self) -> list[OutboxRow]:
        return [self.repost] if self.reversal is None else [self.reversal, self.repost]

    def content_hash(self, reason: str) -> str:
        """What an approval is bound to: the original, the documents with their dates, and why."""
        parts = (self.original.reference, self.original.content_hash, *(row.content_hash for row in self.rows), str(self.cancelled), reason)
        return sha256_hex("\n".join(parts).encode())


def ask(writer: LogWriter, business_key: str, reason: str, *, absent: bool) -> ApprovalRequest:
    """Ask for what is posted under a business key to be reversed and reposted, or reposted where it is ``absent`` at its destination; whoever
    approves it seals the documents.

    Raises:
        ApprovalError: it is no journal entry, it is not posted, or no reason is given.
        PeriodError: it is absent, and its period is hard closed or its seal is broken.
    """
    correction = proposed(writer.connection, business_key, absent=absent)
    original = correction.original
    asked = NewApprovalRequest(
        REPOST_ABSENT if absent else REPOST,
        original.entity,
        business_key,
        reason,
        currency=original.currency,
        amount_minor=original.total_minor,
        basis="gross",
        content_hash=correction.content_hash(reason),
    )
    return approvals.ask(writer, asked)


def seal(writer: LogWriter, request: ApprovalRequest) -> tuple[SealedDocument, ...]:
    """Seal what an approved request asked for.

    Raises:
        ApprovalError: what was approved is no longer what would be sealed: a period was closed, or it was corrected since.
        PeriodError: the document is absent, and its period is hard closed or its seal is broken.
    """
    correction = proposed(writer.connection, request.subject, absent=request.kind == REPOST_ABSENT)
    if correction.content_hash(request.reason) != request.content_hash:
        raise ApprovalError(
            f"request {request.request_id} asked for another correction of {request.subject} than the one that would be sealed in "
            f"{correction.repost.period} now; ask anew"
        )
    if correction.reversal is None:
        _reverse_absent(writer, correction.original, request)
    report = seal_rows(writer, correction.rows, correcting=True)
    if report.refused:
        raise ApprovalError(f"the correction of {request.subject} cannot be sealed: {report.refused[0].reason}")
    return report.sealed


def proposed(connection: Connection, business_key: str, *, absent: bool) -> Correction:
    """What would correct the last revision that is posted: in the period of the original or else the first open one, and in the place of what
    is ``absent``.

    Raises:
        ApprovalError: it is no journal entry, or it is not posted.
        PeriodError: it is absent, and its period is hard closed or its seal is broken.
    """
    original, delivery = _head(connection, business_key)
    _require_correctable(original, delivery)
    if absent:
        periods.require_changeable(connection, original.entity, original.period)
        repost = OutboxRow(
            **_kept(original),
            **_headed(connection, f"{business_key}#{original.revision + 1}", original.period, original.posting_date),
            **_next_revision(original),
            depends_on=original.depends_on,
            cause=original.cause,
        )
        return Correction(original, None, repost, 0)
    period = periods.first_open(connection, original.entity, original.period)
    posting_date = original.posting_date if period == original.period else date.fromisoformat(f"{period}-01")
    reversal = _reversal(connection, original, period, posting_date)
    repost = OutboxRow(
        **_kept(original),
        **_headed(connection, reversal.business_key, period, posting_date),
        **_next_revision(original),
        depends_on=(*original.depends_on, reversal.business_key),
        cause=REPOSTING,
    )
    return Correction(original, reversal, repost, len(reads.documents(connection, Filters(business_key=reversal.business_key))))


def _next_revision(original: SealedDocument) -> dict[str, Any]:
    names = ("natural_id", "business_key", "document_date", "payload")
    return {name: getattr(original, name) for name in names} | {"revision": original.revision + 1}


def _reverse_absent(writer: LogWriter, original: SealedDocument, request: ApprovalRequest) -> None:
    """What has vanished at its destination is reversed by that; the repost stands in its place."""
    transaction = DeliveryTransaction(writer, Lane("", "", 0, ""))
    before = transaction.deliveries([original.position])[original.position]
    transaction.save(before, replace(before, state=State.REVERSED, reason=f"absent at {original.system}: {request.reason}"))
    transaction.flush()
    exceptions.resolve_open(writer, ["verification_difference"], [original.business_key], f"reposted: {request.reason}")


def together(connection: Connection, document: SealedDocument) -> list[SealedDocument]:
    """The documents that only make sense together: a reversal and its repost, or the document alone.

    Raises:
        RegisterError: it stands in the place of one that has vanished, of which nothing would be left.
    """
    if document.cause not in CORRECTION_CAUSES:
        if document.document_type == JOURNAL_ENTRY and document.revision > 1:
            raise RegisterError(f"{document.business_key} is posted nowhere but in its revision {document.revision}, which cannot be cancelled")
        return [document]
    key = connection.scalar(select(schema.documents.c.subtracted_key).where(schema.documents.c.position == document.position))
    found = reads.documents(connection, Filters(system=document.system, entity=document.entity, subtracted_key=key))
    return [one for one, delivery in found if delivery.state is not State.CANCELLED]


def _head(connection: Connection, business_key: str) -> tuple[SealedDocument, Delivery]:
    found = [entry for entry in reads.documents(connection, Filters(business_key=business_key)) if entry[1].state is not State.CANCELLED]
    if not found:
        raise ApprovalError(f"nothing is sealed under {business_key}; give a reference, or a business key as 'tieout status' and 'trace' show it")
    return max(found, key=lambda entry: (entry[0].revision, entry[0].position))


def _require_correctable(original: SealedDocument, delivery: Delivery) -> None:
    if original.document_type != JOURNAL_ENTRY:
        raise ApprovalError(
            f"{original.number or original.business_key} is of type {original.document_type}: only journal entries are reversed and reposted. "
            "What was billed changes by a new document: 'tieout credit', 'void' or 'adjust'"
        )
    if original.system == CARRIED_OVER:
        raise ApprovalError(f"{original.business_key} was posted by a former system; there is nothing here to repost")
    if delivery.state not in (State.POSTED, State.VERIFIED):
        raise ApprovalError(
            f"{original.business_key} (revision {original.revision}) is {delivery.state}; only what is posted or verified is reversed and reposted"
        )


def _reversal(connection: Connection, original: SealedDocument, period: str, posting_date: date) -> OutboxRow:
    natural_id = f"{original.natural_id}:reversed:{original.revision}"
    business_key = f"{original.system}/{original.entity}/{original.document_type}/{natural_id}"
    return OutboxRow(
        **_kept(original),
        **_headed(connection, business_key, period, posting_date),
        natural_id=natural_id,
        business_key=business_key,
        revision=1,
        document_date=posting_date,
        depends_on=(*original.depends_on, original.business_key),
        cause=REVERSAL,
        payload=_negated(original),
    )


def _kept(original: SealedDocument) -> dict[str, Any]:
    names = ("system", "entity", "document_type", "currency", "total_minor", "sensitivity")
    return {name: getattr(original, name) for name in names} | {"operation": "create", "series": None}


def _headed(connection: Connection, subtracted_key: str, period: str, posting_date: date) -> dict[str, Any]:
    # A correction subtracts nothing: both of its documents stand under a key of their own.
    incarnation = str(connection.scalar(select(schema.register.c.incarnation)))
    return {
        "contract_version": OUTBOX_CONTRACT_VERSION,
        "subtracted_key": subtracted_key,
        "register_head": 0,
        "register_incarnation": incarnation,
        "period": period,
        "posting_date": posting_date,
    }


def _negated(original: SealedDocument) -> Mapping[str, Any]:
    """The payload with every side exchanged: the same amounts, accounts, parties and dimensions."""
    suffix = f":reversed:{original.revision}"
    payload = {name: value for name, value in original.payload.items() if name not in OF_THE_ORIGINAL_ALONE}
    payload |= {
        "reverses": original.natural_id,
        REVERSED_REFERENCE: original.reference,
        "description": f"reversal of {original.reference} {original.payload.get('description') or ''}".rstrip(),
        "lines": _exchanged(original.payload["lines"], original.natural_id, suffix),
    }
    if original.payload.get("summarised"):
        payload["summarised"] = _exchanged(original.payload["summarised"], original.natural_id, suffix)
    return payload


def _exchanged(lines: Sequence[Mapping[str, Any]], natural_id: str, suffix: str) -> list[dict[str, Any]]:
    return [{**line, **_renamed(line, natural_id, suffix), "side": OTHER_SIDE[line["side"]]} for line in lines]


def _renamed(line: Mapping[str, Any], natural_id: str, suffix: str) -> dict[str, str]:
    """The keys of a line of a reversal: those of the original, of an entry of another name. In a summary each line is of an entry of its own."""
    own = str(line.get("natural_id") or natural_id)
    named = {"line_key": _of_reversal(str(line["line_key"]), own, suffix)}
    if line.get("posted_line_key"):
        named["posted_line_key"] = _of_reversal(str(line["posted_line_key"]), natural_id, suffix)
    return named | ({"natural_id": f"{own}{suffix}"} if line.get("natural_id") else {})


def _of_reversal(line_key: str, natural_id: str, suffix: str) -> str:
    return f"{natural_id}{suffix}{line_key.removeprefix(natural_id)}" if line_key.startswith(natural_id) else f"{line_key}{suffix}"
