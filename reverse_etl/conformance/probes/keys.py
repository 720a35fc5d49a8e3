"""What an idempotency key, or an enforced unique reference, really does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from reverse_etl.conformance.findings import CHANGED_BODY, EXPIRY, KEY, SIMULTANEOUS, UNIQUENESS, Finding, Verdict
from reverse_etl.conformance.probes.probe import Probe, in_words
from reverse_etl.systems.contract import FOREVER, Call, NotExecuted, Outcome, Succeeded

# Resent when this much of the retention is over: later, the request might arrive after it.
LATE_PART_OF_RETENTION = 0.8


def same_key_twice(probe: Probe) -> Iterator[Finding]:
    first, outcomes = _sent(probe, KEY, times=2)
    claimed = probe.claims.key_retention > timedelta(0)
    count = probe.copies(first.document, *outcomes)
    claim = "the same call under the same key takes effect once" if claimed else "no key is claimed"
    yield _counted(probe, KEY, claim, count, f"{count} there, the second was {in_words(outcomes[1])}", claimed=claimed)


def same_key_at_once(probe: Probe) -> Iterator[Finding]:
    document = probe.document(SIMULTANEOUS)
    call = _first_call(probe, SIMULTANEOUS)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda one: probe.rehearsal.system.send([one])[one.idempotency_key], [call, call]))
    # One of them may have been told to come back.
    [settled] = probe.rehearsal.send(call) if all(isinstance(answer, NotExecuted) for answer in answers) else [answers[0]]
    claimed = probe.claims.key_retention > timedelta(0)
    count = probe.copies(document, *answers, settled)
    claim = "two requests under one key at the same time take effect once" if claimed else "no key is claimed"
    yield _counted(probe, SIMULTANEOUS, claim, count, f"{count} there, answered {' and '.join(map(in_words, answers))}", claimed=claimed)


def changed_body(probe: Probe) -> Iterator[Finding]:
    if probe.claims.key_retention <= timedelta(0):
        return
    first, outcomes = _sent(probe, CHANGED_BODY, times=1)
    [created] = outcomes
    other = probe.document(CHANGED_BODY, amount_minor=probe.specimens.amount_minor + 1)
    [answered] = probe.rehearsal.send(probe.rehearsal.call(other, first.name, key=first.idempotency_key))
    claimed = probe.claims.refuses_changed_body
    refused = not isinstance(answered, Succeeded)
    fact = f"another body was {'refused' if refused else 'accepted'}"
    unchanged = True
    if probe.can_look_up and isinstance(created, Succeeded):
        probe.rehearsal.finish(first.document, created)
        [held] = probe.rehearsal.settled([first.document], probe.lag)
        changed = () if held.remote is None else probe.rehearsal.system.differences(first.document, None, held.remote)
        unchanged = held.count == 1 and not changed
        others = "; ".join(changed) or f"{held.count} there"
        fact += ", and the first one stands" if unchanged else f", and what is there is not the first one: {others}"
    claim = "another body under a remembered key is refused" if claimed else "another body is not claimed to be refused"
    yield probe.judged(CHANGED_BODY, claim, fact, kept=refused and unchanged, claimed=claimed)


def uniqueness(probe: Probe) -> Iterator[Finding]:
    first, outcomes = _sent(probe, UNIQUENESS, times=1)
    [again] = probe.rehearsal.send(probe.rehearsal.call(first.document, first.name, generation=2))
    claimed = probe.claims.key_retention == FOREVER
    count = probe.copies(first.document, *outcomes, again)
    claim = "our reference is unique at the destination" if claimed else "no unique reference is claimed"
    yield _counted(probe, UNIQUENESS, claim, count, f"{count} there, a second under another key was {in_words(again)}", claimed=claimed)


def expiry(probe: Probe) -> Iterator[Finding]:
    retention = probe.claims.key_retention
    if retention <= timedelta(0) or retention == FOREVER:
        return
    claim = f"a key is remembered for {retention}"
    late = retention.total_seconds() * LATE_PART_OF_RETENTION
    if late > probe.patience:
        fact = f"not waited for: run again with --patience {late:.0f}"
        yield probe.finding(EXPIRY, claim, fact, Verdict.UNPROVEN)
        return
    first, outcomes = _sent(probe, EXPIRY, times=1)
    probe.rehearsal.clock.sleep(late)
    [again] = probe.rehearsal.send(first)
    count = probe.copies(first.document, *outcomes, again)
    yield _counted(probe, EXPIRY, claim, count, f"{count} there when sent again after {late:.1f} s, which was {in_words(again)}", claimed=True)


def _counted(probe: Probe, name: str, claim: str, count: int, fact: str, *, claimed: bool) -> Finding:
    """One document is what is claimed, more disprove it; where there is none, the specimen was not taken and nothing is proven."""
    return probe.judged(name, claim, fact, kept=count == 1, claimed=claimed) if count else probe.finding(name, claim, fact, Verdict.UNPROVEN)


def _first_call(probe: Probe, name: str) -> Call:
    document = probe.document(name)
    return probe.rehearsal.call(document, probe.rehearsal.system.call_names(document)[0])


def _sent(probe: Probe, name: str, *, times: int) -> tuple[Call, list[Outcome]]:
    call = _first_call(probe, name)
    return call, [probe.rehearsal.send(call)[0] for _ in range(times)]
