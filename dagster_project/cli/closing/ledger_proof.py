"""What the ERP says by itself of parties and periods, beside what we say: nothing here reads what was read back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_project.cli.terminal.tables import show
from dagster_project.close.ledgers import ledger_systems
from dagster_project.quantities import quantity
from reverse_etl.register.records.periods import OPEN

if TYPE_CHECKING:
    from dagster_project.close import Installation

# A party's balance is of all that is posted, so that ours is too.
_OUR_RECEIVABLES = """
    select lines.entity, lines.customer_id as party, cast(sum(lines.signed_functional_minor) as bigint) as minor
    from ledger.general_ledger as lines
    inner join staging.stg_finance__accounts as accounts on lines.entity = accounts.entity and lines.account = accounts.account_code
    where accounts.is_receivable
    group by all having sum(lines.signed_functional_minor) <> 0
"""
_ENTITIES = "select entity, functional_currency, functional_exponent from staging.stg_crm__legal_entities order by entity"


@dataclass(frozen=True, slots=True)
class PartyReceivable:
    """What one customer owes one legal entity, as our books and the ERP's own party have it, in minor units of the functional currency."""

    entity: str
    currency: str
    exponent: int
    party: str
    ours: int
    ledger: int

    @property
    def equal(self) -> bool:
        return self.ours == self.ledger


@dataclass(frozen=True, slots=True)
class PeriodState:
    """The status of one accounting period in the register and its state in the ERP."""

    entity: str
    period: str
    ours: str
    ledger: str

    @property
    def equal(self) -> bool:
        return (self.ours == OPEN) == (self.ledger == OPEN)


def party_receivables(installation: Installation) -> tuple[PartyReceivable, ...]:
    """Every party that owes something on either side."""
    from reverse_etl.systems.contract import LedgerBalances

    warehouse = installation.warehouse
    ours = {(row["entity"], row["party"]): row["minor"] for row in warehouse.read_published(_OUR_RECEIVABLES).to_pylist()}
    currencies = {row["entity"]: row for row in warehouse.read_published(_ENTITIES).to_pylist()}
    receivables = []
    for entity, system in ledger_systems(installation):
        if not isinstance(system, LedgerBalances):
            continue
        row = currencies[entity]
        ledger = system.receivables(entity)
        parties = sorted({party for owner, party in ours if owner == entity} | set(ledger))
        receivables += [
            PartyReceivable(entity, row["functional_currency"], row["functional_exponent"], party, ours.get((entity, party), 0), ledger.get(party, 0))
            for party in parties
        ]
    return tuple(receivables)


def period_states(installation: Installation, periods: Sequence[str]) -> tuple[PeriodState, ...]:
    """The periods of every legal entity whose ERP tells them; one that it does not have is ``absent``."""
    from reverse_etl.systems.contract import LedgerPeriods

    with closing(installation.open_register()) as register:
        return tuple(
            PeriodState(entity, period, register.period_status(entity, period), states.get(period, "absent"))
            for entity, system in ledger_systems(installation)
            if isinstance(system, LedgerPeriods)
            for states in [system.period_states(entity)]
            for period in periods
        )


def show_ledger_proof(receivables: Sequence[PartyReceivable], states: Sequence[PeriodState]) -> None:
    parties = []
    for entity in sorted({row.entity for row in receivables}):
        own = [row for row in receivables if row.entity == entity]
        differing = [row.party for row in own if not row.equal]
        total = quantity(str(sum(row.ledger for row in own)), own[0].currency, {own[0].currency: own[0].exponent})
        parties.append({"entity": entity, "parties": len(own), "receivable": total, "ours": ", ".join(differing) or "equal, party by party"})
    show("Receivables of the ERP's own parties", parties, ["entity", "parties", "receivable", "ours"])
    months = [{"entity": state.entity, "period": state.period, "ERP": state.ledger, "register": state.ours} for state in states]
    show("Accounting periods in the ERP", months, ["entity", "period", "ERP", "register"])


def ledger_differences(receivables: Sequence[PartyReceivable], states: Sequence[PeriodState]) -> list[str]:
    owed = [f"{row.entity} party {row.party} owes {row.ledger} in the ERP and {row.ours} here" for row in receivables if not row.equal]
    return owed + [f"{state.entity} {state.period} is {state.ledger} in the ERP and {state.ours} here" for state in states if not state.equal]
