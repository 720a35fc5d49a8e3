"""``tieout exceptions``: what could not go on by itself, what is known of it, and dealing with it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.posting.listing import SHOWN, listed
from dagster_project.cli.session import Session, with_session
from dagster_project.published.held_back import EXCEPTIONS, compared, published
from dagster_project.quantities import exponents, quantity
from reverse_etl.correlation import current
from reverse_etl.errors import ApprovalError, TieoutError

if TYPE_CHECKING:
    from datetime import datetime

    from dagster_project.close import Installation
    from reverse_etl.documents import SealedDocument
    from reverse_etl.oversight.cases import Case, Held
    from reverse_etl.posting import PushReport
    from reverse_etl.register import Attempt, Delivery, ExceptionRecord, Register
    from reverse_etl.systems.document_links import DocumentLinks


class NotSettledError(TieoutError):
    """What was tried again did not succeed."""


@click.group("exceptions", invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help=f"Show every one, also of a kind that has more than {SHOWN}.")
@click.option("--entity", help="Those of one legal entity.")
@with_session
@click.pass_context
def exceptions_command(context: click.Context, session: Session, everything: bool, entity: str | None) -> None:
    """List what could not go on by itself: files, events, lines and documents, each with its reason and what to do.

    A document is dealt with by its id: 'show' tells everything about it, 'retry' tries once more, 'resolve' ends it. See docs/exceptions.md.
    """
    if context.invoked_subcommand is None:
        _list(session, everything, entity)


@exceptions_command.command("list")
@click.option("--all", "everything", is_flag=True, help=f"Show every one, also of a kind that has more than {SHOWN}.")
@click.option("--entity", help="Those of one legal entity.")
@with_session
def list_command(session: Session, everything: bool, entity: str | None) -> None:
    """List every exception, as 'tieout exceptions' does."""
    _list(session, everything, entity)


@exceptions_command.command("page")
@click.option("--entity", help="Of one legal entity (default: of all, one after the other, and what is of none).")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it (default: pages/exceptions.html of the home folder).")
@with_session
def page_command(session: Session, entity: str | None, out: Path | None) -> None:
    """Write the queue as one HTML page, the most money at risk first: reason, evidence, age, owner, and the command to go on with. Of many, what is
    not told one by one is counted and summed by kind."""
    from dagster_project.pages.queue import counted, selected
    from dagster_project.pages.writing import write_exception_queue

    path, queue = write_exception_queue(session.installation, path=out, entity=entity)
    at_risk = ", ".join(map(str, queue.at_risk)) or "no money known to be at risk"
    session.line(f"{queue.count:,} {'exception' if queue.count == 1 else 'exceptions'}, {at_risk}" if queue.items else "The queue is empty")
    session.line(f"Written to {path}")
    amounts = [asdict(money) for money in queue.at_risk]
    session.result({"path": str(path), "exceptions": queue.count, "shown": counted(selected(queue.items)), "at_risk": amounts})


@exceptions_command.command("show")
@click.argument("identifier", metavar="ID")
@click.option("--look", is_flag=True, help="Ask the destination what it holds of the document now.")
@with_session
def show_command(session: Session, identifier: str, look: bool) -> None:
    """Show ID (an exception, or a document's number, reference or business key): the document, every attempt with its request and what came of
    it, the age, the amount at risk, and the command to go on with."""
    from reverse_etl.oversight.cases import case_of, next_commands
    from reverse_etl.oversight.cases import look as look_at
    from reverse_etl.register.access.transactions import utc_now
    from reverse_etl.systems.document_links import DocumentLinks

    installation = session.installation
    with closing(installation.open_register()) as register:
        case = case_of(register, identifier)
    held = None
    if look and case.document is not None and case.delivery is not None:
        held = look_at(installation.open_system(case.document.system), case.document, case.delivery)
    _tell(session, case, held, _url(DocumentLinks(installation.settings), case, held), utc_now(), next_commands(case, held))


@exceptions_command.command("retry")
@click.argument("identifier", metavar="ID")
@click.option("--reason", default="tried again", show_default=True, help="Why it should go now; it is recorded.")
@with_session
def retry_command(session: Session, identifier: str, reason: str) -> None:
    """Send ID (an exception or a document) once more if it was rejected, find out again what became of it if it is parked, and push exactly that
    one. The exit code is 1 where it is not delivered then."""
    from reverse_etl.oversight.cases import case_of
    from reverse_etl.posting import push

    installation = session.installation
    with closing(installation.open_register()) as register:
        document, delivery = _document_of(case_of(register, identifier), identifier)
        if delivery.state.value in ("rejected", "parked"):
            register.requeue(document, installation.actor, reason)
        with session.watching():
            report = push(
                register,
                installation.open_system(document.system),
                document.entity,
                only={document.position},
                settings_or_lock_folder=installation.settings,
                actor=installation.actor,
                correlation_id=current().correlation_id,
            )
        case = case_of(register, document.reference)
    _settled(session, case, report)


@exceptions_command.command("resolve")
@click.argument("identifier", metavar="ID")
@click.option("--reason", required=True, help="Why; it is recorded with your name.")
@click.option("--posted", "remote_id", metavar="REMOTE_ID", help="A parked document is at its destination, under this id: you have found it there.")
@click.option("--absent", is_flag=True, help="A parked document is not at its destination: you have looked, and it may be sent again.")
@click.option("--cancel", is_flag=True, help="Withdraw a document that never arrived; what it is of is proposed again.")
@with_session
def resolve_command(session: Session, identifier: str, reason: str, remote_id: str | None, absent: bool, cancel: bool) -> None:
    """End ID (an exception or a document), with the reason and your name.

    --posted and --absent are about money: another user approves what you found ('tieout approve'), and only then it counts. What can be looked up
    is looked up first. Without an option the exception is closed and nothing else; what is still wrong opens it again.
    """
    from reverse_etl.oversight.cases import case_of

    if sum((remote_id is not None, absent, cancel)) > 1:
        raise click.UsageError("--posted, --absent and --cancel exclude each other", click.get_current_context())
    installation = session.installation
    with closing(installation.open_register()) as register:
        case = case_of(register, identifier)
        if remote_id is not None or absent:
            document, delivery = _document_of(case, identifier)
            _require_not_found(session, document, delivery, absent)
            request = register.ask_to_confirm(document, remote_id, reason, installation.actor)
            session.line(f"{request.kind} of {request.subject} is {request.status}: request {request.request_id}")
            session.line(f"Another user decides it: tieout approve {request.request_id}")
            session.result({"request_id": request.request_id, "kind": request.kind, "status": request.status, "subject": request.subject})
            return
        if cancel:
            document, _ = _document_of(case, identifier)
            register.cancel(document, installation.actor, reason)
            session.line(f"{document.business_key} is cancelled: {reason}")
            session.result({"document": document.business_key, "state": "cancelled"})
            return
        closed = _close(register, case, reason, installation.actor)
    session.line(f"Resolved: {', '.join(str(entry.position) for entry in closed)}")
    session.result({"resolved": [entry.position for entry in closed]})


def _close(register: Register, case: Case, reason: str, actor: str) -> list[ExceptionRecord]:
    """Close the open exceptions of a case. Raises ``ApprovalError`` where that would leave a document behind that nobody looks at any more."""
    if case.delivery is not None and case.document is not None and case.delivery.state.value in ("parked", "rejected"):
        name = case.document.business_key
        raise ApprovalError(
            f"{name} is {case.delivery.state} and would be forgotten: say --posted REMOTE_ID, --absent or --cancel, or 'tieout exceptions retry' it"
        )
    found = [entry for entry in case.exceptions if entry.state == "open"]
    if not found:
        raise ApprovalError("there is no open exception of it; 'tieout exceptions show' tells what was")
    for entry in found:
        register.resolve_exception(entry.position, reason, actor)
    return found


def _require_not_found(session: Session, document: SealedDocument, delivery: Delivery, absent: bool) -> None:
    """What the destination can tell by itself nobody needs to assert. Raises ``ApprovalError`` for what it contradicts."""
    from reverse_etl.oversight.cases import look

    system = session.installation.open_system(document.system)
    if system.manifest.of(document.document_type).look_up_lag is None:
        return
    held = look(system, document, delivery)
    if held.problem is not None:
        raise ApprovalError(f"{document.system} can be looked up and could not be: {held.problem}; try again, or 'tieout exceptions retry' it")
    if absent and held.remote is not None:
        raise ApprovalError(f"{document.reference} is at {document.system} as {held.remote.remote_id}: 'tieout exceptions retry' finds it")
    if not absent and held.remote is None:
        raise ApprovalError(f"{document.reference} is not found at {document.system}: 'tieout exceptions retry' sends it once that is certain")


def _document_of(case: Case, identifier: str) -> tuple[SealedDocument, Delivery]:
    if case.document is None or case.delivery is None:
        raise ApprovalError(f"exception {identifier} is about no document: {case.exceptions[0].action}")
    return case.document, case.delivery


def _settled(session: Session, case: Case, report: PushReport) -> None:
    document, delivery = _document_of(case, "")
    session.line(f"{document.business_key} is {delivery.state}: {report}")
    session.result({"document": document.business_key, "state": delivery.state.value, "reason": delivery.reason, "report": asdict(report)})
    if delivery.state.value not in ("posted", "verified"):
        raise NotSettledError(f"{document.business_key} is {delivery.state}: {delivery.reason or report.withheld or 'see tieout exceptions show'}")


def _tell(session: Session, case: Case, held: Held | None, url: str | None, now: datetime, commands: tuple[str, ...]) -> None:
    document, delivery = case.document, case.delivery
    told: dict[str, Any] = {
        "exceptions": [asdict(entry) for entry in case.exceptions],
        "age": _age(case.age(now)),
        "amount_at_risk_minor": case.amount_at_risk_minor,
        "next": list(commands),
    }
    for entry in case.exceptions:
        ended = f"; resolved by {entry.resolved_by}: {entry.resolution}" if entry.state == "resolved" else ""
        session.line(f"Exception {entry.position} ({entry.kind}, {entry.state}, {entry.recorded_at:%Y-%m-%d %H:%M} UTC): {entry.reason}{ended}")
        session.line(f"  To do: {entry.action}")
    if document is not None and delivery is not None:
        told |= {"document": asdict(document), "delivery": asdict(delivery)}
        number = f" {document.number}" if document.number else ""
        amount = quantity(str(document.total_minor), document.currency, exponents())
        session.line(
            f"{document.document_type}{number} {document.business_key}, revision {document.revision}, reference {document.reference}, "
            f"of {document.posting_date}, {amount}"
        )
        at = f" as {delivery.remote_id}" if delivery.remote_id else ""
        session.line(f"It is {delivery.state} at {document.system}{at}" + (f": {delivery.reason}" if delivery.reason else ""))
        told["url"] = url
        if url is not None:
            session.line(f"See it at {url}")
        session.line(f"At risk: {quantity(str(case.amount_at_risk_minor), document.currency, exponents())}, for {told['age'] or 'no time'}")
        told["attempts"] = [_attempt(attempt) for attempt in case.attempts]
        session.table("Attempts", told["attempts"], ["at", "call", "generation", "outcome", "reason", "remote_id", "run", "request"])
        told["states"] = [{"at": f"{one.at:%Y-%m-%d %H:%M:%S}", "state": one.state.value, "reason": one.reason} for one in case.transitions]
        session.table("States", told["states"], ["at", "state", "reason"])
        told["requests"] = [asdict(request) | {"status": request.status} for request in case.requests]
        if held is not None:
            told["held"] = _tell_held(session, document.system, held)
    for command in commands:
        session.line(f"Next: {command}")
    session.result(told)


def _url(links: DocumentLinks, case: Case, held: Held | None) -> str | None:
    """Where a person sees the document: as it was found now, else as the register knows it."""
    document, delivery = case.document, case.delivery
    if document is None or delivery is None:
        return None
    remote_id = held.remote.remote_id if held is not None and held.remote is not None else delivery.remote_id
    return links.url(document.system, document.entity, document.document_type, remote_id)


def _tell_held(session: Session, system: str, held: Held) -> Mapping[str, Any]:
    if held.problem is not None:
        session.line(f"{system} could not be asked: {held.problem}")
    elif held.remote is None:
        session.line(f"{system} holds nothing under the reference")
    else:
        session.line(f"{system} holds {held.remote.remote_id} ({held.remote.status}); took effect: {', '.join(held.remote.completed) or 'nothing'}")
        for difference in held.differences:
            session.line(f"  Different: {difference}")
    return asdict(held)


def _attempt(attempt: Attempt) -> dict[str, Any]:
    from reverse_etl.transport.tracing import trace_id

    return {
        "at": f"{attempt.written_ahead_at:%Y-%m-%d %H:%M:%S}",
        "call": attempt.call_name,
        "generation": attempt.generation,
        "outcome": attempt.outcome or "unknown",
        "reason": attempt.reason,
        "remote_id": attempt.remote_id,
        "run": attempt.correlation_id,
        "trace_id": trace_id(attempt.correlation_id) if attempt.correlation_id else None,
        "idempotency_key": attempt.idempotency_key,
        "request": attempt.request.decode(errors="replace"),
    }


def _age(age: timedelta | None) -> str | None:
    if age is None:
        return None
    hours, minutes = int(age.total_seconds() // 3600), int(age.total_seconds() // 60) % 60
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"


def _list(session: Session, everything: bool, entity: str | None) -> None:
    installation = session.installation
    is_published = installation.settings.published_path.is_file()
    found = open_exceptions(installation)
    if entity is not None:
        found = {name: [record for record in records if record["entity"] == entity] for name, records in found.items()}
    for records in found.values():
        if records:
            listing = listed(records, everything)
            session.table(listing.title, listing.rows, listing.columns)
    if any(found.values()):
        session.line("As a page, by the money at risk: tieout exceptions page")
    else:
        session.line("No exceptions" if is_published else "No exceptions of documents; nothing was computed yet that could have others")
    session.result([record for records in found.values() for record in records])


def open_exceptions(installation: Installation) -> dict[str, list[dict[str, Any]]]:
    """Whatever a person must look at, by the part of the line that could not take it: kind, subject, reason and what to do of each."""
    from dagster_project.close.periods import broken_seals
    from reverse_etl.register.access.transactions import utc_now
    from reverse_etl.systems.document_links import DocumentLinks

    warehouse = installation.warehouse
    found: dict[str, list[dict[str, Any]]] = {}
    # What the register knows is told whether or not anything was computed yet.
    is_published = installation.settings.published_path.is_file()
    if is_published:
        found = {name: published(warehouse, statement) for name, statement in EXCEPTIONS.items()}
        found["breaks"] = [{**row, "reason": compared(row, exponents())} for row in found["breaks"]]
    with closing(installation.open_register()) as register:
        found["register"] = _of_register(register, DocumentLinks(installation.settings), utc_now())
    broken = broken_seals(installation, published=True) if is_published else ()
    found["seals"] = [
        {
            "kind": "broken seal",
            "subject": f"J12 {one.entity} {one.period}",
            "entity": one.entity,
            "period": one.period,
            "reason": f"{one.what}: {one.sealed} when it was closed, {one.now} now",
            "what_to_do": "find what changed it (tieout periods verify) and restore it; the next close waits",
        }
        for one in broken
    ]
    return found


def _of_register(register: Register, links: DocumentLinks, now: datetime) -> list[dict[str, Any]]:
    """The open exceptions of the register, oldest first, with the amount of what each is about."""
    entries = register.exceptions()
    positions = {entry.document_position for entry in entries if entry.document_position is not None}
    known = {document.position: (document, delivery) for document, delivery in register.deliveries(positions=sorted(positions))}
    rows = []
    for entry in entries:
        document, delivery = known.get(entry.document_position or 0, (None, None))
        rows.append(
            {
                "kind": "document",
                "id": entry.position,
                "subject": entry.subject,
                "entity": entry.entity or (document.entity if document else None),
                "period": entry.period or (document.period if document else None),
                "age": _age(now - entry.recorded_at),
                "amount_at_risk": None if document is None else quantity(str(document.total_minor), document.currency, exponents()),
                "amount_at_risk_minor": None if document is None else document.total_minor,
                "currency": None if document is None else document.currency,
                "reason": f"{entry.kind}: {entry.reason}",
                "what_to_do": entry.action,
                "reference": None if document is None else document.reference,
                "remote_id": None if delivery is None else delivery.remote_id,
                "url": None
                if document is None or delivery is None
                else links.url(document.system, document.entity, document.document_type, delivery.remote_id),
            }
        )
    return rows
