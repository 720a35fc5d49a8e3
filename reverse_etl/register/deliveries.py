"""Where each document stands: the delivery projection, attempts, results and lanes. The protocol decides, this stores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from reverse_etl.documents import SealedDocument, State, canonical_json, sha256_hex
from reverse_etl.errors import LaneBusyError, RegisterError
from reverse_etl.register import schema
from reverse_etl.register.exceptions import record, resolve_open
from reverse_etl.register.log import LogWriter, from_text, to_text
from reverse_etl.register.periods import status_of
from reverse_etl.register.records.deliveries import REVERSED_REFERENCE, Delivery, Lane, Standing
from reverse_etl.register.records.exceptions import NewException

EPOCHS_PER_INCARNATION = 1_000_000
LEADS_TO: Mapping[State, tuple[State, ...]] = {
    State.POSTED: (State.POSTED, State.VERIFIED, State.REVERSED),
    State.VERIFIED: (State.VERIFIED, State.REVERSED),
    State.REVERSED: (State.REVERSED,),
}
"""What a delivered document may become, whoever says so."""
TOOK_EFFECT = ("succeeded", "found")


def load_delivery(row: Mapping[Any, Any]) -> Delivery:
    return Delivery(
        document_position=row["document_position"],
        state=State(row["state"]),
        generation=row["generation"],
        completed=tuple(json.loads(row["completed"])),
        written_ahead_at=_instant(row["written_ahead_at"]),
        first_written_at=_instant(row["first_written_at"]),
        doubt=row["doubt"],
        resend_exhausted=row["resend_exhausted"],
        believable_at=_instant(row["believable_at"]),
        resolutions=row["resolutions"],
        next_attempt_at=_instant(row["next_attempt_at"]),
        remote_id=row["remote_id"],
        remote_number=row["remote_number"],
        epoch=row["epoch"],
        reason=row["reason"],
        posted_at=_instant(row["posted_at"]),
    )


def save_delivery(delivery: Delivery, position: int | None = None) -> dict[str, Any]:
    return {
        "document_position": delivery.document_position if position is None else position,
        "state": delivery.state.value,
        "generation": delivery.generation,
        "completed": json.dumps(delivery.completed),
        "written_ahead_at": _text(delivery.written_ahead_at),
        "first_written_at": _text(delivery.first_written_at),
        "doubt": delivery.doubt,
        "resend_exhausted": delivery.resend_exhausted,
        "believable_at": _text(delivery.believable_at),
        "resolutions": delivery.resolutions,
        "next_attempt_at": _text(delivery.next_attempt_at),
        "remote_id": delivery.remote_id,
        "remote_number": delivery.remote_number,
        "epoch": delivery.epoch,
        "reason": delivery.reason,
        "posted_at": _text(delivery.posted_at),
    }


def first_epoch(incarnation_number: int) -> int:
    """Epochs of different incarnations never meet, so that a backup knows what was written ahead before it was restored."""
    return (incarnation_number - 1) * EPOCHS_PER_INCARNATION + 1


def delivery_hash(delivery: Delivery) -> str:
    """Stands for where a document stands at its destination."""
    return sha256_hex(canonical_json(save_delivery(delivery)))


def claim_lane(writer: LogWriter, system: str, entity: str, holder: str) -> Lane:
    """Take the lane over under the next epoch; whoever held it before can no longer write ahead."""
    table = schema.lanes
    before = writer.connection.scalar(select(table.c.epoch).where(table.c.system == system, table.c.entity == entity))
    number = int(writer.connection.scalar(select(schema.register.c.incarnation_number)) or 1)
    epoch = max((before or 0) + 1, first_epoch(number))
    values = {"system": system, "entity": entity, "epoch": epoch, "holder": holder}
    if before is None:
        writer.connection.execute(insert(table), [values])
    else:
        writer.connection.execute(update(table).where(table.c.system == system, table.c.entity == entity).values(epoch=epoch, holder=holder))
    return Lane(system, entity, epoch, holder)


class DeliveryTransaction:
    """One write transaction of a poster. ``now`` is taken inside it; ``owned`` says whether the lane's epoch is still ours."""

    def __init__(self, writer: LogWriter, lane: Lane) -> None:
        self._writer = writer
        self._lane = lane
        self.now: datetime = writer.now
        table = schema.lanes
        self.epoch = writer.connection.scalar(select(table.c.epoch).where(table.c.system == lane.system, table.c.entity == lane.entity))
        self.owned = self.epoch == lane.epoch
        self._statuses: dict[tuple[str, str], str] = {}
        self._saved: dict[int, Delivery] = {}

    def require_ownership(self) -> None:
        """Raises ``LaneBusyError`` when another poster has taken the lane since."""
        if not self.owned:
            raise LaneBusyError(
                f"{self._lane.system}/{self._lane.entity}: epoch {self._lane.epoch} was superseded by {self.epoch}; let that poster finish"
            )

    def period_status(self, entity: str, period: str) -> str:
        """open, soft_closed or hard_closed."""
        key = (entity, period)
        if key not in self._statuses:
            self._statuses[key] = status_of(self._writer.connection, entity, period)
        return self._statuses[key]

    def deliveries(self, positions: Sequence[int]) -> dict[int, Delivery]:
        table = schema.deliveries
        found: dict[int, Delivery] = {}
        for start in range(0, len(positions), 500):
            rows = self._writer.connection.execute(select(table).where(table.c.document_position.in_(positions[start : start + 500]))).mappings()
            found.update({row["document_position"]: load_delivery(row) for row in rows})
        return found

    def save(self, before: Delivery, after: Delivery) -> None:
        """Store the delivery; a change of state, remote id or number is a transition of the log.

        Raises:
            RegisterError: what is posted or verified would become anything but verified or reversed.
        """
        if before == after:
            return
        if after.state not in LEADS_TO.get(before.state, (after.state,)):
            raise RegisterError(f"document {after.document_position} is {before.state} and cannot become {after.state}: what is posted stays posted")
        if (before.state, before.remote_id, before.remote_number) != (after.state, after.remote_id, after.remote_number):
            self._writer.append(
                "transition",
                document_position=after.document_position,
                state=after.state.value,
                remote_id=after.remote_id,
                remote_number=after.remote_number,
                reason=after.reason,
            )
        self._saved[after.document_position] = after

    def reverse(self, reversal: SealedDocument) -> dict[int, tuple[str, Delivery]]:
        """A reversal is posted: what it takes back is reversed. Returns its business key and new delivery by position."""
        document, delivery = schema.documents, schema.deliveries
        statement = (
            select(delivery, document.c.business_key)
            .join(document, document.c.position == delivery.c.document_position)
            .where(document.c.reference == reversal.payload[REVERSED_REFERENCE], document.c.entity == reversal.entity)
        )
        reversed_now: dict[int, tuple[str, Delivery]] = {}
        for row in self._writer.connection.execute(statement).mappings().all():
            before = self._saved.get(row["document_position"], load_delivery(row))
            if before.state in (State.POSTED, State.VERIFIED):
                after = replace(before, state=State.REVERSED, reason=f"reversed by {reversal.reference}")
                self.save(before, after)
                reversed_now[after.document_position] = (row["business_key"], after)
        return reversed_now

    def append_call(self, document: SealedDocument, call_name: str, generation: int, key: str, request: bytes) -> int:
        return self._writer.append(
            "call",
            document_position=document.position,
            call_name=call_name,
            generation=generation,
            idempotency_key=key,
            request=request,
            epoch=self._lane.epoch,
        )

    def append_result(
        self,
        document_position: int,
        call_name: str,
        generation: int,
        outcome: str,
        *,
        call_position: int | None = None,
        reason: str | None = None,
        remote_id: str | None = None,
        reply: Mapping[str, Any] | None = None,
    ) -> None:
        """``outcome``: succeeded, not_executed, rejected, ambiguous, not_sent, or found (by a look-up)."""
        self._writer.append(
            "call_result",
            document_position=document_position,
            call_position=call_position,
            call_name=call_name,
            generation=generation,
            outcome=outcome,
            reason=reason,
            remote_id=remote_id,
            reply=None if reply is None else canonical_json(reply).decode(),
        )

    def record_exception(self, exception: NewException) -> None:
        record(self._writer, [exception])

    def resolve_exceptions(self, kinds: Sequence[str], subjects: Sequence[str], resolution: str) -> None:
        resolve_open(self._writer, kinds, subjects, resolution)

    def flush(self) -> None:
        """Write what was collected; called by the register before it commits."""
        self._writer.flush()
        if self._saved:
            columns = [column.name for column in schema.deliveries.columns if column.name != "document_position"]
            table = schema.deliveries
            statement = (
                update(table)
                .where(table.c.document_position == bindparam("saved_position"))
                .values({name: bindparam(f"new_{name}") for name in columns})
            )
            self._writer.connection.execute(statement, [self._parameters(delivery) for delivery in self._saved.values()])

    def _parameters(self, delivery: Delivery) -> dict[str, Any]:
        values = save_delivery(delivery)
        position = values.pop("document_position")
        return {"saved_position": position, **{f"new_{name}": value for name, value in values.items()}}


