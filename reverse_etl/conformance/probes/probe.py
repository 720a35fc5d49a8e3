"""What every probe has: the destination, the specimens of one document type, and what the manifest claims of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from reverse_etl.conformance.findings import Finding, Verdict
from reverse_etl.conformance.rehearsal import Rehearsal
from reverse_etl.conformance.specimens import JOURNAL_ENTRY, Specimens
from reverse_etl.documents import SealedDocument
from reverse_etl.errors import TieoutError
from reverse_etl.systems.contract import Manifest, Outcome, Succeeded, System


@dataclass(frozen=True, slots=True)
class Probe:
    rehearsal: Rehearsal
    specimens: Specimens
    document_type: str
    patience: float
    impatient: System | None

    @property
    def claims(self) -> Manifest:
        return self.rehearsal.system.manifest.of(self.document_type)

    @property
    def lag(self) -> timedelta:
        return self.claims.look_up_lag or timedelta(0)

    @property
    def can_look_up(self) -> bool:
        return self.claims.look_up_lag is not None

    def document(self, name: str, *, amount_minor: int | None = None, account: str | None = None, day: date | None = None) -> SealedDocument:
        if self.document_type == JOURNAL_ENTRY and (self.specimens.debit_account is None or self.specimens.credit_account is None):
            raise MissingSpecimenError("a journal entry needs two accounts of the sandbox: give --debit and --credit")
        return self.specimens.of(self.document_type, name, amount_minor=amount_minor, account=account, day=day)

    def finding(self, probe: str, claim: str, fact: str, verdict: Verdict) -> Finding:
        return Finding(self.document_type, probe, claim, fact, verdict)

    def judged(self, probe: str, claim: str, fact: str, *, kept: bool, claimed: bool) -> Finding:
        return self.finding(probe, claim, fact, (Verdict.KEPT if kept else Verdict.BROKEN) if claimed else Verdict.NOTED)

    def copies(self, document: SealedDocument, *outcomes: Outcome) -> int:
        """How many documents there are now: by look-up, or where there is none by the ids that were answered. Raises DestinationError."""
        if self.can_look_up:
            [held] = self.rehearsal.settled([document], self.lag)
            return held.count
        return len({outcome.remote_id for outcome in outcomes if isinstance(outcome, Succeeded)})


class MissingSpecimenError(TieoutError):
    """The kit was not told what it needs to make a specimen."""


def in_words(outcome: Outcome) -> str:
    """An outcome for people."""
    words = type(outcome).__name__.lower()
    return words if isinstance(outcome, Succeeded) else f"{words} ({outcome.reason})"
