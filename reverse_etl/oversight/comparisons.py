"""What the destinations hold now against what is sealed, document by document and line by line. Reads only: neither side is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reverse_etl.documents import SealedDocument, State
from reverse_etl.oversight.replays import Work, chosen
from reverse_etl.posting.protocol.dependencies import Dependencies
from reverse_etl.posting.protocol.effects import look_up_size
from reverse_etl.posting.sending import differences_of
from reverse_etl.progress import Course
from reverse_etl.register import Delivery, Register
from reverse_etl.register.contract import JOURNAL_ENTRY, MASTER_DATA
from reverse_etl.register.records.deliveries import REVERSAL, REVERSED_REFERENCE
from reverse_etl.systems.contract import RemoteDocument, System
from reverse_etl.systems.journal_entries import leading_reference

MISSING, DIFFERENT, DRAFT, DUPLICATE, UNRECORDED, EXTRA = "missing", "different", "draft", "duplicate", "unrecorded", "extra"
MEANINGS = {
    MISSING: "delivered, and not there",
    DIFFERENT: "there, and not as it was sealed",
    DRAFT: "there, and not finished",
    DUPLICATE: "there more than once",
    UNRECORDED: "there, and not recorded as delivered",
    EXTRA: "there under a reference of ours that the register does not know, or has cancelled",
}
DELIVERED = (State.POSTED, State.VERIFIED, State.REVERSED)


@dataclass(frozen=True, slots=True)
class Difference:
    """One document that is not the same on both sides; ``details``: every line, amount, account or date that differs."""

    kind: str
    reference: str
    document: SealedDocument | None
    remote_id: str | None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One destination, entity and period. ``compared``: sealed documents that were looked up; ``unverifiable``: of a type that cannot be.

    ``foreign``: documents of the period that are not ours. ``is_ledger``: it takes journal entries.
    """

    system: str
    entity: str
    period: str
    compared: int
    unverifiable: int
    foreign: int
    is_ledger: bool
    differences: tuple[Difference, ...]

    @property
    def ties(self) -> bool:
        return not self.differences

    def checkpoints(self) -> Mapping[str, str]:
        """What the checkpoints of a close would say: of a ledger K7 (posted to ledger) and K8 (ledger to sealed), of a billing system K4."""
        if not self.is_ledger:
            return {"K4": _says(self.differences, MEANINGS)}
        entries = [one for one in self.differences if one.document is None or one.document.document_type == JOURNAL_ENTRY]
        several = "entries" if self.foreign > 1 else "entry"
        foreign = f" for what is ours; {self.foreign} {several} of others ('tieout exceptions' names what is not listed)" if self.foreign else ""
        return {
            "K7": _says(entries, (MISSING, DIFFERENT, DRAFT, DUPLICATE, UNRECORDED)),
            "K8": _says(entries, (EXTRA, DUPLICATE, DRAFT, DIFFERENT)) + foreign,
        }


def _says(differences: Sequence[Difference], kinds: Collection[str]) -> str:
    count = sum(one.kind in kinds for one in differences)
    return f"breaks: {count} documents" if count else "ties"


def compare(register: Register, system: System, entity: str, period: str) -> Comparison:
    """Read a destination now and compare it with the register.

    Raises:
        DestinationError: it cannot be read.
    """
    name, manifest = system.manifest.system, system.manifest
    work = _of_period(register, name, entity, period)
    verifiable = [entry for entry in work if manifest.of(entry[0].document_type).look_up_lag is not None]
    remote = _looked_up(register, system, verifiable)
    found = [
        difference for document, delivery in verifiable for difference in _differences(system, document, delivery, remote.get(document.reference))
    ]
    extra, foreign = _strangers(register, system, entity, period)
    return Comparison(
        name, entity, period, len(verifiable), len(work) - len(verifiable), foreign, JOURNAL_ENTRY in manifest.document_types, (*found, *extra)
    )


def _of_period(register: Register, system: str, entity: str, period: str) -> Work:
    """What should be there, or may be, of the period. What is reversed stays there beside its reversal; what has vanished has none."""
    reversals = register.documents(system=system, entity=entity, cause=REVERSAL)
    taken_back = {reversal.payload[REVERSED_REFERENCE] for reversal in reversals}
    reversed_documents = register.deliveries(system=system, entity=entity, period=period, states=[State.REVERSED])
    work = chosen(register, system=system, entity=entity, period=period)
    work += [(document, delivery) for document, delivery in reversed_documents if document.reference in taken_back]
    return sorted(work, key=lambda entry: entry[0].position)


def _looked_up(register: Register, system: System, work: Work) -> dict[str, RemoteDocument]:
    hints = Dependencies(register, [document for document, _ in work]).hints
    found: dict[str, RemoteDocument] = {}
    course = Course(f"{system.manifest.system}, looked up", len(work))
    for some in _batches(work, look_up_size(system.manifest)):
        documents = [document for document, _ in some]
        known = {document.reference: delivery.remote_id for document, delivery in some if delivery.remote_id}
        found.update(system.look_up(documents, hints(documents) | known))
        course.advance(len(documents))
    return found


def _batches(work: Work, size: int) -> Iterator[Work]:
    """By document type, as a look-up takes them."""
    by_type: dict[str, Work] = {}
    for entry in work:
        by_type.setdefault(entry[0].document_type, []).append(entry)
    for entries in by_type.values():
        yield from (entries[start : start + size] for start in range(0, len(entries), size))


def _differences(system: System, document: SealedDocument, delivery: Delivery, remote: RemoteDocument | None) -> Iterator[Difference]:
    delivered = delivery.state in DELIVERED
    if remote is None:
        if delivered:
            yield Difference(MISSING, document.reference, document, delivery.remote_id)
        return
    calls = system.call_names(document)
    unfinished = [call for call in calls if call not in remote.completed]
    if remote.duplicates:
        yield Difference(DUPLICATE, document.reference, document, remote.remote_id, tuple(f"also {other}" for other in remote.duplicates))
    if unfinished:
        details = (f"it is {remote.status}: {', '.join(unfinished)} has not taken effect", f"the register says {delivery.state}")
        yield Difference(DRAFT, document.reference, document, remote.remote_id, details)
    elif not delivered and document.document_type not in MASTER_DATA:
        yield Difference(UNRECORDED, document.reference, document, remote.remote_id, (f"the register says {delivery.state}",))
    elif delivered and (differences := differences_of(system, document, remote)):
        yield Difference(DIFFERENT, document.reference, document, remote.remote_id, differences)


def _strangers(register: Register, system: System, entity: str, period: str) -> tuple[list[Difference], int]:
    """What the destination holds in the period that no look-up by our references would find."""
    extra: dict[str, Difference] = {}
    foreign: set[str] = set()
    for _, record in system.read_back(entity, period):
        if "reference" not in record:
            continue
        reference, remote_id = record["reference"], str(record.get("remote_id"))
        ours = leading_reference(str(reference)) if reference else None
        if ours is None:
            foreign.add(remote_id)
        elif ours not in extra and not _is_known(register, ours):
            extra[ours] = Difference(EXTRA, ours, None, remote_id, (f"status {record.get('status') or record.get('state')}",))
    return list(extra.values()), len(foreign)


def _is_known(register: Register, reference: str) -> bool:
    return any(delivery.state is not State.CANCELLED for _, delivery in register.deliveries(reference=reference))


def summary(comparisons: Sequence[Comparison]) -> Mapping[str, int]:
    """How many differences there are of each kind."""
    return {kind: sum(one.kind == kind for comparison in comparisons for one in comparison.differences) for kind in MEANINGS}
