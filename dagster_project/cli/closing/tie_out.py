"""The tie-out of a period for people: both sides of every checkpoint, and what each counterparty holds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from dagster_project.cli.terminal.tables import show
from dagster_project.close.ledgers import ledger_systems
from dagster_project.quantities import HEADLINES, exponents, quantity

if TYPE_CHECKING:
    from dagster_project.close import Installation

CHECKPOINT_COUNT = len(HEADLINES)
LONGEST_TITLE = 24
_SIDES = ("left", "right", "difference", "listed")

_CHECKPOINTS = """
    select checkpoint, title, left_side, right_side, measure, unit,
        sum(left_count) as left_count, sum(right_count) as right_count,
        cast(sum(left_value) as varchar) as left_value, cast(sum(right_value) as varchar) as right_value,
        cast(sum(difference) as varchar) as difference, cast(sum(excused_value) as varchar) as excused_value, sum(break_count) as break_count
    from reconciliation.checkpoints
    where period = ?
    group by all
    order by checkpoint, measure, unit
"""
_BILLING_HOLDS = """
    select entity, document_type, currency, count(*) as documents, cast(sum(total_minor) as bigint) as total_minor
    from staging.stg_stripe__documents where status <> 'draft' group by all order by all
"""
_OUR_BALANCES = """
    select lines.entity, lines.account,
        cast(sum(case when lines.side = 'debit' then lines.functional_minor else 0 end) as bigint) as debit_minor,
        cast(sum(case when lines.side = 'credit' then lines.functional_minor else 0 end) as bigint) as credit_minor
    from staging.stg_register_closing__journal_lines as lines
    where lines.period <= ? and lines.system <> 'register'
    group by all order by all
"""
_ENTITIES = "select entity, functional_currency, functional_exponent from staging.stg_crm__legal_entities order by entity"


@dataclass(frozen=True, slots=True)
class TiedCheckpoint:
    """One checkpoint of one period over all entities. Sides are one text per unit."""

    period: str
    checkpoint: str
    title: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    difference: tuple[str, ...]
    excused: tuple[str, ...]
    break_count: int

    @property
    def tied(self) -> bool:
        return self.break_count == 0


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """Debits and credits of one account, as we posted them and as the ERP's own ledger has them, in minor units."""

    entity: str
    currency: str
    exponent: int
    account: str
    ours: tuple[int, int]
    ledger: tuple[int, int]

    @property
    def equal(self) -> bool:
        return self.ours == self.ledger


def tied_checkpoints(installation: Installation, period: str) -> tuple[TiedCheckpoint, ...]:
    """The checkpoints of a period, from the published warehouse; an absent one is not there and so does not tie."""
    warehouse = installation.warehouse
    decimals = exponents()
    rows = warehouse.read_published(_CHECKPOINTS, [period]).to_pylist()
    tied = []
    for checkpoint in sorted({row["checkpoint"] for row in rows}, key=lambda name: int(name[1:])):
        own = [row for row in rows if row["checkpoint"] == checkpoint]
        shown = [row for row in own if row["measure"] == HEADLINES[checkpoint]]
        tied.append(
            TiedCheckpoint(
                period=period,
                checkpoint=checkpoint,
                title=own[0]["title"],
                left=tuple(quantity(row["left_value"], row["unit"], decimals) for row in shown) or ("nothing",),
                right=tuple(quantity(row["right_value"], row["unit"], decimals) for row in shown) or ("nothing",),
                difference=tuple(quantity(row["difference"], row["unit"], decimals) for row in shown) or ("0",),
                excused=tuple(quantity(row["excused_value"], row["unit"], decimals) for row in shown if Decimal(row["excused_value"])),
                break_count=sum(int(row["break_count"]) for row in own),
            )
        )
    return tuple(tied)


def ledger_balances(installation: Installation, period: str) -> tuple[AccountBalance, ...]:
    """Every account's debits and credits up to a period: ours from the register, the ledger's from the ERP's own trial balance."""
    from reverse_etl.systems.contract import LedgerBalances

    ours: dict[tuple[str, str], tuple[int, int]] = {
        (row["entity"], row["account"]): (row["debit_minor"], row["credit_minor"])
        for row in installation.warehouse.read_published(_OUR_BALANCES, [period]).to_pylist()
    }
    currencies = {row["entity"]: row for row in installation.warehouse.read_published(_ENTITIES).to_pylist()}
    balances = []
    for entity, system in ledger_systems(installation):
        if not isinstance(system, LedgerBalances):
            continue
        row = currencies[entity]
        ledger = system.trial_balance(entity, period)
        accounts = sorted({account for owner, account in ours if owner == entity} | {account for account, sides in ledger.items() if any(sides)})
        balances += [
            AccountBalance(
                entity,
                row["functional_currency"],
                row["functional_exponent"],
                account,
                ours.get((entity, account), (0, 0)),
                tuple(ledger.get(account, (0, 0))),  # type: ignore[arg-type]
            )
            for account in accounts
        ]
    return tuple(balances)


def billing_holds(installation: Installation) -> Sequence[Mapping[str, Any]]:
    """What the billing platform holds by entity, document type and currency, as last read back."""
    holds: list[Mapping[str, Any]] = installation.warehouse.read_published(_BILLING_HOLDS).to_pylist()
    return holds


def document_count(installation: Installation) -> int:
    """How many documents the register holds."""
    with closing(installation.open_register()) as register:
        return len(register.documents())


def show_checkpoints(period: str, checkpoints: Sequence[TiedCheckpoint]) -> None:
    """A line for each unit of a checkpoint's main measure, beside its title; ``listed`` is what has its reason, and breaks count over every
    measure."""
    rows: list[dict[str, Any]] = []
    for item in checkpoints:
        title = textwrap.wrap(item.title, LONGEST_TITLE)
        for place, (line, *sides) in enumerate(zip_longest(title, item.left, item.right, item.difference, item.excused)):
            first = {"": item.checkpoint, "breaks": item.break_count} if place == 0 else {}
            rows.append({**first, "checkpoint": line, **dict(zip(_SIDES, sides, strict=True))})
    show(f"Tie-out of {period}", rows, ["", "checkpoint", *_SIDES, "breaks"])


def show_counterparties(holds: Sequence[Mapping[str, Any]], balances: Sequence[AccountBalance], decimals: Mapping[str, int]) -> None:
    billing = [{**row, "total": quantity(str(row["total_minor"]), row["currency"], decimals)} for row in holds]
    show("The billing platform holds", billing, ["entity", "document_type", "documents", "total"])
    ledger = []
    for balance in balances:
        debit, credit = (quantity(str(side), balance.currency, {balance.currency: balance.exponent}) for side in balance.ledger)
        ours = "equal" if balance.equal else " / ".join(map(str, balance.ours))
        ledger.append({"entity": balance.entity, "account": balance.account, "debit": debit, "credit": credit, "ours": ours})
    show("The ERP's own trial balance", ledger, ["entity", "account", "debit", "credit", "ours"])
