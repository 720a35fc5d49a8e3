"""Decisions of people: one actor asks, another approves what they saw. Requests and verdicts are facts and never change."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from reverse_etl.documents import OutboxRow, State, canonical_json, sha256_hex
from reverse_etl.errors import ApprovalError, MakerIsCheckerError
from reverse_etl.register import schema
from reverse_etl.register.log import LogWriter, from_text
from reverse_etl.register.openings import by_entity, is_opened, issued_before, opening_hash
from reverse_etl.register.records.approvals import (
    ADJUSTMENT,
    APPROVED,
    BASES,
    COMPUTED_KINDS,
    CREDIT_KINDS,
    DECISION_CAUSES,
    DECISION_KINDS,
    DISPOSITIONS,
    GOODWILL,
    INVOICE_KINDS,
    OPENING,
    PERFORMED_KINDS,
    PERIOD_REOPEN,
    PERIOD_SIGN_OFF,
    REJECTED,
    REQUEST_KINDS,
    VERDICTS,
    VOID,
    WRITE_OFF,
    ApprovalRequest,
    NewApprovalRequest,
    Verdict,
)

FOUR_EYES_REQUIRED, FOUR_EYES_WAIVED = "required", "waived"
IDS_AT_ONCE = 500
ADJUSTED = re.compile(r"[^/]+/\d{4}-(0[1-9]|1[0-2])", re.ASCII)


def ask(writer: LogWriter, asked: NewApprovalRequest) -> ApprovalRequest:
    """Record a request. What was computed is asked for once: the same content is answered by the request that is there.

    Raises:
        ApprovalError: the request is not whole, or names something that was never issued.
    """
    _require_whole(asked)
    fields = asdict(asked)
    if asked.kind in DECISION_KINDS:
        request_id = uuid.uuid4().hex[:12]
        about = {"invoice": _invoice_hash(writer, asked)} if asked.kind in INVOICE_KINDS else {}
        fields["content_hash"] = sha256_hex(canonical_json({**fields, "request_id": request_id, **about}))
    else:
        same = [schema.approval_requests.c[name] == fields[name] for name in ("kind", "entity", "subject", "content_hash")]
        known = _listed(writer.connection, *same)
        if known:
            return known[-1]
        request_id = sha256_hex("\n".join((asked.kind, asked.entity, asked.subject, str(asked.content_hash))).encode())[:12]
    position = writer.append("approval_request", request_id=request_id, **fields)
    writer.flush()
    [request] = _listed(writer.connection, schema.approval_requests.c.position == position)
    return request


def decide(writer: LogWriter, request_id: str, verdict: str, content_hash: str, actor: str, four_eyes: bool, reason: str | None) -> ApprovalRequest:
    """Record a verdict on what its author saw. Whoever asked may withdraw (reject) their own request, and approve it only without four eyes.

    Raises:
        MakerIsCheckerError: the actor asked for it, and four eyes are required.
        ApprovalError: there is no such request, it is not what was seen, it was decided so already, or its document is sealed.
    """
    found = _listed(writer.connection, schema.approval_requests.c.request_id == request_id)
    if not found:
        raise ApprovalError(f"there is no request {request_id}; list them with 'tieout approvals'")
    [request] = found
    if verdict not in VERDICTS:
        raise ApprovalError(f"request {request_id}: a verdict is {' or '.join(VERDICTS)}, not {verdict!r}")
    if content_hash != request.content_hash:
        raise ApprovalError(f"request {request_id} is not what you saw (hash {content_hash[:12]}, not {request.content_hash[:12]}); look at it again")
    if request.verdict is not None and request.verdict.verdict == verdict:
        raise ApprovalError(f"request {request_id} was {verdict} already by {request.verdict.decided_by}")
    if request.verdict is not None and request.verdict.verdict == REJECTED:
        raise ApprovalError(f"request {request_id} was rejected by {request.verdict.decided_by}; ask anew")
    if request.kind in PERFORMED_KINDS and request.verdict is not None:
        done = "the period opened; close it again instead" if request.kind == PERIOD_REOPEN else "performed at once; ask for what corrects it"
        raise ApprovalError(f"request {request_id} was approved by {request.verdict.decided_by} and {done}")
    if verdict == APPROVED and four_eyes and actor == request.requested_by:
        raise MakerIsCheckerError(
            f"{actor} asked for {request_id} and cannot approve it: another user must; "
            "an installation of one person says so in tieout.yaml (approvals: {four_eyes: false})"
        )
    if verdict == REJECTED and (sealed := _sealed_number(writer.connection, request_id)) is not None:
        raise ApprovalError(f"request {request_id} is issued as {sealed}; what is sealed never changes")
    if verdict == REJECTED and request.kind == OPENING and request.status == APPROVED and is_opened(writer.connection, request.entity):
        raise ApprovalError(f"{request.entity} is opened as request {request_id} has it; what is sealed never changes")
    writer.append(
        "verdict",
        request_position=request.position,
        verdict=verdict,
        content_hash=content_hash,
        four_eyes=FOUR_EYES_REQUIRED if four_eyes else FOUR_EYES_WAIVED,
        reason=reason,
    )
    writer.flush()
    return _listed(writer.connection, schema.approval_requests.c.request_id == request_id)[0]


def listed(connection: Connection) -> list[ApprovalRequest]:
    """Every request by position, each with its last verdict."""
    return _listed(connection)


def superseded(requests: Iterable[ApprovalRequest]) -> set[str]:
    """Ids of open requests for what was computed, or sealed, anew and asked for anew since. ``requests``: all, by position."""
    requests = list(requests)
    latest = {(one.kind, one.entity, one.subject): one.request_id for one in requests if one.kind in (*COMPUTED_KINDS, PERIOD_SIGN_OFF)}
    return {
        one.request_id
        for one in requests
        if one.status == "open" and latest.get((one.kind, one.entity, one.subject), one.request_id) != one.request_id
    }


def requests_since(connection: Connection, position: int) -> list[ApprovalRequest]:
    return _listed(connection, schema.approval_requests.c.position > position)


def verdicts_since(connection: Connection, position: int) -> list[Verdict]:
    return _verdicts(connection, schema.verdicts.c.position > position)


def unapproved(connection: Connection, rows: Iterable[OutboxRow]) -> dict[str, str]:
    """Business key -> why it may not be sealed, of every document that a person decides and nobody has approved as it stands."""
    rows = list(rows)
    decided = {row.business_key: row for row in rows if row.cause in DECISION_CAUSES or row.payload.get("decision_id") is not None}
    ids = sorted({str(row.payload.get("decision_id")) for row in decided.values()})
    known: dict[str, ApprovalRequest] = {}
    refused = _unapproved_openings(connection, rows)
    for start in range(0, len(ids), IDS_AT_ONCE):
        found = _listed(connection, schema.approval_requests.c.request_id.in_(ids[start : start + IDS_AT_ONCE]))
        known.update({request.request_id: request for request in found})
    for key, row in decided.items():
        request = known.get(str(row.payload.get("decision_id")))
        if request is None or request.status != APPROVED:
            refused[key] = f"decision {row.payload.get('decision_id')} is {'unknown' if request is None else request.status}, not approved"
        elif (row.cause, _subject_of(row), row.entity) != (request.document_cause, request.subject, request.entity) or _exceeds(row, request):
            refused[key] = f"it is not what decision {request.request_id} was approved for"
    return refused


def _unapproved_openings(connection: Connection, rows: Iterable[OutboxRow]) -> dict[str, str]:
    """An opening is approved as a whole: one document more, less or other than what was seen, and none of them is sealed."""
    table, refused = schema.approval_requests, {}
    for entity, documents in by_entity(rows).items():
        content_hash = opening_hash(documents)
        asked = _listed(connection, table.c.kind == OPENING, table.c.entity == entity, table.c.content_hash == content_hash)
        reason = None
        if not any(request.status == APPROVED for request in asked):
            reason = f"the opening of {entity} with the hash {content_hash[:12]} is {asked[-1].status if asked else 'not asked for'}, not approved"
        elif (issued := issued_before(connection, entity)) is not None:
            reason = f"{issued} is issued: what {entity} opens with comes before everything else"
        if reason is not None:
            refused.update({row.business_key: reason for row in documents})
    return refused


def _subject_of(row: OutboxRow) -> str | None:
    """What a decided document is about: the invoice of a credit memo or of a journal, the customer of an adjustment's line."""
    if row.cause == ADJUSTMENT:
        return next((line.get("customer_id") for line in row.payload.get("lines", ())), None)
    return row.payload.get("invoice_key") or row.payload.get("source_document")


