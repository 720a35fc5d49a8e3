"""What waits longer than it may: sealed documents for their delivery, requests for their decision."""

from __future__ import annotations

from collections.abc import Iterator

from dagster_project.alerting.conditions.words import asset_link, at, listing, sentence
from dagster_project.alerting.degraded import THROTTLED
from dagster_project.alerting.facts import Facts
from dagster_project.quantities import counted
from reverse_etl.alerting import Alert, AlertKind, Severity
from reverse_etl.alerting.alert import money_at_risk


def undelivered_documents(facts: Facts) -> Iterator[Alert]:
    """One alert per destination and entity whose oldest undelivered document is too old; it names what holds the lane up where that is known."""
    for lane in facts.lanes:
        if not lane.is_late:
            continue
        held_up = [one for one in facts.degraded if one.subject == lane.system and one.mode != THROTTLED]
        because = f": {held_up[0].reason}" if held_up else ""
        stopped = f", {lane.stopped:,} of them stopped for a person" if lane.stopped else ""
        periods = sorted(one.period for one in facts.waiting if (one.system, one.entity) == (lane.system, lane.entity))
        push = f"tieout push {periods[0]} --entity {lane.entity} --destination {lane.system}" if periods else "tieout exceptions"
        yield Alert(
            AlertKind.SLA_BREACH,
            Severity.ERROR,
            f"undelivered to {lane.system}",
            sentence(
                f"{counted(lane.documents, 'sealed document')} {'is' if lane.documents == 1 else 'are'} not delivered to {lane.system}{stopped}; the "
                f"oldest was sealed at {at(lane.oldest_sealed_at)} and {lane.allowed.total_seconds() / 3600:g} h are allowed{because}"
            ),
            lane.oldest_sealed_at,
            entity=lane.entity,
            at_risk=money_at_risk(lane.at_risk, facts.exponents),
            next_command=(held_up[0].next_command if held_up else None) or ("tieout exceptions" if lane.stopped == lane.documents else push),
            link=asset_link(facts.settings, f"delivery/{lane.system}"),
            count=lane.documents,
        )


def undecided_requests(facts: Facts) -> Iterator[Alert]:
    """One alert per legal entity whose requests wait for another user's decision for too long."""
    for entity in sorted({request.entity for request in facts.undecided}):
        requests = sorted((one for one in facts.undecided if one.entity == entity), key=lambda one: one.requested_at)
        said = [f"{one.kind.replace('_', ' ')} of {one.subject}, asked for by {one.requested_by} at {at(one.requested_at)}" for one in requests]
        yield Alert(
            AlertKind.SLA_BREACH,
            Severity.WARNING,
            "undecided requests",
            sentence(f"{counted(len(requests), 'request')} waited for a decision longer than {facts.approval_hours:g} h: {listing(said)}"),
            requests[0].requested_at,
            entity=entity,
            at_risk=money_at_risk(
                ((one.currency, one.amount_minor) for one in requests if one.currency is not None and one.amount_minor is not None), facts.exponents
            ),
            next_command="tieout approvals",
            count=len(requests),
        )
