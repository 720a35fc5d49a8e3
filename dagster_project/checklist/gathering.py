"""Gathers what the checklist of a close is made of. Reads the register, the published warehouse and the pacing; waits for no writer, asks no
destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType

from dagster_project.checklist.checklist import checklist
from dagster_project.checklist.published import Published, published
from dagster_project.checklist.standing import Closing, DocumentGroup, FailedRun, LateUsage, OpenException, Request, Seal, Standing, Withheld
from dagster_project.checklist.step import ChecklistStep, Money
from dagster_project.close.installation import Installation
from dagster_project.close.partitions import CloseKey, first_day, first_day_after
from dagster_project.close.periods import broken_seals
from reverse_etl.register import ApprovalRequest, ExceptionRecord, PeriodDocuments, PeriodSeal, Register, SealBreak
from reverse_etl.register.periods import next_period
from reverse_etl.register.records.approvals import PERIOD_REOPEN, PERIOD_SIGN_OFF
from reverse_etl.register.records.periods import DOCUMENTS, HARD_CLOSED, OPEN
from reverse_etl.register.seals import content_hash_of
from reverse_etl.settings import BILLING_PLATFORM, Settings

NONE_FAILED: Mapping[CloseKey, FailedRun] = MappingProxyType({})


def checklists_of(
    installation: Installation, keys: Sequence[CloseKey], now: datetime | None = None, failed_runs: Mapping[CloseKey, FailedRun] = NONE_FAILED
) -> tuple[ChecklistStep, ...]:
    """The checklists of several legal entities and periods, one after the other, all of the same copy of the warehouse. ``failed_runs``: how the last
    run to close each failed, for whoever knows Dagster's runs."""
    instant, calendar = now or datetime.now(UTC), installation.settings.calendar
    is_published = installation.settings.published_path.is_file()
    with closing(installation.open_register()) as register, published(installation.warehouse, is_published) as copy:
        # The files that had landed are in the copy: without one there is nothing to compare them with.
        shared = _Shared(
            broken_seals=broken_seals(installation, published=True) if is_published else register.verify_seals(),
            withheld=_withheld(installation.settings),
            requests=register.approval_requests(),
            exceptions=register.exceptions(),
            cutovers=copy.cutovers(),
            published_at=installation.warehouse.published_at(),
        )
        standings = [_standing(installation.settings, register, copy, key, shared, failed_runs.get(key)) for key in keys]
    return tuple(step for standing in standings for step in checklist(standing, calendar, instant))


def unfinished(installation: Installation, now: datetime) -> list[CloseKey]:
    """Every legal entity and period that has ended by its calendar and is not hard closed, from the first period on, or the cutover of the entity."""
    settings = installation.settings
    with published(installation.warehouse, settings.published_path.is_file()) as copy:
        cutovers = copy.cutovers()
    with closing(installation.open_register()) as register:
        hard = {(change.entity, change.period) for change in register.periods() if change.status == HARD_CLOSED}
    keys = []
    for entity in settings.entities:
        running = f"{now.astimezone(settings.calendar.zone(entity)):%Y-%m}"
        period = max(settings.first_period, cutovers.get(entity, ""))
        while period < running:
            keys += [] if (entity, period) in hard else [CloseKey(entity, period)]
            period = next_period(period)
    return keys


@dataclass(frozen=True, slots=True)
class _Shared:
    """What is read once for all legal entities and periods."""

    broken_seals: Sequence[SealBreak]
    withheld: Sequence[Withheld]
    requests: Sequence[ApprovalRequest]
    exceptions: Sequence[ExceptionRecord]
    cutovers: Mapping[str, str]
    published_at: datetime | None


def _standing(settings: Settings, register: Register, copy: Published, key: CloseKey, shared: _Shared, failed_run: FailedRun | None) -> Standing:
    entity, period = key.entity, key.period
    first, after = first_day(period), first_day_after(period)
    ledger = copy.ledger(entity)
    not_invoiced, not_invoiced_amounts = copy.not_invoiced(entity, period)
    changes = tuple(Closing(one.status, one.actor, one.at, one.landing_position) for one in register.period_changes(entity, period))
    groups = tuple(_group(copy, one) for one in register.period_documents(entity, period))
    of_period = [one for one in shared.requests if one.entity == entity and one.subject == f"{entity}/{period}"]
    late, billed_late = _late(copy, entity, first, after, changes)
    signed, asked = register.sign_off(entity, period), register.asked_sign_off(entity, period)
    return Standing(
        entity=entity,
        period=period,
        billing=_billing(settings),
        ledger=ledger,
        first_open=_first_open(register, entity, max(settings.first_period, shared.cutovers.get(entity, ""))),
        changes=changes,
        published_at=shared.published_at,
        published_position=copy.position(),
        landing=copy.landing(first, after),
        measures=copy.measures(entity, period),
        missing_files=copy.missing_files(entity, period),
        refusals=copy.refusals(),
        holds=copy.holds(entity, first),
        stopped=copy.stopped(entity, first),
        unsealed=copy.unsealed(entity, period),
        documents=groups,
        exceptions=tuple(_exceptions(copy, register, shared.exceptions, entity, period)),
        withheld=tuple(one for one in shared.withheld if one.system == ledger or any(group.system == one.system for group in groups)),
        read_backs=copy.read_backs(entity, period),
        platform_lines=copy.platform_lines(entity, first),
        not_invoiced=not_invoiced,
        not_invoiced_amounts=not_invoiced_amounts,
        seal=_seal(copy, register.period_seal(entity, period)),
        # What was closed later is nothing that keeps this one open.
        broken_seals=tuple(str(one) for one in shared.broken_seals if one.entity == entity and one.period <= period),
        reopening=_reopening(of_period),
        late_usage=late,
        billed_late_usage=billed_late,
        undecided=tuple(_request(copy, one) for one in register.undecided(entity, period)),
        sign_off=_request(copy, signed) if signed else None,
        void_sign_off=_void(copy, of_period, signed),
        asked_sign_off=_request(copy, asked) if asked else None,
        failed_run=failed_run,
    )


