"""Sends prepared calls to Tryton in batches, and establishes for each single one what became of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import Ambiguous, Call, NotExecuted, Outcome, Rejected, Succeeded
from reverse_etl.systems.journal_entries import leading_reference
from reverse_etl.systems.tryton.classification import Answered
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.directory import EXTERNAL_ID, find_parties, search_read
from reverse_etl.systems.tryton.rendering import CREATE, MOVE_ID, PARTY_ID, POST, WRITE

MOVE, PARTY = "account.move", "party.party"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call with the server's own ids: ``values`` for create and write, ``record_id`` for write and post."""

    call: Call
    model: str
    method: str
    context: Mapping[str, Any]
    record_id: int | None = None
    values: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        return self.call.idempotency_key


def deliver(connection: Connection, items: Sequence[Prepared], deadline: float, *, unique: bool = False) -> Mapping[str, Outcome]:
    """Send items of one model, method and company in one transaction; outcomes by idempotency key.

    ``unique``: the server keeps our references unique, so a move that is refused may be there already, and then counts as created.

    A refusal proves that none of a batch was executed: its halves are sent on their own, so that one bad document
    delays nobody else and each refusal is proven by itself.
    """
    verdict = connection.call(f"model.{items[0].model}.{items[0].method}", _parameters(items), deadline)
    match verdict:
        case Answered():
            return _established(connection, items, Ambiguous("Tryton accepted it, but it is not found"), deadline, unique)
        case Rejected() if len(items) > 1:
            middle = len(items) // 2
            parts = items[:middle], items[middle:]
            return {key: outcome for part in parts for key, outcome in deliver(connection, part, deadline, unique=unique).items()}
        case Rejected():
            # Posting what is posted and creating what is there are refused too: then it is done.
            adopts = unique or items[0].call.name == POST or items[0].model == PARTY
            return _established(connection, items, verdict, deadline, unique) if adopts else _all(items, verdict)
        case _:
            return _all(items, verdict)


def _parameters(items: Sequence[Prepared]) -> list[Any]:
    context = dict(items[0].context)
    if items[0].method == CREATE:
        return [[item.values for item in items], context]
    if items[0].method == WRITE:
        # The code is how a party is found; nobody may change it.
        changes = [{name: value for name, value in (item.values or {}).items() if name != "code"} for item in items]
        return [part for item, change in zip(items, changes, strict=True) for part in ([item.record_id], change)] + [context]
    return [[item.record_id for item in items], context]


def _established(connection: Connection, items: Sequence[Prepared], otherwise: Outcome, deadline: float, unique: bool) -> Mapping[str, Outcome]:
    """Read back what the items should have become; ``otherwise`` for those that did not."""
    try:
        # Reading is cheap and decides: grant it a moment even when writing took all the time.
        seconds = max(deadline - time.monotonic(), 2.0)
        done = _parties(connection, items, seconds) if items[0].model == PARTY else _moves(connection, items, seconds, unique)
    except DestinationError as error:
        return _all(items, Ambiguous(f"what became of it could not be read: {error}"))
    return {item.key: done.get(item.key, otherwise) for item in items}


def _moves(connection: Connection, items: Sequence[Prepared], seconds: float, unique: bool) -> Mapping[str, Outcome]:
    by_reference = {item.call.document.reference: item for item in items}
    by_field = unique and items[0].method == CREATE
    if items[0].method == POST:
        domain: list[Any] = [["id", "in", [item.record_id for item in items]]]
    elif by_field:
        domain = [[EXTERNAL_ID, "in", list(by_reference)], ["company", "=", items[0].context["company"]]]
    else:
        # By our reference, never by the position in the reply.
        descriptions = [item.values["description"] for item in items if item.values is not None]
        domain = [["description", "in", descriptions]]
    found: dict[str, Outcome] = {}
    fields = ["description", "state", "number", *([EXTERNAL_ID] if by_field else [])]
    for move in search_read(connection, MOVE, domain, fields, items[0].context, seconds=seconds):
        reference = move[EXTERNAL_ID] if by_field else leading_reference(move["description"])
        item = by_reference.get(reference or "")
        if item is None or (item.method == POST and (move["state"] != "posted" or move["id"] != item.record_id)):
            continue
        if item.key in found:
            found[item.key] = Ambiguous(f"several moves carry the reference {item.call.document.reference}")
        else:
            found[item.key] = Succeeded(str(move["id"]), {MOVE_ID: move["id"], "number": move["number"]})
    return found


def _parties(connection: Connection, items: Sequence[Prepared], seconds: float) -> Mapping[str, Outcome]:
    parties = find_parties(connection, [item.values["code"] for item in items if item.values is not None], seconds)
    found: dict[str, Outcome] = {}
    for item in items:
        party = parties.get(item.values["code"]) if item.values is not None else None
        if party is not None and item.values is not None and (item.method == CREATE or party["name"] == item.values["name"]):
            found[item.key] = Succeeded(str(party["id"]), {PARTY_ID: party["id"], "name": party["name"]})
    return found


def _all(items: Sequence[Prepared], outcome: NotExecuted | Rejected | Ambiguous) -> Mapping[str, Outcome]:
    return {item.key: outcome for item in items}