def _exceeds(row: OutboxRow, request: ApprovalRequest) -> bool:
    """Whether it is more than was approved, where the amount of the document is the one that was asked for."""
    decided = {ADJUSTMENT: row.payload.get("subtotal_minor"), WRITE_OFF: row.total_minor}.get(request.kind)
    return decided is not None and request.amount_minor is not None and decided > request.amount_minor


def _require_whole(asked: NewApprovalRequest) -> None:
    if asked.kind not in REQUEST_KINDS:
        raise ApprovalError(f"{asked.kind!r} is nothing that can be asked for; known are {', '.join(REQUEST_KINDS)}")
    if not asked.reason.strip():
        raise ApprovalError(f"{asked.kind} of {asked.subject}: give a reason; whoever approves it, and whoever audits it, reads nothing else")
    if (asked.content_hash is None) != (asked.kind in DECISION_KINDS):
        raise ApprovalError(f"{asked.kind} of {asked.subject}: only what was computed brings the hash of what is to be approved")
    if asked.kind in CREDIT_KINDS and asked.disposition not in DISPOSITIONS:
        raise ApprovalError(f"{asked.kind} of {asked.subject}: the disposition is {' or '.join(DISPOSITIONS)}, not {asked.disposition!r}")
    if asked.kind in (ADJUSTMENT, WRITE_OFF) and (asked.amount_minor is None or asked.amount_minor <= 0 or asked.currency is None):
        raise ApprovalError(f"{asked.kind} of {asked.subject}: the amount is above zero, in a currency")
    if asked.kind == ADJUSTMENT and not ADJUSTED.fullmatch(asked.line_key or ""):
        raise ApprovalError(f"{asked.kind} of {asked.subject}: name the product and the month that it is of, not {asked.line_key!r}")
    if asked.kind == GOODWILL and (asked.amount_minor is None or asked.amount_minor <= 0 or asked.basis not in BASES):
        raise ApprovalError(f"goodwill on {asked.subject}: the amount is above zero, net or before discount")
    if asked.kind == GOODWILL and asked.basis != "net" and asked.line_key is None:
        raise ApprovalError(f"goodwill on {asked.subject}: an amount before discount is of one line; name it")
    if asked.kind == VOID and asked.rebill not in ("yes", "no"):
        raise ApprovalError(f"void of {asked.subject}: say whether it is billed again")


