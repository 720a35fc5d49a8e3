"""The probes of one destination, one document type after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from reverse_etl.conformance.findings import COMPARISON, ConformanceReport, Finding, Verdict
from reverse_etl.conformance.probes import batches, keys, look_ups
from reverse_etl.conformance.probes.probe import Probe
from reverse_etl.conformance.rehearsal import Clock, Rehearsal
from reverse_etl.conformance.specimens import CUSTOMER, JOURNAL_ENTRY, Specimens
from reverse_etl.errors import TieoutError
from reverse_etl.systems.contract import System

PROBED = (CUSTOMER, JOURNAL_ENTRY)
DEFAULT_PATIENCE_SECONDS = 30.0
PROBES: tuple[Callable[[Probe], Iterator[Finding]], ...] = (
    look_ups.look_up,
    look_ups.in_flight,
    keys.same_key_twice,
    keys.same_key_at_once,
    keys.changed_body,
    keys.uniqueness,
    keys.expiry,
    batches.batch,
    look_ups.lock,
)


def conformance(
    system: System,
    specimens: Specimens,
    *,
    kind: str,
    url: str,
    impatient: System | None = None,
    patience: float = DEFAULT_PATIENCE_SECONDS,
    clock: Clock | None = None,
    told: Callable[[Finding], None] = lambda finding: None,
) -> ConformanceReport:
    """Probe every document type that the kit has a specimen of. Leaves documents at the destination: only ever for a sandbox.

    ``impatient``: the same destination with a send deadline so short that its answers are lost. ``patience``: the longest wait of one
    probe, in seconds, by ``clock``. ``told`` hears of each finding as it is made.
    """
    findings: list[Finding] = []
    for document_type in system.manifest.document_types:
        if document_type not in PROBED:
            finding = Finding(document_type, COMPARISON, "can be posted", "the kit has no specimen of it", Verdict.UNPROVEN)
            findings.append(finding)
            told(finding)
            continue
        probe = Probe(Rehearsal(system, clock), specimens, document_type, patience, impatient)
        for look in PROBES:
            for finding in _found(look, probe):
                findings.append(finding)
                told(finding)
    return ConformanceReport(system.manifest.system, kind, url, datetime.now(UTC).isoformat(timespec="seconds"), tuple(findings))


def _found(look: Callable[[Probe], Iterator[Finding]], probe: Probe) -> Iterator[Finding]:
    """A probe that stumbles has proven nothing."""
    try:
        yield from look(probe)
    except TieoutError as error:
        yield probe.finding(look.__name__, "can be probed", f"{error}", Verdict.UNPROVEN)
