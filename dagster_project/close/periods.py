"""Accounting periods, for people: where each stands, whether it still is what was closed, and what follows the close."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from dagster_project.close.installation import Installation
from dagster_project.close.partitions import first_day
from dagster_project.quantities import counted, exponents, quantity
from reverse_etl.errors import BrokenSealError, PeriodError
from reverse_etl.register import ApprovalRequest, LandedFiles, PeriodChange, PeriodSeal, Register, SealBreak, SealMeasure
from reverse_etl.register.periods import next_period
from reverse_etl.register.records.periods import DOCUMENTS, HARD_CLOSED, OPEN
from reverse_etl.register.seals import landed_files_of

SHOWN_BREAKS = 5
INTACT, BROKEN, UNSEALED = "intact", "broken", "none"


@dataclass(frozen=True, slots=True)
class PeriodState:
    """``documents``: sealed documents of the period. ``seal``: intact, broken, or none (of an open period, or one closed before there were seals).
    ``signed_off_by``: who approved the sign-off of what it holds now."""

    entity: str
    period: str
    status: str
    documents: int
    landing_position: int | None
    seal: str
    changed_by: str | None
    changed_at: datetime | None
    signed_off_by: str | None


def period_states(installation: Installation) -> list[PeriodState]:
    """Every period that was ever closed, and the first open one of each legal entity."""
    broken = {(found.entity, found.period) for found in broken_seals(installation, published=True)}
    with closing(installation.open_register()) as register:
        changes = register.periods()
        shown: dict[tuple[str, str], PeriodChange | None] = {(change.entity, change.period): change for change in changes}
        for entity in installation.settings.entities:
            closed = [change.period for change in changes if change.entity == entity and change.status != OPEN]
            first_open = next_period(max(closed)) if closed else installation.settings.first_period
            shown.setdefault((entity, first_open), None)
        return [_state(register, entity, period, shown[entity, period], broken) for entity, period in sorted(shown)]


def broken_seals(installation: Installation, entity: str | None = None, published: bool = False) -> list[SealBreak]:
    """What differs from the seals of closed periods (J12): documents and accounts in the register, files in the warehouse's manifest.

    ``published``: the manifest as it was last published, which waits for no writer.
    """
    with closing(installation.open_register()) as register:
        found = register.verify_seals(entity)
        for change in register.periods():
            seal = register.period_seal(change.entity, change.period)
            sealed = seal.landed_files if seal is not None else None
            if change.status == OPEN or entity not in (None, change.entity) or sealed is None or change.landing_position is None:
                continue
            now = landed_until(installation, change.landing_position, published)
            if (sealed.item_count, sealed.content_hash) != (now.file_count, now.content_hash):
                then, told = (
                    f"{count} with hash {str(content)[:12]}"
                    for count, content in ((sealed.item_count, sealed.content_hash), (now.file_count, now.content_hash))
                )
                found.append(SealBreak(change.entity, change.period, "files that had landed", then, told))
    return found


def landed_until(installation: Installation, position: int, published: bool = False) -> LandedFiles:
    """The files that have landed up to a position, counted and hashed."""
    read = installation.warehouse.read_published if published else installation.warehouse.read
    rows = read("select position, file_name, content_hash from raw.landed_files where position <= ? order by position", [position]).to_pylist()
    return landed_files_of(position, [(row["position"], row["file_name"], row["content_hash"]) for row in rows])


def hard_close(installation: Installation, entity: str, period: str) -> bool:
    """Close a soft closed period for ever; False when it is already.

    Raises:
        PeriodError: it is not soft closed or not signed off, a document of it is not verified, or a decision is open.
        BrokenSealError: it, or a period before it, is not what was closed.
    """
    require_intact(installation, entity)
    with closing(installation.open_register()) as register:
        return register.close_period(entity, period, None, installation.actor, HARD_CLOSED)


def ask_to_sign_off(installation: Installation, entity: str, period: str, reason: str | None = None) -> ApprovalRequest:
    """Ask for the sign-off of a soft closed period as it is sealed now; another user approves it. ``reason``: what the maker says of it; the figures
    of the seal if not given.

    Raises:
        PeriodError: it is not soft closed.
        BrokenSealError: it, or a period before it, is not what was closed.
        ApprovalError: the same was rejected.
    """
    require_intact(installation, entity)
    with closing(installation.open_register()) as register:
        return register.ask_to_sign_off(entity, period, reason or sealed_in_words(register.period_seal(entity, period)), installation.actor)


def ask_to_reopen(installation: Installation, entity: str, period: str, reason: str) -> ApprovalRequest:
    """Ask for a soft closed period to be opened again; another user approves it.

    Raises:
        PeriodError: it is not the last one that is closed, it is hard closed, or it is before the legal entity's cutover.
    """
    cutover = _cutover(installation, entity)
    if cutover is not None and first_day(period) < cutover.replace(day=1):
        raise PeriodError(f"period {period} of {entity} is before its cutover on {cutover}: the former system booked it, and nothing is opened there")
    with closing(installation.open_register()) as register:
        return register.ask_to_reopen(entity, period, reason, installation.actor)


def require_intact(installation: Installation, entity: str) -> None:
    """Raises ``BrokenSealError`` where a closed period of the legal entity is not what was closed."""
    found = broken_seals(installation, entity)
    if found:
        raise BrokenSealError(
            f"{'; '.join(map(str, found[:SHOWN_BREAKS]))}. Find what changed it ('tieout periods verify') and restore it, then close again"
        )


def require_turn(installation: Installation, entity: str, period: str) -> None:
    """Periods are closed in order, from the first one of the installation or the cutover of the legal entity on.

    Raises:
        PeriodError: one before it is open, so that what it would propose is not final.
    """
    with closing(installation.open_register()) as register:
        closed = [change.period for change in register.periods() if change.entity == entity and change.status != OPEN]
    if closed:
        first_open = next_period(max(closed))
    else:
        cutover = _cutover(installation, entity)
        first_open = max(installation.settings.first_period, f"{cutover:%Y-%m}" if cutover is not None else "")
    if period > first_open:
        raise PeriodError(
            f"{period} of {entity} waits: {first_open} is open, and a month proposes its documents only once the one before is closed. Close "
            f"{first_open} first ('tieout close {first_open}', or the partition {entity}|{first_open} of the job monthly_close), then run this again"
        )


def sealed_in_words(seal: PeriodSeal | None) -> str:
    """What a person signs off: how many documents of each type, and what they come to by currency."""
    if seal is None:
        return "closed before there were seals"
    documents = [one for one in seal.measures if one.measure == DOCUMENTS]
    kinds = [_totalled(kind, list(own)) for kind, own in groupby(documents, key=lambda one: one.subject)]
    return f"every checkpoint tied when it was closed; {', '.join(kinds) or 'no documents'}"


def _totalled(document_type: str, measures: Sequence[SealMeasure]) -> str:
    """``2 credit memos (JPY 7, USD 1.00)``."""
    totals = [quantity(str(one.total_minor), one.currency, exponents()) for one in measures if one.currency and one.total_minor]
    count = counted(sum(one.item_count for one in measures), document_type.replace("_", " "))
    return f"{count} ({', '.join(totals)})" if totals else count


def _state(register: Register, entity: str, period: str, change: PeriodChange | None, broken: set[tuple[str, str]]) -> PeriodState:
    status = OPEN if change is None else change.status
    sealed = status != OPEN and register.period_seal(entity, period) is not None
    signed = register.sign_off(entity, period)
    return PeriodState(
        entity=entity,
        period=period,
        status=status,
        documents=len(register.documents(entity=entity, period=period)),
        landing_position=change.landing_position if change else None,
        seal=(BROKEN if (entity, period) in broken else INTACT) if sealed else UNSEALED,
        changed_by=change.actor if change else None,
        changed_at=change.at if change else None,
        signed_off_by=signed.verdict.decided_by if signed is not None and signed.verdict is not None else None,
    )


def _cutover(installation: Installation, entity: str) -> date | None:
    statement = "select try_cast(cutover_on as date) as cutover_on from raw.legal_entities where entity_id = ?"
    rows = installation.warehouse.read(f"{statement} order by landed_on desc, line_number desc limit 1", [entity]).to_pylist()
    return rows[0]["cutover_on"] if rows else None
