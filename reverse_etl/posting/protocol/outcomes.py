"""From what came back to events of the protocol and results in the register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reverse_etl.posting.protocol.delivery import Event, LookedUp
from reverse_etl.posting.protocol.facts import NotSent, Result, WrittenAhead
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Outcome, Rejected, Succeeded

LABELS = {Succeeded: "succeeded", NotExecuted: "not_executed", Rejected: "rejected", Ambiguous: "ambiguous", NotSent: "not_sent"}


def by_key(calls: Sequence[WrittenAhead], answers: Mapping[str, Outcome]) -> tuple[Outcome, ...]:
    """What each call of a batch came to, in their order: answers belong to calls by key, never by position, and one that is missing tells nothing."""
    missing = Ambiguous("the answer does not mention it")
    return tuple(answers.get(call.intent.idempotency_key) or missing for call in calls)


def event_of(outcome: Outcome | NotSent) -> Event:
    # What never left had no effect, by our own knowledge.
    return NotExecuted(outcome.reason) if isinstance(outcome, NotSent) else outcome


def result_of(written: WrittenAhead, outcome: Outcome | NotSent) -> Result:
    result = Result(written.intent.call, written.intent.generation, LABELS[type(outcome)], written.call_position)
    if isinstance(outcome, Succeeded):
        return replace(result, remote_id=outcome.remote_id, reply=outcome.reply)
    return replace(result, reason=outcome.reason)


def adopted(before: Delivery, after: Delivery, event: Event) -> tuple[Result, ...]:
    """The replies of the calls that a look-up proved to have taken effect."""
    remote = event.remote if isinstance(event, LookedUp) else None
    if remote is None:
        return ()
    return tuple(
        Result(call, before.generation, "found", remote_id=remote.remote_id, reply=dict(remote.completed[call]))
        for call in after.completed
        if call not in before.completed
    )
