"""The register: the one durable store of what was issued, delivered and decided."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from reverse_etl.crash_points import CrashPoint, crash_point
from reverse_etl.documents import OutboxRow, SealedDocument, State
from reverse_etl.errors import RegisterError
from reverse_etl.register import audit, corrections, deliveries, exceptions, periods, reads, schema
from reverse_etl.register.access.decisions import Decisions
from reverse_etl.register.access.exceptions import Exceptions
from reverse_etl.register.access.periods import Periods
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.register.anchors import Anchor, Measured, measure
from reverse_etl.register.audit import AuditReport, Seen
from reverse_etl.register.deliveries import DeliveryTransaction
from reverse_etl.register.log import FIRST_HASH, LogWriter, from_text, verify_chain
from reverse_etl.register.reads import Filters
from reverse_etl.register.records.deliveries import Attempt, Delivery, DocumentEntry, Lane, SealReport, Standing, Transition, WaitingDocuments
from reverse_etl.register.records.exceptions import NewException
from reverse_etl.register.records.history import ChainReport, Restoration
from reverse_etl.register.records.periods import PeriodDocuments
from reverse_etl.register.sealing import seal_rows
from reverse_etl.register.store import open_store
from reverse_etl.register.store.migrations import NEWEST, bring_up_to_date

SEAL_REFUSED = "seal_refused"
REFUSAL_ACTIONS = {
    "stale_head": "mirror the register, build the warehouse again and seal what it proposes then",
    "wrong_incarnation": "mirror the register (this rebuilds it), build the warehouse again and seal what it proposes then",
    "closed_period": "build again so that it is proposed for the first open period, or reopen the period",
    "not_approved": "have the decision approved ('tieout approvals'), build again and seal what it proposes then",
    "contract": "correct the input or the model that produced it, then build and seal again",
}


class Register(Periods, Decisions, Exceptions):
    """Opened with ``Register.open(url)``; safe to share between threads. Every method is one transaction, HTTP never happens inside.

    Every method raises ``RegisterError`` when the store cannot be read or written (disk full, read-only, locked for 30 s, not reachable);
    the next call tries anew.
    """

    @classmethod
    def open(cls, url: str, clock: Callable[[], datetime] = utc_now) -> Register:
        """Open the register of a URL (``sqlite:///<path>``, ``postgresql+psycopg://<user>@<host>/<database>``), create what does not exist yet,
        and bring an older one up to date.

        Raises:
            RegisterError: it was written by a newer version, or the store is not durable or not reachable.
        """
        register = cls(open_store(url), clock)
        bring_up_to_date(register._store, register._found)
        return register

    def close(self) -> None:
        self._store.close()

    @property
    def url(self) -> str:
        """Where it is kept, without any secret."""
        return self._store.url

    def weaknesses(self) -> tuple[str, ...]:
        """Settings of the store that a power cut could turn into a loss, each with what to do."""
        return self._store.weaknesses()

    # Identity of the register

    @property
    def incarnation(self) -> str:
        with self._reading() as connection:
            return str(connection.scalar(select(schema.register.c.incarnation)))

    @property
    def position(self) -> int:
        with self._reading() as connection:
            return int(connection.scalar(select(schema.register.c.position)) or 0)

    @property
    def was_restored(self) -> bool:
        """Whether the destinations may hold documents this register does not know of: look up before the first send."""
        with self._reading() as connection:
            return int(connection.scalar(select(schema.register.c.incarnation_number)) or 0) > 1

    @property
    def restoration(self) -> Restoration | None:
        """When this register was last taken into use as a backup, and since which epoch of its lanes what is sent is known; None if it never was."""
        with self._reading() as connection:
            number = int(connection.scalar(select(schema.register.c.incarnation_number)) or 0)
            if number <= 1:
                return None
            statement = select(schema.log.c.at).join(schema.incarnations, schema.incarnations.c.position == schema.log.c.position)
            at = connection.scalar(statement.order_by(schema.log.c.position.desc()).limit(1))
        return Restoration(from_text(str(at)), deliveries.first_epoch(number))

    def renew_incarnation(self, actor: str, reason: str) -> str:
        """Declare that this register was restored from a backup: mirrors are rebuilt and destinations swept before anything is sent."""
        with self._writing(actor) as writer:
            return self._renew(writer, reason)

    def renew_if_contradicted(self, actor: str, seen: Sequence[Seen]) -> str | None:
        """Renew the incarnation if the register cannot be the one that was seen, grown since; the reason, or None."""
        with self._reading() as connection:
            if not any(audit.contradiction(connection, one) for one in seen):
                return None
        with self._writing(actor) as writer:
            # Asked again under the lock: another push may have been faster.
            reason = next((found for one in seen if (found := audit.contradiction(writer.connection, one))), None)
            if reason is not None:
                self._renew(writer, reason)
            return reason

    def seen(self) -> Seen:
        """What to remember of the register elsewhere, to know an older one by it."""
        with self._reading() as connection:
            return audit.seen_now(connection)

    def measured(self) -> Measured:
        """Where the register stands, as an anchor records it."""
        with self._reading() as connection:
            return measure(connection, self._clock())

    def audit(self, anchors: Sequence[Anchor] = (), told_by: str = "the anchor") -> AuditReport:
        """Recompute the chain, the deliveries, the numbers and the seals of closed periods, and compare with anchors, in one consistent read."""
        with self._reading() as connection:
            return audit.audit(connection, anchors, told_by)

    def verify_chain(self) -> ChainReport:
        """Recompute the SHA-256 chain over all facts."""
        with self._reading() as connection:
            return verify_chain(connection)

    # Documents

    def seal(self, rows: Sequence[OutboxRow], actor: str, correlation_id: str) -> SealReport:
        """Seal what may be sealed, in one transaction; a refused row is reported and recorded as an exception."""
        crash_point(CrashPoint.BEFORE_SEAL_COMMIT)
        with self._writing(actor, correlation_id) as writer:
            report = seal_rows(writer, rows)
            exceptions.record(
                writer,
                [
                    NewException(
                        kind=SEAL_REFUSED,
                        subject=str(refusal.row.business_key),
                        reason=f"{refusal.code}: {refusal.reason}",
                        action=REFUSAL_ACTIONS[refusal.code],
                        entity=refusal.row.entity,
                        period=refusal.row.period,
                    )
                    for refusal in report.refused
                ],
            )
            standing = sorted(
                {document.business_key for document in (*report.sealed, *report.unchanged)} - {r.row.business_key for r in report.refused}
            )
            exceptions.resolve_open(writer, [SEAL_REFUSED], standing, "sealed")
            crash_point(CrashPoint.INSIDE_SEAL_COMMIT)
        crash_point(CrashPoint.AFTER_SEAL_COMMIT)
        return report

    def documents(self, **filters: Any) -> list[SealedDocument]:
        """Sealed documents by position. Filters: system, entity, period, document_type, states, business_key, number, reference,
        positions.
        """
        return [document for document, _ in self.deliveries(**filters)]

    def deliveries(self, **filters: Any) -> list[tuple[SealedDocument, Delivery]]:
        """The same documents with where each stands."""
        with self._reading() as connection:
            return reads.documents(connection, Filters(**filters))

    def positions(self, **filters: Any) -> Sequence[int]:
        """The positions of the same documents, in order."""
        with self._reading() as connection:
            return reads.positions(connection, Filters(**filters))

    def states(self, positions: Sequence[int]) -> list[tuple[str, State]]:
        """Document type and state of the documents at these positions."""
        with self._reading() as connection:
            return reads.states(connection, Filters(positions=positions))

    def documents_since(self, position: int) -> list[DocumentEntry]:
        with self._reading() as connection:
            return reads.documents_since(connection, position)

    def transitions_since(self, position: int) -> list[Transition]:
        with self._reading() as connection:
            return reads.transitions_since(connection, position)

    def transitions(self, document: SealedDocument) -> list[Transition]:
        with self._reading() as connection:
            return reads.transitions_of(connection, document.position)

    def attempts(self, document: SealedDocument) -> list[Attempt]:
        with self._reading() as connection:
            return reads.attempts(connection, document.position)

    def totals(self, system: str, entity: str, period: str | None = None) -> Mapping[tuple[str, State, str], tuple[int, int]]:
        """(document type, state, currency) -> number of documents and their total in minor units."""
        with self._reading() as connection:
            return reads.totals(connection, Filters(system=system, entity=entity, period=period))

    def counts(self) -> Mapping[tuple[str, str, str, State], int]:
        """(system, entity, document type, state) -> number of documents."""
        with self._reading() as connection:
            return deliveries.counts_by_state(connection)

    def waiting(self, states: Sequence[State]) -> list[WaitingDocuments]:
        """Documents in some states by lane, period, state and currency, with the age of the oldest."""
        with self._reading() as connection:
            return reads.waiting(connection, states)

    def period_documents(self, entity: str, period: str) -> list[PeriodDocuments]:
        """The documents of a legal entity and period by destination, type, state and currency."""
        with self._reading() as connection:
            return reads.period_documents(connection, entity, period)

    def sealed_at(self, positions: Sequence[int]) -> dict[int, datetime]:
        """When documents were sealed, by position."""
        with self._reading() as connection:
            return reads.sealed_at(connection, positions)

    def requeue(self, document: SealedDocument, actor: str, reason: str) -> None:
        """Let a person send a rejected document again, or have a parked one resolved again.

        Raises:
            RegisterError: the document is neither rejected nor parked.
        """
        with self._writing(actor) as writer:
            before = self._one_delivery(writer, document)
            if before.state is State.REJECTED:
                # The refusal proved that nothing happened, so a new key is safe; what took effect before it stays taken.
                after = replace(before, state=State.PENDING, generation=before.generation + 1, first_written_at=None, next_attempt_at=None)
            elif before.state is State.PARKED:
                after = replace(before, state=State.AMBIGUOUS, doubt=True, resolutions=0, next_attempt_at=None)
            else:
                raise RegisterError(f"{document.business_key} is {before.state}; only rejected and parked documents can be sent or resolved again")
            self._save(writer, before, replace(after, reason=reason))
            exceptions.resolve_open(writer, ["document_rejected", "document_parked"], [document.business_key], reason)

    def cancel(self, document: SealedDocument, actor: str, reason: str) -> None:
        """Withdraw a document that never reached its destination. Its number stays and passes to what replaces it; a soft closed period is
        sealed anew without it. A reversal takes its repost with it.

        Raises:
            RegisterError: it was or may have been sent.
            PeriodError: its period is hard closed, or not what was sealed.
        """
        with self._writing(actor) as writer:
            # Half of a correction would leave the books without what it corrects.
            for one in corrections.together(writer.connection, document):
                before = self._one_delivery(writer, one)
                untouched = before.remote_id is None and not before.completed and not before.doubt and before.written_ahead_at is None
                if before.state not in (State.PENDING, State.HELD, State.REJECTED) or not untouched:
                    raise RegisterError(
                        f"{one.business_key} is {before.state} and may be at its destination; only what was proven never to arrive can be cancelled"
                    )
                periods.require_changeable(writer.connection, one.entity, one.period)
                self._save(writer, before, replace(before, state=State.CANCELLED, reason=reason))
                periods.renew_seal(writer, one.entity, one.period)
                exceptions.resolve_open(writer, ["document_rejected"], [one.business_key], reason)

    # Delivery: for the poster

    def hold_lane(self, system: str, entity: str, holder: str) -> AbstractContextManager[None]:
        """Keep posters of other machines out of the lane for as long as this process lives. Raises ``LaneBusyError`` at once."""
        return self._store.lane(system, entity, holder)

    def claim_lane(self, system: str, entity: str, holder: str) -> Lane:
        with self._writing(holder) as writer:
            return deliveries.claim_lane(writer, system, entity, holder)

    @contextmanager
    def delivering(self, lane: Lane, correlation_id: str = "") -> Iterator[DeliveryTransaction]:
        """One write transaction in which a poster records what it is about to do or what came of it."""
        with self._writing(lane.holder, correlation_id) as writer:
            transaction = DeliveryTransaction(writer, lane)
            yield transaction
            transaction.flush()

    def replies(self, positions: Sequence[int]) -> dict[int, dict[str, Mapping[str, Any]]]:
        """Document position -> call name -> reply, of the calls that took effect."""
        with self._reading() as connection:
            return deliveries.recorded_replies(connection, positions)

    def standings(self, business_keys: Sequence[str]) -> dict[str, list[Standing]]:
        """Business key -> every document sealed under it with where it stands, by position."""
        with self._reading() as connection:
            return deliveries.standings(connection, business_keys)

    def requests(self, positions: Sequence[int]) -> dict[tuple[int, str, int], bytes]:
        """(document position, call name, generation) -> the bytes first written ahead, which a resend repeats."""
        with self._reading() as connection:
            return deliveries.stored_requests(connection, positions)

    # Within

    def _found(self, connection: Connection) -> None:
        incarnation = str(uuid.uuid4())
        row = {"id": 1, "schema_version": NEWEST, "incarnation": incarnation, "incarnation_number": 1, "position": 0, "head_hash": FIRST_HASH}
        connection.execute(insert(schema.register), [row])
        writer = LogWriter(connection, self._clock(), "tieout", "")
        writer.append("incarnation", incarnation=incarnation, reason="created")
        writer.flush()

    def _renew(self, writer: LogWriter, reason: str) -> str:
        fresh = str(uuid.uuid4())
        writer.append("incarnation", incarnation=fresh, reason=reason)
        number = int(writer.connection.scalar(select(schema.register.c.incarnation_number)) or 0)
        writer.connection.execute(update(schema.register).values(incarnation=fresh, incarnation_number=number + 1))
        return fresh
