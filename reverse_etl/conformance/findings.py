"""What the probes found, and what is left of a manifest after it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from reverse_etl.systems.contract import Manifest, Particular


class Verdict(StrEnum):
    """``noted``: nothing is claimed, and the fact is told. ``unproven``: it is claimed and could not be probed here."""

    KEPT = "kept"
    BROKEN = "broken"
    NOTED = "noted"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim of the manifest about one document type against what the destination did."""

    document_type: str
    probe: str
    claim: str
    fact: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ConformanceReport:
    """``url`` says which server was probed: what was found of a sandbox's manifest holds for its vendor's production only as far as they agree.

    ``probed_at`` is an instant as ISO 8601 text.
    """

    destination: str
    kind: str
    url: str
    probed_at: str
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.verdict is Verdict.BROKEN)


KEY, EXPIRY, SIMULTANEOUS, UNIQUENESS = "same_key_twice", "expiry", "same_key_at_once", "uniqueness"
CHANGED_BODY, LOOK_UP, LAG, COMPARISON = "changed_body", "look_up", "look_up_lag", "comparison"
IN_FLIGHT, BATCH, LOCK = "in_flight", "batch", "lock"

# What counts as absent once a probe has disproved it.
_NO_KEY = frozenset({KEY, EXPIRY, SIMULTANEOUS, UNIQUENESS})
_NO_LOOK_UP = frozenset({LOOK_UP, LAG, IN_FLIGHT})


def reduced(manifest: Manifest, report: ConformanceReport) -> Manifest:
    """The manifest without what was disproved, for each document type by itself."""
    broken: dict[str, set[str]] = {}
    for finding in report.broken:
        broken.setdefault(finding.document_type, set()).add(finding.probe)
    particulars: dict[str, Particular] = dict(manifest.particulars)
    for document_type, probes in broken.items():
        own = manifest.of(document_type)
        particulars[document_type] = Particular(
            key_retention=timedelta(0) if probes & _NO_KEY else own.key_retention,
            look_up_lag=None if probes & _NO_LOOK_UP else own.look_up_lag,
            replays_errors=own.replays_errors,
            refuses_changed_body=own.refuses_changed_body and CHANGED_BODY not in probes,
        )
    without_batches = any(BATCH in probes for probes in broken.values())
    return replace(manifest, particulars=particulars, batch_size=1 if without_batches else manifest.batch_size)


def as_record(report: ConformanceReport) -> Mapping[str, object]:
    return {
        "destination": report.destination,
        "kind": report.kind,
        "url": report.url,
        "probed_at": report.probed_at,
        "findings": [
            {
                "document_type": finding.document_type,
                "probe": finding.probe,
                "claim": finding.claim,
                "fact": finding.fact,
                "verdict": finding.verdict.value,
            }
            for finding in report.findings
        ],
    }
