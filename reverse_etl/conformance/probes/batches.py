"""What becomes of a batch of which one item is refused."""

from __future__ import annotations

from collections.abc import Iterator

from reverse_etl.conformance.findings import BATCH, Finding, Verdict
from reverse_etl.conformance.probes.probe import Probe, in_words
from reverse_etl.conformance.specimens import JOURNAL_ENTRY, UNKNOWN_ACCOUNT
from reverse_etl.systems.contract import NotExecuted, Outcome, Rejected, Succeeded

NEEDED = 3


def batch(probe: Probe) -> Iterator[Finding]:
    """The item that is wrong is refused by itself; of the others each answer says what is there."""
    if probe.document_type != JOURNAL_ENTRY or probe.claims.batch_size < NEEDED:
        return
    good = [probe.document(f"{BATCH}-{number}") for number in range(2)]
    poison = probe.document(f"{BATCH}-poison", account=UNKNOWN_ACCOUNT)
    documents = [good[0], poison, good[1]]
    name = probe.rehearsal.system.call_names(poison)[0]
    answered = probe.rehearsal.send(*(probe.rehearsal.call(one, name) for one in documents))
    outcomes = {document.reference: outcome for document, outcome in zip(documents, answered, strict=True)}
    atomic = probe.claims.batch_is_atomic
    claim = "a batch takes effect as a whole or not at all" if atomic else "each item of a batch is answered for itself"
    answers = ", ".join(in_words(outcomes[document.reference]) for document in documents)
    if not probe.can_look_up:
        kept = all(isinstance(outcomes[document.reference], Succeeded) for document in good) and isinstance(outcomes[poison.reference], Rejected)
        yield probe.judged(BATCH, claim, f"answered {answers}", kept=kept, claimed=True)
        return
    counts = [held.count for held in probe.rehearsal.settled(documents, probe.lag)]
    wrong = [
        f"{document.natural_id} was {in_words(outcomes[document.reference])}, and {count} are there"
        for document, count in zip(documents, counts, strict=True)
        if not _agrees(outcomes[document.reference], count)
    ]
    fact = "; ".join(wrong) or f"answered {answers}; {counts[0]}, {counts[1]} and {counts[2]} are there"
    if isinstance(outcomes[poison.reference], Succeeded):
        yield probe.finding(BATCH, claim, f"an account that cannot be there was accepted: {fact}", Verdict.UNPROVEN)
        return
    yield probe.judged(BATCH, claim, fact, kept=not wrong, claimed=True)


def _agrees(outcome: Outcome, count: int) -> bool:
    """An answer that leaves the effect open agrees with either."""
    if isinstance(outcome, Succeeded):
        return count == 1
    return count == 0 if isinstance(outcome, Rejected | NotExecuted) else count <= 1