def recorded_replies(connection: Connection, positions: Sequence[int]) -> dict[int, dict[str, Mapping[str, Any]]]:
    """Document position -> call name -> reply, of the calls that took effect."""
    table = schema.call_results
    replies: dict[int, dict[str, Mapping[str, Any]]] = {}
    for start in range(0, len(positions), 500):
        some = positions[start : start + 500]
        statement = select(table).where(table.c.document_position.in_(some), table.c.outcome.in_(TOOK_EFFECT)).order_by(table.c.position)
        for row in connection.execute(statement):
            replies.setdefault(row.document_position, {})[row.call_name] = json.loads(row.reply or "{}")
    return replies


def stored_requests(connection: Connection, positions: Sequence[int]) -> dict[tuple[int, str, int], bytes]:
    """(document position, call name, generation) -> the bytes that were first written ahead."""
    table = schema.calls
    requests: dict[tuple[int, str, int], bytes] = {}
    for start in range(0, len(positions), 500):
        some = positions[start : start + 500]
        for row in connection.execute(select(table).where(table.c.document_position.in_(some)).order_by(table.c.position)):
            requests.setdefault((row.document_position, row.call_name, row.generation), row.request)
    return requests


def standings(connection: Connection, business_keys: Sequence[str]) -> dict[str, list[Standing]]:
    """Business key -> every document sealed under it, by position."""
    document, delivery = schema.documents, schema.deliveries
    columns = (document.c.business_key, document.c.position, document.c.revision, delivery.c.state, delivery.c.remote_id)
    found: dict[str, list[Standing]] = {}
    for start in range(0, len(business_keys), 500):
        statement = select(*columns).join(delivery, delivery.c.document_position == document.c.position)
        for row in connection.execute(statement.where(document.c.business_key.in_(business_keys[start : start + 500])).order_by(document.c.position)):
            found.setdefault(row.business_key, []).append(Standing(row.position, row.revision, State(row.state), row.remote_id))
    return found


def counts_by_state(connection: Connection) -> dict[tuple[str, str, str, State], int]:
    """(system, entity, document type, state) -> documents."""
    document, delivery = schema.documents, schema.deliveries
    columns = (document.c.system, document.c.entity, document.c.document_type, delivery.c.state)
    statement = (
        select(*columns, func.count().label("documents")).join(delivery, delivery.c.document_position == document.c.position).group_by(*columns)
    )
    return {(row.system, row.entity, row.document_type, State(row.state)): row.documents for row in connection.execute(statement)}


def _instant(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else to_text(instant)
