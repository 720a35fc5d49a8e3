"""Whether documents are found by our reference, how soon, as they were sent, and in the period they were sent for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reverse_etl.conformance.findings import COMPARISON, IN_FLIGHT, LAG, LOCK, LOOK_UP, Finding, Verdict
from reverse_etl.conformance.probes.probe import Probe, in_words
from reverse_etl.conformance.rehearsal import POLL_SECONDS
from reverse_etl.conformance.specimens import JOURNAL_ENTRY
from reverse_etl.systems.contract import Ambiguous, Succeeded

SAMPLES = 3
# A look-up takes its own time, which is not the destination's lag.
GRACE = timedelta(seconds=2 * POLL_SECONDS + 0.5)


def look_up(probe: Probe) -> Iterator[Finding]:
    """Nothing is found before it is there, everything after the lag, and it is what was sent."""
    documents = [probe.document(f"{LOOK_UP}-{number}") for number in range(SAMPLES)]
    if probe.can_look_up:
        early = probe.rehearsal.held(documents[0])
        yield probe.judged(LOOK_UP, "what was never sent is not found", f"{early.count} found", kept=early.count == 0, claimed=True)
    waited: list[float | None] = []
    for document in documents:
        outcome = probe.rehearsal.post(document)
        if not isinstance(outcome, Succeeded):
            yield probe.finding(COMPARISON, "a plain document can be posted", in_words(outcome), Verdict.UNPROVEN)
            return
        if probe.can_look_up:
            began = probe.rehearsal.clock.now()
            seconds = probe.rehearsal.seconds_until_found(document, max(probe.patience, probe.lag.total_seconds()))
            waited.append(None if seconds is None else probe.rehearsal.clock.now() - began)
    if not probe.can_look_up:
        yield probe.finding(LOOK_UP, "no look-up is claimed", f"{SAMPLES} were posted", Verdict.NOTED)
        return
    yield from _judged(probe, waited)
    [held] = probe.rehearsal.settled(documents[:1], timedelta(0))
    if held.remote is not None:
        differing = probe.rehearsal.system.differences(documents[0], None, held.remote)
        yield probe.judged(COMPARISON, "what is held is what was sent", "; ".join(differing) or "no difference", kept=not differing, claimed=True)


def _judged(probe: Probe, waited: list[float | None]) -> Iterator[Finding]:
    found = [seconds for seconds in waited if seconds is not None]
    claim = "a posted document is found by our reference"
    yield probe.judged(LOOK_UP, claim, f"{len(found)} of {len(waited)} found", kept=len(found) == len(waited), claimed=True)
    if found:
        kept = max(found) <= (probe.lag + GRACE).total_seconds()
        fact = f"the slowest of {len(found)} after {max(found):.1f} s"
        yield probe.judged(LAG, f"found {probe.lag.total_seconds():g} s after it was posted", fact, kept=kept, claimed=True)


def in_flight(probe: Probe) -> Iterator[Finding]:
    """A request whose answer was lost takes effect within the bound, or not at all."""
    if probe.impatient is None or not probe.can_look_up:
        return
    document = probe.document(IN_FLIGHT)
    call = probe.rehearsal.call(document, probe.rehearsal.system.call_names(document)[0])
    outcome = probe.impatient.send([call]).get(call.idempotency_key, Ambiguous("the answer does not mention it"))
    bound = probe.claims.in_flight_bound + probe.lag
    claim = f"a request that was given up takes effect within {bound.total_seconds():g} s or never"
    if not isinstance(outcome, Ambiguous):
        yield probe.finding(IN_FLIGHT, claim, f"the answer came too soon to be lost: {in_words(outcome)}", Verdict.UNPROVEN)
        return
    if bound.total_seconds() > probe.patience:
        seconds = probe.rehearsal.seconds_until_found(document, probe.patience, completely=False)
        if seconds is None:
            fact = f"not found within {probe.patience:g} s, and not waited for longer: run again with --patience {2 * bound.total_seconds():.0f}"
            yield probe.finding(IN_FLIGHT, claim, fact, Verdict.UNPROVEN)
            return
        yield probe.finding(IN_FLIGHT, claim, f"found after {seconds:.1f} s", Verdict.KEPT)
        return
    seconds = probe.rehearsal.seconds_until_found(document, max(probe.patience, 2 * bound.total_seconds()), completely=False)
    fact = "it never took effect" if seconds is None else f"found after {seconds:.1f} s"
    yield probe.judged(IN_FLIGHT, claim, fact, kept=seconds is None or seconds <= (bound + GRACE).total_seconds(), claimed=True)


def lock(probe: Probe) -> Iterator[Finding]:
    """A closed period refuses what is dated in it, and moves nothing to another day."""
    if probe.document_type != JOURNAL_ENTRY:
        return
    claim = "what is dated in a closed period is refused, and nothing is left of it"
    if probe.specimens.closed_date is None:
        yield probe.finding(LOCK, claim, "no closed period is known: give --closed-date", Verdict.UNPROVEN)
        return
    document = probe.document(LOCK, day=probe.specimens.closed_date)
    outcome = probe.rehearsal.post(document)
    if isinstance(outcome, Succeeded):
        there = ""
        if probe.can_look_up:
            [held] = probe.rehearsal.settled([document], probe.lag)
            there = f", on {held.remote.document_date}" if held.remote is not None else ""
        yield probe.judged(LOCK, claim, f"it was posted{there}", kept=False, claimed=True)
        return
    fact, left = in_words(outcome), ""
    if probe.can_look_up:
        [held] = probe.rehearsal.settled([document], probe.lag)
        posted = held.remote is not None and all(name in held.remote.completed for name in probe.rehearsal.system.call_names(document))
        left = "" if held.remote is None else "; it is posted nevertheless" if posted else "; a draft is left, which the protocol finds"
        if posted:
            yield probe.judged(LOCK, claim, fact + left, kept=False, claimed=True)
            return
    yield probe.judged(LOCK, claim, fact + left, kept=not isinstance(outcome, Ambiguous), claimed=True)
