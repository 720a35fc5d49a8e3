"""Sealed documents that are older than their lane may leave them."""

from __future__ import annotations

from collections.abc import Iterator

from dagster_project.alerting.conditions.words import asset_link, at, counted, sentence
from dagster_project.alerting.facts import Facts
from reverse_etl.alerting import Alert, AlertKind, Severity
from reverse_etl.alerting.alert import money_at_risk


def undelivered_documents(facts: Facts) -> Iterator[Alert]:
    """One alert per destination and entity, about all of its documents that are too old; it names what holds the lane up where that is known."""
    for system, entity in sorted({(one.system, one.entity) for one in facts.overdue}):
        lane = [one for one in facts.overdue if (one.system, one.entity) == (system, entity)]
        documents, oldest = sum(one.documents for one in lane), min(one.oldest_sealed_at for one in lane)
        by_state: dict[str, int] = {}
        for one in lane:
            by_state[one.state.value] = by_state.get(one.state.value, 0) + one.documents
        states = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in sorted(by_state.items()))
        held_up = [degradation for degradation in facts.degraded if degradation.subject == system and degradation.mode != "throttled"]
        because = f": {held_up[0].reason}" if held_up else ""
        old = f"{counted(documents, 'sealed document')} for {system} older than {facts.settings.undelivered_hours:g} h ({states})"
        periods = sorted({one.period for one in lane})
        command = held_up[0].next_command if held_up else f"tieout push {periods[0]} --entity {entity} --system {system}"
        yield Alert(
            AlertKind.SLA_BREACH,
            Severity.ERROR,
            f"undelivered to {system}",
            sentence(f"{old}, the oldest sealed {at(oldest)}{because}"),
            oldest,
            entity=entity,
            at_risk=money_at_risk(((one.currency, one.total_minor) for one in lane), facts.exponents),
            next_command=command,
            link=asset_link(facts.settings, f"delivery/{system}"),
            count=documents,
        )
