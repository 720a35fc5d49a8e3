"""What works less than normally."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dagster_project.alerting.conditions.words import asset_link, at, listing, sentence
from dagster_project.alerting.degraded import CIRCUIT, WAREHOUSE
from dagster_project.alerting.facts import Facts
from dagster_project.quantities import counted
from reverse_etl.alerting import Alert, AlertKind, Severity
from reverse_etl.posting.notices import UNAVAILABLE

FAILURES_UNTIL_TOLD = 3
"""One message that did not arrive is tried again; a channel that fails and fails is told by the others."""


def degraded_modes(facts: Facts) -> Iterator[Alert]:
    for degradation in facts.degraded:
        name = f"{degradation.subject} {degradation.mode.replace('_', ' ')}" if degradation.subject != WAREHOUSE else "warehouse locked"
        yield Alert(
            AlertKind.DEGRADED,
            degradation.severity,
            name,
            sentence(degradation.told),
            degradation.since or facts.degraded_since.get(f"{degradation.subject} {degradation.mode}", facts.now),
            at_risk=degradation.at_risk,
            next_command=degradation.next_command,
            link=None if degradation.subject == WAREHOUSE else asset_link(facts.settings, f"delivery/{degradation.subject}"),
        )
    told = {degradation.subject for degradation in facts.degraded if degradation.mode == CIRCUIT}
    for entry in facts.exceptions:
        system = entry.subject.partition("/")[0]
        if entry.kind == UNAVAILABLE and system not in told:
            yield Alert(
                AlertKind.DEGRADED,
                Severity.ERROR,
                f"{system} unavailable",
                sentence(f"{system} could not be asked at the last push: {entry.reason}"),
                entry.recorded_at,
                entity=entry.entity,
                next_command=f"tieout destinations check {system} --ask",
                link=asset_link(facts.settings, f"delivery/{system}"),
            )


def channels_failing(facts: Facts) -> Iterator[Alert]:
    """Told by the other channels."""
    for channel in facts.channels:
        history = channel.history
        failing = history.failures >= FAILURES_UNTIL_TOLD
        if channel.problem is None and not failing:
            continue
        cause = channel.problem or f"{counted(history.failures, 'message')} in a row did not arrive since {at(history.failing_since or facts.now)}"
        yield Alert(
            AlertKind.DEGRADED,
            Severity.ERROR,
            f"alert channel {channel.name}",
            sentence(f"the alert channel {channel.name} does not work: {cause}" + (f" ({history.last_failure})" if failing else "")),
            history.failing_since or facts.degraded_since.get(f"alert channel {channel.name}", facts.now),
            next_command=f"tieout alerts test {channel.name}",
        )


def lineage_undelivered(facts: Facts) -> Iterator[Alert]:
    """Whoever reads lineage elsewhere sees less than there is; no close waits for it."""
    lineage = facts.lineage
    if lineage is None or lineage.problem is None:
        return
    since = facts.now if lineage.since is None else datetime.fromisoformat(lineage.since)
    kept = f"{counted(lineage.waiting, 'event')} {'is' if lineage.waiting == 1 else 'are'} kept and sent once they do"
    lost = f"; {counted(lineage.dropped, 'event')} will not arrive" if lineage.dropped else ""
    yield Alert(
        AlertKind.DEGRADED,
        Severity.WARNING,
        "lineage events",
        sentence(f"events of OpenLineage do not arrive at {lineage.where} since {at(since)} ({lineage.problem}); {kept}{lost}"),
        since,
        next_command="tieout doctor 'lineage events'",
    )


def what_cannot_be_seen(facts: Facts) -> Iterator[Alert]:
    """No alert may be missing without a word."""
    if facts.blind:
        reasons: dict[str, list[str]] = {}
        for kind, reason in facts.blind.items():
            reasons.setdefault(reason, []).append(kind.value.replace("_", " "))
        said = [f"{', '.join(sorted(kinds))} ({reason})" for reason, kinds in reasons.items()]
        yield Alert(
            AlertKind.DEGRADED,
            Severity.ERROR,
            "alerts",
            sentence(f"what these alerts depend on cannot be looked at: {listing(said)}"),
            facts.degraded_since.get("alerts", facts.now),
            next_command="tieout doctor",
        )