def _billing(settings: Settings) -> str:
    return next((name for name in sorted(settings.destinations) if settings.kind(name) == BILLING_PLATFORM), BILLING_PLATFORM)


def _first_open(register: Register, entity: str, first: str) -> str:
    closed = [change.period for change in register.periods() if change.entity == entity and change.status != OPEN]
    return next_period(max(closed)) if closed else first


def _group(copy: Published, found: PeriodDocuments) -> DocumentGroup:
    return DocumentGroup(
        system=found.system,
        document_type=found.document_type,
        state=found.state,
        documents=found.documents,
        total=copy.money(found.total_minor, found.currency),
        sealed_at=found.sealed_at,
        sealed_position=found.sealed_position,
        posted_at=found.posted_at,
        run_id=found.run_id,
    )


def _exceptions(copy: Published, register: Register, found: Sequence[ExceptionRecord], entity: str, period: str) -> list[OpenException]:
    """What is open about a document of the period, or about a destination of the entity."""
    own = [one for one in found if one.entity == entity and one.period in (None, period)]
    positions = sorted({one.document_position for one in own if one.document_position is not None})
    totals = {one.position: copy.money(one.total_minor, one.currency) for one in register.documents(positions=positions)} if positions else {}
    return [_exception(one, totals.get(one.document_position or 0)) for one in own]


def _exception(found: ExceptionRecord, total: Money | None) -> OpenException:
    system, _, rest = found.subject.partition("/")
    parts = rest.split("/")
    return OpenException(
        identifier=found.position,
        kind=found.kind,
        subject=found.subject,
        reason=found.reason,
        system=system,
        document_type=parts[1] if len(parts) > 1 else "",
        total=total,
    )


def _withheld(settings: Settings) -> tuple[Withheld, ...]:
    from reverse_etl.posting.pacing.overview import destination_states

    return tuple(Withheld(state.name, state.withheld, state.withheld_until) for state in destination_states(settings) if state.withheld is not None)


def _seal(copy: Published, seal: PeriodSeal | None) -> Seal | None:
    if seal is None:
        return None
    by_type = tuple(
        (one.subject, one.item_count, copy.money(one.total_minor or 0, one.currency or "")) for one in seal.measures if one.measure == DOCUMENTS
    )
    return Seal(sum(count for _, count, _ in by_type), by_type, content_hash_of(seal))


def _reopening(requests: Sequence[ApprovalRequest]) -> Request | None:
    approved = [one for one in requests if one.kind == PERIOD_REOPEN and one.status == "approved"]
    return _request(None, approved[-1]) if approved else None


def _void(copy: Published, requests: Sequence[ApprovalRequest], signed: ApprovalRequest | None) -> Request | None:
    approved = [one for one in requests if one.kind == PERIOD_SIGN_OFF and one.status == "approved"]
    return _request(copy, approved[-1]) if approved and signed is None else None


def _late(copy: Published, entity: str, first: date, after: date, changes: Sequence[Closing]) -> tuple[LateUsage | None, LateUsage | None]:
    """What landed after the last cutoff; and what landed after the first one and was billed when the period was closed again."""
    cutoffs = [change.landing_position for change in changes if change.landing_position is not None]
    if not cutoffs:
        return None, None
    billed = copy.late_usage(entity, first, after, cutoffs[0], cutoffs[-1]) if cutoffs[-1] > cutoffs[0] else None
    return copy.late_usage(entity, first, after, cutoffs[-1]), billed


def _request(copy: Published | None, found: ApprovalRequest) -> Request:
    verdict = found.verdict
    amount = None
    if copy is not None and found.amount_minor is not None and found.currency is not None:
        amount = copy.money(found.amount_minor, found.currency)
    return Request(
        request_id=found.request_id,
        kind=found.kind,
        subject=found.subject,
        reason=found.reason,
        requested_by=found.requested_by,
        requested_at=found.requested_at,
        decided_by=verdict.decided_by if verdict else None,
        decided_at=verdict.at if verdict else None,
        four_eyes=verdict.four_eyes if verdict else None,
        amount=amount,
    )
