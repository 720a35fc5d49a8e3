"""A destination holds something else than what was sealed."""

from __future__ import annotations

from collections.abc import Iterator

from dagster_project.alerting.conditions.words import amounts, asset_link, entity_or_none, listing, sentence
from dagster_project.alerting.degraded import THROTTLED
from dagster_project.alerting.facts import BrokenCheckpoint, Facts
from dagster_project.quantities import counted
from reverse_etl.alerting import Alert, AlertKind, Severity
from reverse_etl.alerting.alert import money_at_risk
from reverse_etl.posting.notices import DIFFERENCE
from reverse_etl.register.records.exceptions import LOST

HELD_ELSEWHERE = {"K4": "the billing platform", "K7": "the ERP", "K8": "the ERP"}


def drifted(facts: Facts) -> Iterator[Alert]:
    yield from _differences(facts)
    for broken in facts.checkpoints:
        if broken.checkpoint in HELD_ELSEWHERE and not _waits(facts, broken):
            yield Alert(
                AlertKind.DRIFT,
                Severity.ERROR,
                broken.checkpoint,
                sentence(f"{broken.title}: it does not, in {counted(broken.breaks, 'place')} as last read back: {listing(broken.examples)}"),
                broken.since,
                entity=entity_or_none(broken.entity),
                period=broken.period,
                at_risk=amounts(broken.amounts, facts.exponents),
                # Reconciling compares documents of ours; an entry of somebody else is named, with what to do, among the exceptions.
                next_command="tieout exceptions" if broken.checkpoint == "K8" else f"tieout reconcile {broken.period}",
                link=asset_link(facts.settings, "close/period", broken.entity, broken.period),
                count=broken.breaks,
            )


def _differences(facts: Facts) -> Iterator[Alert]:
    """Documents that were verified and differ now, or that a restored register does not know."""
    entries = [entry for entry in facts.exceptions if entry.kind in (DIFFERENCE, LOST)]
    for kind, entity, period in sorted({(entry.kind, entry.entity or "", entry.period or "") for entry in entries}):
        members = [entry for entry in entries if (entry.kind, entry.entity or "", entry.period or "") == (kind, entity, period)]
        documents = {entry.document_position for entry in members if entry.document_position in facts.documents}
        said = [f"{entry.subject}: {entry.reason}" for entry in members]
        what = "differ from what was sealed" if kind == DIFFERENCE else "are at their destination and not in the register, which was restored"
        yield Alert(
            AlertKind.DRIFT,
            Severity.ERROR if kind == DIFFERENCE else Severity.CRITICAL,
            "documents that differ" if kind == DIFFERENCE else "documents the register has lost",
            sentence(f"{counted(len(members), 'document')} {what}: {listing(said)}"),
            min(entry.recorded_at for entry in members),
            entity=entity or None,
            period=period or None,
            at_risk=money_at_risk((facts.documents[position][1:] for position in documents if position is not None), facts.exponents),
            next_command=f"tieout exceptions show {members[0].position}",
            count=len(members),
        )


def _waits(facts: Facts, broken: BrokenCheckpoint) -> bool:
    """What was not delivered or read yet is no drift: a destination that is not asked keeps it from being."""
    unasked = {degradation.subject for degradation in facts.degraded if degradation.mode != THROTTLED}
    return any(one.system in unasked and one.period == broken.period and broken.entity in ("*", one.entity) for one in facts.waiting)