def _invoice_hash(writer: LogWriter, asked: NewApprovalRequest) -> str:
    # An open item of the former system is an invoice too; what only this register can credit is one that it numbered.
    types = ("invoice", OPENING) if asked.kind == WRITE_OFF else ("invoice",)
    document, delivery = schema.documents, schema.deliveries
    statement = (
        select(document, delivery.c.state)
        .join(delivery, delivery.c.document_position == document.c.position)
        .where(document.c.business_key == asked.subject, document.c.entity == asked.entity, document.c.document_type.in_(types))
        .order_by(document.c.position.desc())
    )
    row = writer.connection.execute(statement).first()
    if row is None or row.state in (State.CANCELLED.value, State.REJECTED.value):
        found = "no invoice of this register" if row is None else row.state
        raise ApprovalError(f"{asked.subject} is {found}; only what was issued can be decided on")
    if asked.currency != row.currency:
        raise ApprovalError(f"{asked.subject} is in {row.currency}, not in {asked.currency}")
    return str(row.content_hash)


def _sealed_number(connection: Connection, request_id: str) -> str | None:
    """The number of what is sealed of a decision, or its business key where it has none."""
    document, delivery = schema.documents, schema.deliveries
    statement = (
        select(document.c.number, document.c.business_key)
        .join(delivery, delivery.c.document_position == document.c.position)
        .where(document.c.natural_id == decision_natural_id(request_id), delivery.c.state != State.CANCELLED.value)
    )
    row = connection.execute(statement).first()
    return None if row is None else str(row.number or row.business_key)


def decision_natural_id(request_id: str) -> str:
    """What identifies the document of a decision: sealing it twice is impossible."""
    return f"decision:{request_id}"


def _listed(connection: Connection, *conditions: ColumnElement[bool]) -> list[ApprovalRequest]:
    table, log = schema.approval_requests, schema.log
    statement = select(table, log.c.at, log.c.actor).join(log, log.c.position == table.c.position).where(*conditions).order_by(table.c.position)
    rows = connection.execute(statement).mappings().all()
    latest: dict[int, Verdict] = {}
    positions = [row["position"] for row in rows]
    for start in range(0, len(positions), IDS_AT_ONCE):
        given = _verdicts(connection, schema.verdicts.c.request_position.in_(positions[start : start + IDS_AT_ONCE]))
        latest.update({verdict.request_position: verdict for verdict in given})
    return [_request(row, latest.get(row["position"])) for row in rows]


def _request(row: Any, verdict: Verdict | None) -> ApprovalRequest:
    fields = {name: value for name, value in row.items() if name not in ("at", "actor")}
    return ApprovalRequest(**fields, requested_by=row["actor"], requested_at=from_text(row["at"]), verdict=verdict)


def _verdicts(connection: Connection, *conditions: ColumnElement[bool]) -> list[Verdict]:
    table, log = schema.verdicts, schema.log
    statement = select(table, log.c.at, log.c.actor).join(log, log.c.position == table.c.position).where(*conditions).order_by(table.c.position)
    rows: Sequence[Any] = connection.execute(statement).all()
    return [
        Verdict(row.position, row.request_position, row.verdict, row.content_hash, row.four_eyes, row.reason, row.actor, from_text(row.at))
        for row in rows
    ]
