"""Everything that says whether closed months tie, gathered once: what the counterparties hold, and what the published warehouse comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dagster_project.cli.closing import tie_out
from dagster_project.cli.closing.consolidation import ConsolidatedAccount, consolidated, show_consolidation
from dagster_project.cli.closing.ledger_proof import (
    PartyReceivable,
    PeriodState,
    ledger_differences,
    party_receivables,
    period_states,
    show_ledger_proof,
)
from dagster_project.cli.closing.proof import Proof, prove_books
from dagster_project.cli.closing.reperform import as_records, named, told
from dagster_project.cli.closing.sub_ledgers import show_sub_ledgers
from dagster_project.published.reperforming import read_facts
from dagster_project.published.sub_ledgers import RolledForward, rolled_forward
from dagster_project.quantities import exponents
from reverse_etl.reperformance import reperform

if TYPE_CHECKING:
    from dagster_project.close import Installation
    from reverse_etl.reperformance import Reperformance


@dataclass(frozen=True, slots=True)
class Counterparties:
    """What billing and the ERP say by themselves, asked while they run."""

    holds: Sequence[Mapping[str, Any]]
    balances: Sequence[tie_out.AccountBalance]
    receivables: Sequence[PartyReceivable]
    states: Sequence[PeriodState]

    @classmethod
    def asked(cls, installation: Installation, periods: Sequence[str]) -> Counterparties:
        return cls(
            tie_out.billing_holds(installation),
            tie_out.ledger_balances(installation, periods[-1]),
            party_receivables(installation),
            period_states(installation, periods),
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """``proof`` is None where no other program is installed that could check the books."""

    periods: Sequence[str]
    decimals: Mapping[str, int]
    checkpoints: Sequence[tie_out.TiedCheckpoint]
    counterparties: Counterparties
    rolled: Sequence[RolledForward]
    group: Sequence[ConsolidatedAccount]
    proof: Proof | None
    reperformed: Reperformance

    @classmethod
    def gathered(cls, installation: Installation, periods: Sequence[str], counterparties: Counterparties) -> Evidence:
        return cls(
            periods,
            exponents(),
            [checkpoint for period in periods for checkpoint in tie_out.tied_checkpoints(installation, period)],
            counterparties,
            rolled_forward(installation.warehouse, periods[-1]),
            consolidated(installation, periods[-1]),
            prove_books(installation.warehouse, periods),
            reperform(installation.settings.inbox, read_facts(installation)),
        )

    @property
    def tied_count(self) -> int:
        return sum(checkpoint.tied for checkpoint in self.checkpoints)

    @property
    def expected_count(self) -> int:
        return tie_out.CHECKPOINT_COUNT * len(self.periods)

    def show(self) -> None:
        for period in self.periods:
            tie_out.show_checkpoints(period, [checkpoint for checkpoint in self.checkpoints if checkpoint.period == period])
        tie_out.show_counterparties(self.counterparties.holds, self.counterparties.balances, self.decimals)
        show_ledger_proof(self.counterparties.receivables, self.counterparties.states)
        show_sub_ledgers(self.rolled)
        show_consolidation(self.group)

    def as_record(self) -> dict[str, Any]:
        asked = self.counterparties
        return {
            "checkpoints": [asdict(checkpoint) | {"tied": checkpoint.tied} for checkpoint in self.checkpoints],
            "billing": asked.holds,
            "ledger": [asdict(balance) | {"equal": balance.equal} for balance in asked.balances],
            "receivables": [asdict(row) | {"equal": row.equal} for row in asked.receivables],
            "periods": [asdict(state) | {"equal": state.equal} for state in asked.states],
            "sub_ledgers": [asdict(row) for row in self.rolled],
            "group": [asdict(account) for account in self.group],
            "proof": asdict(self.proof) if self.proof else None,
            "reperformance": as_records(self.reperformed),
        }

    def told(self) -> list[str]:
        """What others make of the books, a line each."""
        if self.proof is None:
            outside = ["bean-check is not installed (pip install beancount): nobody outside has proven the books."]
        elif self.proof.complaints:
            outside = []
        else:
            outside = [
                f"bean-check accepts the books of every entity and month, without tolerance: {self.proof.books} books, {self.proof.entries} entries."
            ]
        return [*outside, *told(self.reperformed)]

    def differences(self) -> list[str]:
        """Every reason not to sign, apart from checkpoints that are not tied."""
        asked = self.counterparties
        return [
            *(f"{item.entity} account {item.account} differs from the ERP's trial balance" for item in asked.balances if not item.equal),
            *(
                f"{row.entity} {row.sub_ledger} of {row.period} differ from account {row.account} in {row.currency}"
                for row in self.rolled
                if not row.equal
            ),
            *ledger_differences(asked.receivables, asked.states),
            *(f"bean-check refuses {complaint}" for complaint in (self.proof.complaints if self.proof else ())),
            *(named(month) for month in self.reperformed.months if month.differences),
        ]
