"""The sub-ledgers: how each rolls forward, and whether the general ledger closes its accounts with the same balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagster_project.published.held_back import published
from reverse_etl.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class SubLedger:
    """``sign``: of its balance, where a debit of the general ledger is positive."""

    name: str
    relation: str
    movements: Sequence[str]
    sign: int


SUB_LEDGERS = (
    SubLedger(
        "receivables", "receivables_roll_forward", ("opened", "invoiced", "credited", "voided", "drawn", "paid", "refunded", "written_off"), sign=1
    ),
    SubLedger("unbilled_receivables", "unbilled_receivables_roll_forward", ("accrued", "reversed"), sign=1),
    SubLedger("deferred_revenue", "deferred_revenue_roll_forward", ("opened", "billed", "credited", "recognised"), sign=-1),
    SubLedger("prepaid_credits", "prepaid_credit_roll_forward", ("opened", "sold", "credited", "drawn", "restored", "broken"), sign=-1),
    SubLedger("tax", "tax_roll_forward", ("charged", "credited"), sign=-1),
    SubLedger("revenue", "revenue_by_service_period", ("usage", "schedule", "accrual", "promotional_credit", "breakage"), sign=-1),
)

# An account may serve several sub-ledgers, which together are its balance.
_ROLLED = """
    select entity, period, account, currency, currencies.exponent,
        {sign} * balances.opening_minor as opening_minor, {sign} * balances.closing_minor as closing_minor, {movements},
        shared.closing_minor = coalesce(ledger.closing_minor, 0) as equal
    from ledger.sub_ledger_balances as balances
    inner join constants.currencies as currencies using (currency)
    inner join (
        select entity, period, account, currency, sum(closing_minor) as closing_minor from ledger.sub_ledger_balances group by all
    ) as shared using (entity, period, account, currency)
    left join (
        select entity, period, account, currency, {sums} from ledger.{relation} group by all
    ) as moved using (entity, period, account, currency)
    left join ledger.account_balances as ledger using (entity, period, account, currency)
    where balances.sub_ledger = '{name}' and period <= ?
    order by all
"""


@dataclass(frozen=True, slots=True)
class RolledForward:
    """One account of one sub-ledger in one period: opening and movements are the closing balance, in minor units, a liability and revenue positive.

    ``equal``: whether the general ledger closes the account with the same balance.
    """

    sub_ledger: str
    entity: str
    period: str
    account: str
    currency: str
    exponent: int
    opening: int
    movements: Mapping[str, int]
    closing: int
    equal: bool


def rolled_forward(warehouse: Warehouse, period: str) -> tuple[RolledForward, ...]:
    """Every sub-ledger by period, up to and with ``period``, from the published warehouse."""
    return tuple(rolled for sub_ledger in SUB_LEDGERS for rolled in _read(warehouse, sub_ledger, period))


def _read(warehouse: Warehouse, sub_ledger: SubLedger, period: str) -> Sequence[RolledForward]:
    names = [f"{movement}_minor" for movement in sub_ledger.movements]
    statement = _ROLLED.format(
        name=sub_ledger.name,
        relation=sub_ledger.relation,
        sign=sub_ledger.sign,
        sums=", ".join(f"cast(sum({name}) as bigint) as {name}" for name in names),
        movements=", ".join(f"coalesce(moved.{name}, 0) as {name}" for name in names),
    )
    return [
        RolledForward(
            sub_ledger.name,
            row["entity"],
            row["period"],
            row["account"],
            row["currency"],
            row["exponent"],
            row["opening_minor"],
            {movement: row[f"{movement}_minor"] for movement in sub_ledger.movements},
            row["closing_minor"],
            row["equal"],
        )
        for row in published(warehouse, statement, [period])
    ]
