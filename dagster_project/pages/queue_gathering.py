"""Reads the exception queue: documents from the register, everything else from the published warehouse. Waits for no writer."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from dagster_project.checklist.step import Evidence, Money
from dagster_project.close.installation import Installation
from dagster_project.close.periods import broken_seals
from dagster_project.pages.queue import SHOWN_SUBJECTS, AttemptMade, ExceptionQueue, QueueItem, Rates, gathered, ordered, selected
from dagster_project.published.held_back import EXCEPTIONS, compared, published
from dagster_project.quantities import exponents
from reverse_etl.documents import SealedDocument, State
from reverse_etl.oversight.cases import Case, next_commands
from reverse_etl.posting import notices
from reverse_etl.register import ApprovalRequest, Delivery, ExceptionRecord, Register
from reverse_etl.register.contract import JOURNAL_ENTRY
from reverse_etl.register.records.approvals import POSTING_KINDS
from reverse_etl.register.records.exceptions import LOST
from reverse_etl.systems.document_links import DocumentLinks
from reverse_etl.warehouse import Warehouse

KINDS: Mapping[str, str] = {
    notices.REJECTED: "rejected",
    notices.PARKED: "parked",
    notices.DIFFERENCE: "different",
    notices.DEPENDENCY: "waiting",
    notices.PERIOD: "period closed",
    notices.UNAVAILABLE: "unreachable",
    LOST: "lost from the backup",
    "seal_refused": "not sealed",
}
STATES: Mapping[State, str] = {
    State.REJECTED: "rejected",
    State.PARKED: "parked",
    State.AMBIGUOUS: "in doubt",
    State.IN_FLIGHT: "in doubt",
    State.HELD: "waiting",
    State.PENDING: "waiting",
}
REASONS: Mapping[State, str] = {
    State.AMBIGUOUS: "it is not known whether it arrived; it is looked for before anything is sent again",
    State.IN_FLIGHT: "an attempt was begun and nothing has come of it yet; it is looked for before anything is sent again",
    State.HELD: "it waits for a document that it depends on",
}
BREAK, EVERY_ENTITY = "break", "*"
SEALED_DOCUMENTS = "staging.stg_register_closing__documents"

_GROUP_CURRENCY = "select max(group_currency) as currency from ledger.consolidated_trial_balance"
_COMPANY = "select entity, entity_name, functional_currency from staging.stg_crm__legal_entities order by entity"
_RATES = """
    select from_currency, to_currency, cast(exchange_rate as varchar) as exchange_rate, cast(rate_date as varchar) as rate_date
    from staging.stg_finance__exchange_rates
    where to_currency = ?
    qualify row_number() over (partition by from_currency order by rate_date desc) = 1
