"""The steps that bring documents to their destinations and read back what these hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from dagster_project.checklist.finding import Finding, Found, Moment, close_command, delivered_groups, is_closed, summed, told, totalled
from dagster_project.checklist.standing import DocumentGroup, OpenException, Standing
from dagster_project.checklist.step import Blocker, Effect, Evidence
from dagster_project.quantities import counted
from reverse_etl.documents import State

PLATFORM_SNAPSHOT = "stripe_platform"
DIFFERENCE, UNAVAILABLE, LOST = "verification_difference", "destination_unavailable", "posted_before_restoration"
STOPPED = {
    State.REJECTED: "rejected by",
    State.PARKED: "parked: nobody knows whether they are at",
    State.AMBIGUOUS: "in doubt: their answers were lost by",
    State.IN_FLIGHT: "in doubt: a request is outstanding at",
    State.HELD: "held back from",
}
# These are resolved by the next push; the others by a person.
PUSHED = (State.AMBIGUOUS, State.IN_FLIGHT)
KIND_OF_STATE = {State.REJECTED: "document_rejected", State.PARKED: "document_parked", State.HELD: "posting_period_closed"}


def billing_delivered(standing: Standing, moment: Moment, found: Found) -> Finding:
    """Every billing document is at the platform, and is what was sealed."""
    return _delivered(standing, billing=True, is_sealed=found["billing_sealed"].is_done)


def journals_delivered(standing: Standing, moment: Moment, found: Found) -> Finding:
    """Every journal entry is in the ledger, and is what was sealed."""
    return _delivered(standing, billing=False, is_sealed=found["journals_sealed"].is_done)


def platform_read(standing: Standing, moment: Moment, found: Found) -> Finding:
    """What the billing platform rates it has invoiced, and that was read."""
    if not standing.platform_lines:
        return Finding(found["billing_sealed"].is_done, (Evidence("rated by the platform", "nothing"),), done_at=found["billing_sealed"].done_at)
    read = next((one for one in standing.read_backs if one.system == PLATFORM_SNAPSHOT), None)
    evidence = [Evidence("rated by the platform", counted(standing.platform_lines, "line"))]
    if read is not None:
        evidence.append(Evidence("read", f"{counted(read.documents, 'document')}, {told(read.completed_at)}"))
    if is_closed(standing):
        return Finding(True, tuple(evidence), done_at=read.completed_at if read else None)
    blockers = []
    if standing.not_invoiced:
        what = f"{counted(standing.not_invoiced, 'line')} not invoiced by the platform yet; close again once it has"
        command = close_command(standing)
        blockers.append(Blocker(what, Effect.STOPS, command, "read_back/platform", standing.not_invoiced, standing.not_invoiced_amounts))
    if read is None or read.completed_at < moment.since:
        blockers.append(Blocker("what the platform issued is not read yet", Effect.TO_DO, close_command(standing), "read_back/platform"))
    return Finding(not blockers, tuple(evidence), tuple(blockers), read.completed_at if read else None)


def read_back(standing: Standing, moment: Moment, found: Found) -> Finding:
    """What the destinations hold was read after the last document had taken effect there."""
    evidence: list[Evidence] = []
    blockers: list[Blocker] = []
    moments: list[datetime] = []
    for system in (standing.billing, *([standing.ledger] if standing.ledger else [])):
        read = next((one for one in standing.read_backs if one.system == system), None)
        posted = max((group.posted_at for group in standing.documents if group.system == system and group.posted_at is not None), default=None)
        if read is not None:
            moments.append(read.completed_at)
            evidence.append(Evidence(system, f"{counted(read.documents, 'document')}, read {told(read.completed_at)}"))
        if read is None or (read.completed_at < moment.since and not is_closed(standing)):
            blockers.append(Blocker(f"{system} was not read back since", Effect.TO_DO, close_command(standing), "raw/read_backs"))
        elif posted is not None and read.completed_at < posted:
            what = f"{system} was read {told(read.completed_at)}, before the last document took effect there {told(posted)}"
            blockers.append(Blocker(what, Effect.TO_DO, close_command(standing), "raw/read_backs"))
    if standing.ledger is None:
        what = f"{standing.entity} has no master data, so no ledger"
        blockers.append(Blocker(what, Effect.STOPS, "tieout land", "raw/legal_entities"))
    # What is posted into a closed period by a decision of two people is read by the next close of the entity.
    is_done = not blockers or is_closed(standing)
    left = tuple(Evidence("not read since", blocker.what) for blocker in blockers) if is_done else ()
    return Finding(is_done, (*evidence, *left), tuple(blockers), max(moments, default=None))


def _undelivered(standing: Standing, groups: Sequence[DocumentGroup], exceptions: Sequence[OpenException]) -> Iterator[Blocker]:
    """What of these documents is not where it belongs, by destination and state."""
    for system in sorted({group.system for group in groups}):
        own = [group for group in groups if group.system == system]
        push = f"tieout push {standing.period} --entity {standing.entity} --destination {system}"
        for state, words in STOPPED.items():
            stopped = [group for group in own if group.state is state]
            if stopped:
                count = sum(group.documents for group in stopped)
                listed = [one for one in exceptions if one.system == system and one.kind == KIND_OF_STATE.get(state)]
                reason = f", the first: {listed[0].reason}" if listed else ""
                command = push if state in PUSHED else f"tieout exceptions show {listed[0].identifier}" if len(listed) == 1 else "tieout exceptions"
                yield _blocker(f"{counted(count, 'document')} {words} {system}{reason}", Effect.STOPS, command, system, count, stopped)
        pending = [group for group in own if group.state is State.PENDING]
        if pending:
            yield _waiting(standing, system, pending, exceptions, push)


def _delivered(standing: Standing, billing: bool, is_sealed: bool) -> Finding:
    groups = delivered_groups(standing, billing)
    own = [one for one in standing.exceptions if (one.system == standing.billing) == billing]
    blockers = [*_undelivered(standing, groups, own), *_differences(own)]
    evidence = [Evidence(system, _states(groups, system)) for system in sorted({group.system for group in groups})]
    posted = max((group.posted_at for group in groups if group.posted_at is not None), default=None)
    is_done = is_sealed and not blockers
    return Finding(is_done, tuple(evidence) or (Evidence("delivered", "nothing to deliver"),), tuple(blockers), posted)


def _differences(exceptions: Sequence[OpenException]) -> Iterator[Blocker]:
    """What is at a destination and is not what was sealed."""
    for kind, words in ((DIFFERENCE, "differ from what was sealed"), (LOST, "are there that a restored register does not know")):
        for system in sorted({one.system for one in exceptions if one.kind == kind}):
            found = [one for one in exceptions if one.kind == kind and one.system == system]
            command = f"tieout exceptions show {found[0].identifier}" if len(found) == 1 else "tieout exceptions"
            what = f"{counted(len(found), 'document')} at {system} {words}, the first: {found[0].reason}"
            yield Blocker(what, Effect.STOPS, command, f"delivery/{system}", len(found), summed(one.total for one in found if one.total))


def _waiting(standing: Standing, system: str, pending: Sequence[DocumentGroup], exceptions: Sequence[OpenException], push: str) -> Blocker:
    count = sum(group.documents for group in pending)
    documents = counted(count, "document")
    withheld = next((one for one in standing.withheld if one.system == system), None)
    if withheld is not None:
        until = f" until {told(withheld.until)}" if withheld.until else ""
        command = f"tieout destinations mode {system} normal --reason WHY" if withheld.until is None else push
        return _blocker(f"{documents} wait, nothing is sent to {system}{until}: {withheld.reason}", Effect.STOPS, command, system, count, pending)
    down = next((one for one in exceptions if one.kind == UNAVAILABLE and one.system == system), None)
    if down is not None:
        return _blocker(f"{documents} wait, {system} could not be reached: {down.reason}", Effect.STOPS, push, system, count, pending)
    behind = next((one for one in exceptions if one.kind == "dependency_not_posted" and one.system == system), None)
    if behind is not None:
        command = f"tieout exceptions show {behind.identifier}"
        return _blocker(
            f"{documents} wait at {system}, {behind.subject} for another one: {behind.reason}", Effect.STOPS, command, system, count, pending
        )
    return _blocker(f"{documents} to be sent to {system}", Effect.TO_DO, push, system, count, pending)


def _blocker(what: str, effect: Effect, command: str, system: str, count: int, groups: Sequence[DocumentGroup]) -> Blocker:
    return Blocker(what, effect, command, f"delivery/{system}", count, summed(group.total for group in groups))


def _states(groups: Sequence[DocumentGroup], system: str) -> str:
    """By type, for an invoice and a credit memo do not add up to anything."""
    own = [group for group in groups if group.system == system]
    found = []
    for document_type, state in sorted({(group.document_type, group.state.value) for group in own}):
        alike = [group for group in own if (group.document_type, group.state.value) == (document_type, state)]
        found.append(f"{totalled(document_type, sum(group.documents for group in alike), (group.total for group in alike))} {state}")
    return ", ".join(found)
