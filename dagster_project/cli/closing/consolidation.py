"""The consolidated trial balance of a tied-out period for people: what the entities hold, and what translation and elimination make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_project.cli.terminal.tables import show
from dagster_project.quantities import quantity

if TYPE_CHECKING:
    from dagster_project.close import Installation

_CONSOLIDATED = """
    select period, account, account_name, account_type, group_currency as currency, group_exponent as exponent,
        entity_minor, translation_minor, elimination_minor, closing_minor
    from ledger.consolidated_trial_balance where period = ? order by account
"""


@dataclass(frozen=True, slots=True)
class ConsolidatedAccount:
    """An account of the group at the end of a period, in minor units of the group's currency, debit positive."""

    period: str
    account: str
    account_name: str
    account_type: str
    currency: str
    exponent: int
    entity_minor: int
    translation_minor: int
    elimination_minor: int
    closing_minor: int


def consolidated(installation: Installation, period: str) -> tuple[ConsolidatedAccount, ...]:
    """Nothing where an entity cannot be translated; ``tieout exceptions`` says which, and what is missing."""
    return tuple(ConsolidatedAccount(**row) for row in installation.warehouse.read_published(_CONSOLIDATED, [period]).to_pylist())


def show_consolidation(accounts: Sequence[ConsolidatedAccount]) -> None:
    if not accounts:
        return
    first = accounts[0]
    total = [sum(getattr(account, name) for account in accounts) for name in _LAYERS]
    rows = [(f"{account.account} {account.account_name}", [getattr(account, name) for name in _LAYERS]) for account in accounts]
    shown = [{"account": name} | dict(zip(_LAYERS.values(), _amounts(minor, first), strict=True)) for name, minor in [*rows, ("all accounts", total)]]
    show(f"The group at the end of {first.period}", shown, ["account", *_LAYERS.values()])


_LAYERS: Mapping[str, str] = {
    "entity_minor": "entities at closing rate",
    "translation_minor": "translation",
    "elimination_minor": "elimination",
    "closing_minor": "group",
}


def _amounts(minor: Sequence[int], of: ConsolidatedAccount) -> list[str]:
    return [quantity(str(amount), of.currency, {of.currency: of.exponent}) for amount in minor]
