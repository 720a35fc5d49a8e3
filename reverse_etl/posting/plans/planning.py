"""Reads the register and says what a push would do. It asks no destination and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting.lane_delivery import Work
from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.plans import plan as actions
from reverse_etl.posting.plans.amounts import account_amounts, revenue_amounts
from reverse_etl.posting.plans.plan import HELD, SENDING, UNCHANGED, LanePlan, Plan, PlannedDocument, Total
from reverse_etl.posting.plans.work import STOPPED_STATES, work_of
from reverse_etl.posting.protocol import OPEN_STATES, Restored, advance
from reverse_etl.posting.protocol.delivery import taken_over
from reverse_etl.posting.protocol.dependencies import Dependencies
from reverse_etl.register import ApprovalRequest, Delivery, Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.register.contract import MASTER_DATA
from reverse_etl.register.deliveries import delivery_hash
from reverse_etl.register.records.approvals import POSTING_KINDS
from reverse_etl.register.records.deliveries import REPOSTING, REVERSAL
from reverse_etl.register.records.periods import HARD_CLOSED
from reverse_etl.systems.contract import Manifest

STOPPED_CODES = {State.PARKED: actions.PARKED, State.REJECTED: actions.REJECTED, State.HELD: actions.WITHDRAWN}
CORRECTING_ACTIONS = {REVERSAL: actions.REVERSE, REPOSTING: actions.REPOST}

Judged = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class LaneSituation:
    """A destination, an entity, and why nothing may be sent there, or nothing even looked up, at this moment."""

    manifest: Manifest
    entity: str
    sending_withheld: str | None = None
    reading_withheld: str | None = None


def situation_of(manifest: Manifest, entity: str, pace: Pace) -> LaneSituation:
    """How things stand at this moment, with the modes, windows, quotas and the circuit of the destination."""
    sending, reading = pace.withheld(), pace.withheld(sending=False)
    return LaneSituation(manifest, entity, sending.reason if sending else None, reading.reason if reading else None)


def plan(register: Register, lanes: Sequence[LaneSituation], period: str | None = None) -> Plan:
    """What pushes of some destinations and entities would do; ``period`` None = of every period."""
    incarnation, position = register.incarnation, register.position
    return Plan(incarnation, position, period, tuple(plan_lane(register, lane, period) for lane in lanes))


def plan_lane(register: Register, lane: LaneSituation, period: str | None = None) -> LanePlan:
    """What a push of one destination and entity would do."""
    system, entity = lane.manifest.system, lane.entity
    work = work_of(register, system, entity, period)
    stopped = register.deliveries(system=system, entity=entity, period=period, states=STOPPED_STATES)
    waiting = _waiting_for_approval(register, system, entity, period)
    known: Work = [*work, *stopped, *((document, delivery) for document, delivery, _ in waiting)]
    every = {document.position: (document, delivery) for document, delivery in known}
    judged = _Judge(register, lane, work).judge(list(every.values()))
    documents: dict[int, PlannedDocument] = {}
    sent: list[SealedDocument] = []
    for position, (document, delivery) in every.items():
        action, code, reason = judged[position]
        if action != UNCHANGED:
            documents[document.position] = _planned(document, delivery, action, code, reason)
        if action in SENDING:
            sent.append(document)
    for document, delivery, request in waiting:
        if document.position not in documents or not documents[document.position].acts:
            reason = f"{request.kind} asked for by {request.requested_by} ({request.reason}): tieout approve {request.request_id}"
            documents[document.position] = _planned(document, delivery, HELD, actions.APPROVAL, reason)
    return LanePlan(
        system=system,
        entity=entity,
        documents=tuple(documents[position] for position in sorted(documents)),
        unchanged=_unchanged(register, lane.manifest, entity, period),
        accounts=account_amounts(sent),
        revenue=revenue_amounts(sent),
        withheld=lane.sending_withheld,
    )


class _Judge:
    """What the poster would make of each document of one lane."""

    def __init__(self, register: Register, lane: LaneSituation, work: Work) -> None:
        self._lane = lane
        self._restoration = register.restoration
        self._dependencies = Dependencies(register, [document for document, _ in work])
        self._going = {document.business_key for document, delivery in work if delivery.state in OPEN_STATES}
        self._closed = {key for key in {(document.entity, document.period) for document, _ in work} if register.period_status(*key) == HARD_CLOSED}
        # Whatever waits for what is held here waits as long.
        self._held: set[str] = set()

    def judge(self, documents: Work) -> dict[int, Judged]:
        """Position -> (action, why it is held, in words)."""
        while True:
            judged = {document.position: self._judged(document, delivery) for document, delivery in documents}
            waiting = [document for document, delivery in documents if delivery.state in OPEN_STATES]
            held = {document.business_key for document in waiting if judged[document.position][0] == HELD}
            if held == self._held:
                return judged
            self._held = held

    def _judged(self, document: SealedDocument, delivery: Delivery) -> Judged:
        manifest = self._lane.manifest.of(document.document_type)
        if delivery.state in STOPPED_CODES:
            return HELD, STOPPED_CODES[delivery.state], f"{delivery.state}: {delivery.reason}"
        if delivery.state is State.POSTED and manifest.look_up_lag is not None:
            return self._asking(actions.VERIFY, None)
        if delivery.state not in OPEN_STATES:
            return UNCHANGED, None, None
        assumed = taken_over(delivery, self._restoration)
        if isinstance(assumed, Restored):
            delivery = advance(manifest, delivery, (), assumed, utc_now())
        if delivery.doubt or delivery.written_ahead_at is not None:
            return self._in_doubt(manifest, delivery)
        return self._to_be_sent(document, delivery)

    def _in_doubt(self, manifest: Manifest, delivery: Delivery) -> Judged:
        if manifest.capability_class == "C":
            return HELD, actions.IN_DOUBT, f"it may or may not be there, and {manifest.system} offers no way to find out: a person decides"
        return self._asking(actions.RESOLVE, delivery.reason)

    def _to_be_sent(self, document: SealedDocument, delivery: Delivery) -> Judged:
        missing = self._dependencies.missing(document)
        if missing is not None and missing.business_key in self._held:
            return HELD, actions.DEPENDENCY, f"{missing.business_key} is held"
        if missing is not None and (missing.stopped or missing.business_key not in self._going):
            return HELD, actions.DEPENDENCY, missing.reason
        if (document.entity, document.period) in self._closed and document.document_type not in MASTER_DATA:
            return HELD, actions.PERIOD, f"{document.period} of {document.entity} is hard closed"
        if self._lane.sending_withheld is not None:
            return HELD, actions.DESTINATION, self._lane.sending_withheld
        return _sending_action(document, delivery), None, delivery.reason

    def _asking(self, action: str, reason: str | None) -> Judged:
        """What looks up at the destination, where it may be asked."""
        if self._lane.reading_withheld is not None:
            return HELD, actions.DESTINATION, self._lane.reading_withheld
        return action, None, reason


def _sending_action(document: SealedDocument, delivery: Delivery) -> str:
    if delivery.completed:
        return actions.FINISH
    return CORRECTING_ACTIONS.get(document.cause) or (actions.UPDATE if document.operation == "update" else actions.CREATE)


def _planned(document: SealedDocument, delivery: Delivery, action: str, code: str | None, reason: str | None) -> PlannedDocument:
    return PlannedDocument(
        position=document.position,
        business_key=document.business_key,
        revision=document.revision,
        document_type=document.document_type,
        number=document.number,
        reference=document.reference,
        period=document.period,
        currency=document.currency,
        total_minor=document.total_minor,
        content_hash=document.content_hash,
        state=delivery.state.value,
        delivery_hash=delivery_hash(delivery),
        action=action,
        code=code,
        reason=reason,
    )


def _waiting_for_approval(register: Register, system: str, entity: str, period: str | None) -> list[tuple[SealedDocument, Delivery, ApprovalRequest]]:
    """The documents about which something is asked for and not decided yet."""
    asked = [request for request in register.approval_requests() if request.kind in POSTING_KINDS and request.verdict is None]
    found = []
    for request in asked:
        if request.entity != entity or not request.subject.startswith(f"{system}/"):
            continue
        entries = [entry for entry in register.deliveries(business_key=request.subject) if entry[1].state is not State.CANCELLED]
        document, delivery = max(entries, key=lambda entry: (entry[0].revision, entry[0].position))
        if period in (None, document.period):
            found.append((document, delivery, request))
    return found


def _unchanged(register: Register, manifest: Manifest, entity: str, period: str | None) -> tuple[Total, ...]:
    """What is delivered: verified, or posted where nothing can be looked up."""
    sums: dict[str, tuple[int, int]] = {}
    for (document_type, state, currency), (count, total) in register.totals(manifest.system, entity, period).items():
        if state is State.VERIFIED or (state is State.POSTED and manifest.of(document_type).look_up_lag is None):
            before = sums.get(currency, (0, 0))
            sums[currency] = (before[0] + count, before[1] + total)
    return tuple(Total(UNCHANGED, currency, *found) for currency, found in sorted(sums.items()))