"""


def gather_queue(installation: Installation, now: datetime, entity: str | None = None) -> ExceptionQueue:
    """Everything that waits for a person, as things stand at ``now`` (aware); of one legal entity, or of all and of none."""
    with one_publication(installation):
        return _gathered(installation, now, entity)


def _gathered(installation: Installation, now: datetime, entity: str | None) -> ExceptionQueue:
    warehouse = installation.warehouse
    is_published = installation.settings.published_path.is_file()
    names = names_of(installation)
    held_back = [*_held_back(warehouse), *_seals(installation)] if is_published else []
    rates = _rates(installation) if is_published else Rates("")
    # A warehouse may rate what is delivered of legal entities that this installation does not close; what it has sealed itself is its own.
    ours = [item for item in held_back if item.entity is None or item.entity in names]
    with closing(installation.open_register()) as register:
        entries = register.exceptions()
        documents = _documents(register, entries)
        found = [*_of_register(installation, register, entries, documents), *ours]
        items = ordered(gathered([item for item in found if entity in (None, item.entity)]), rates)
        # Of what is shown alone; 'tieout exceptions show' tells the attempts of any other.
        shown = {id(item) for item in selected(items)}
        items = tuple(replace(item, attempts=_attempts(register, item, documents)) if id(item) in shown else item for item in items)
        position = register.position
    return ExceptionQueue(
        company=names[entity] if entity else ", ".join(names.values()),
        generated_at=now,
        published_at=installation.warehouse.published_at(),
        register_position=position,
        rates=rates,
        items=items,
        names=names,
        left_out=Counter(item.entity for item in held_back if item.entity is not None and item.entity not in names) if entity is None else {},
    )


def one_publication(installation: Installation) -> AbstractContextManager[object]:
    """Whatever is read of the published warehouse in the block is of the same copy of it, which is opened once; nothing where there is none."""
    return installation.warehouse.reading_published() if installation.settings.published_path.is_file() else nullcontext()


def names_of(installation: Installation) -> dict[str, str]:
    """The legal entities of the installation and their names, as far as they are known."""
    found = published(installation.warehouse, _COMPANY) if installation.settings.published_path.is_file() else []
    names = {row["entity"]: row["entity_name"] for row in found}
    return {entity: names.get(entity) or entity for entity in installation.settings.entities}


def company_of(installation: Installation) -> str:
    return ", ".join(names_of(installation).values())


def _documents(register: Register, entries: Sequence[ExceptionRecord]) -> dict[int, tuple[SealedDocument, Delivery]]:
    """By position: those that are stopped or on their way, and those that an open exception is about."""
    stopped = register.deliveries(states=list(STATES))
    known = {document.position for document, _ in stopped}
    about = sorted({entry.document_position for entry in entries if entry.document_position is not None} - known)
    return {found[0].position: found for found in (*stopped, *(register.deliveries(positions=about) if about else ()))}


def _of_register(
    installation: Installation,
    register: Register,
    entries: Sequence[ExceptionRecord],
    documents: Mapping[int, tuple[SealedDocument, Delivery]],
) -> Iterator[QueueItem]:
    by_document: defaultdict[int | None, list[ExceptionRecord]] = defaultdict(list)
    for entry in entries:
        by_document[entry.document_position].append(entry)
    requests: defaultdict[str, list[ApprovalRequest]] = defaultdict(list)
    for request in register.approval_requests():
        if request.kind in POSTING_KINDS:
            requests[request.subject].append(request)
    links = DocumentLinks(installation.settings)
    waiting: defaultdict[tuple[str, str, str, str, str], list[SealedDocument]] = defaultdict(list)
    for document, delivery in documents.values():
        own = by_document.pop(document.position, [])
        if not own and delivery.state is State.PENDING:
            waiting[document.system, document.entity, document.period, document.document_type, document.currency].append(document)
            continue
        case = Case(exceptions=tuple(own), document=document, delivery=delivery, requests=tuple(requests[document.business_key]))
        yield _of_document(links, case, document, delivery)
    yield from (_waiting(found) for found in waiting.values())
    yield from (_of_nothing(entry) for found in by_document.values() for entry in found)


def _of_document(links: DocumentLinks, case: Case, document: SealedDocument, delivery: Delivery) -> QueueItem:
    first = case.exceptions[0] if case.exceptions else None
    evidence = [
        Evidence("Document", f"{document.document_type.replace('_', ' ')} {document.number or document.natural_id}, revision {document.revision}")
    ]
    evidence += [Evidence("Reference", document.reference), Evidence("State", f"{delivery.state} at {document.system}")]
    if delivery.remote_id:
        evidence.append(Evidence("Id at the destination", delivery.remote_id))
    if delivery.resolutions:
        evidence.append(Evidence("Looked for", f"{delivery.resolutions} times without an answer that settles it"))
    return QueueItem(
        kind=KINDS.get(first.kind, first.kind.replace("_", " ")) if first else STATES[delivery.state],
        subject=document.number or document.business_key,
        reason=first.reason if first else delivery.reason or REASONS.get(delivery.state, f"it is {delivery.state}"),
        what_to_do=first.action if first else "push again; it is looked for first, and never sent twice",
        owner="accounting" if document.document_type == JOURNAL_ENTRY else "finance-operations",
        commands=next_commands(case),
        entity=document.entity,
        period=document.period,
        system=document.system,
        money=Money.of(document.total_minor, document.currency),
        since=min(entry.recorded_at for entry in case.exceptions) if case.exceptions else delivery.first_written_at,
        evidence=tuple(evidence),
        link=links.url(document.system, document.entity, document.document_type, delivery.remote_id),
        listed_by=_listing(document.entity),
        relation=SEALED_DOCUMENTS,
        position=document.position,
    )


def _attempts(register: Register, item: QueueItem, documents: Mapping[int, tuple[SealedDocument, Delivery]]) -> tuple[AttemptMade, ...]:
    if item.position is None:
        return ()
    return tuple(
        AttemptMade(one.written_ahead_at, one.call_name, one.outcome or "unknown", one.reason, one.remote_id)
        for one in register.attempts(documents[item.position][0])
    )


def _listing(entity: str | None) -> str:
    return "tieout exceptions --all" + (f" --entity {entity}" if entity else "")


def _waiting(documents: Sequence[SealedDocument]) -> QueueItem:
    one = documents[0]
    return QueueItem(
        kind="waiting",
        subject=f"{len(documents):,} sealed, of the type {one.document_type}",
        reason=f"not sent to {one.system} yet",
        what_to_do="push, or close again; what is sealed is sent once",
        owner="accounting" if one.document_type == JOURNAL_ENTRY else "finance-operations",
        commands=(f"tieout push {one.period} --entity {one.entity} --destination {one.system}",),
        entity=one.entity,
        period=one.period,
        system=one.system,
        money=Money.of(sum(abs(document.total_minor) for document in documents), one.currency),
        count=len(documents),
        subjects=tuple(document.number or document.business_key for document in documents[:SHOWN_SUBJECTS]),
        listed_by=f"tieout query in_transit --set entity={one.entity}",
        relation=SEALED_DOCUMENTS,
    )


def _of_nothing(entry: ExceptionRecord) -> QueueItem:
    """An exception that is about no sealed document."""
    evidence = [Evidence("Exception", str(entry.position))]
    if entry.file_name:
        evidence.append(Evidence("File", f"{entry.file_name} line {entry.line_number}" if entry.line_number else entry.file_name))
    commands = next_commands(Case((entry,)))
    if entry.period:
        commands = tuple(command.replace(" PERIOD ", f" {entry.period} ") for command in commands)
    return QueueItem(
        kind=KINDS.get(entry.kind, entry.kind.replace("_", " ")),
        subject=entry.subject,
        reason=entry.reason,
        what_to_do=entry.action,
        owner="data-engineering" if entry.kind == notices.UNAVAILABLE else "finance-operations",
        commands=commands,
        entity=entry.entity,
        period=entry.period,
        since=entry.recorded_at,
        evidence=tuple(evidence),
        listed_by=_listing(entry.entity),
    )


def _held_back(warehouse: Warehouse) -> Iterator[QueueItem]:
    for statement in EXCEPTIONS.values():
        relation = re.findall(r"from (\w+\.\w+)", statement)[0]
        for row in published(warehouse, statement):
            currency = row["currency"]
            entity = row["entity"] if row["entity"] != EVERY_ENTITY else None
            yield QueueItem(
                kind=row["kind"],
                subject=row["subject"],
                reason=compared(row, exponents()) if row["kind"] == BREAK else row["reason"] or "",
                what_to_do=row["what_to_do"] or "",
                owner=row["owner"],
                commands=(row["command"],) if row["command"] else (),
                entity=entity,
                period=row["period"],
                money=Money.of(row["amount_minor"], currency) if row["amount_minor"] is not None and currency else None,
                since=_aware(row["since"]),
                listed_by=_listing(entity),
                relation=relation,
            )


def _seals(installation: Installation) -> Iterator[QueueItem]:
    for broken in broken_seals(installation, published=True):
        yield QueueItem(
            kind="broken seal",
            subject=f"J12 {broken.entity} {broken.period}",
            reason=f"{broken.what}: {broken.sealed} when it was closed, {broken.now} now",
            what_to_do="find what changed it and restore it; the next close waits",
            owner="accounting",
            commands=(f"tieout periods verify --entity {broken.entity}",),
            entity=broken.entity,
            period=broken.period,
            listed_by=f"tieout periods verify --entity {broken.entity}",
        )


def _rates(installation: Installation) -> Rates:
    """Into the currency of the group, or else of the first legal entity."""
    warehouse = installation.warehouse
    group: list[dict[str, Any]] = published(warehouse, _GROUP_CURRENCY)
    own = {row["entity"]: row["functional_currency"] for row in published(warehouse, _COMPANY)}
    first: str = next((row["currency"] for row in group if row["currency"]), None) or own.get(installation.settings.entities[0]) or ""
    found = published(warehouse, _RATES, [first])
    scales = exponents()
    rates = {
        row["from_currency"]: Fraction(row["exchange_rate"]) * Fraction(10) ** (scales.get(first, 2) - scales.get(row["from_currency"], 2))
        for row in found
    }
    return Rates(first, max((row["rate_date"] for row in found), default=None), rates)


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
