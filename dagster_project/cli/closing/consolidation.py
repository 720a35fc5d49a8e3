"""The consolidated trial balance of a tied-out period for people: what the entities hold, and what translation and elimination make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_project.cli.closing.tie_out import console
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
    from rich.table import Table

    if not accounts:
        return
    first = accounts[0]
    table = Table(title=f"The group at the end of {first.period}", title_justify="left", title_style="bold", header_style="bold")
    table.add_column("Account")
    for column in ("Entities at closing rate", "Translation", "Elimination", "Group"):
        table.add_column(column, justify="right", no_wrap=True)
    total = [sum(getattr(account, name) for account in accounts) for name in _LAYERS]
    for account in accounts:
        table.add_row(f"{account.account} {account.account_name}", *_amounts([getattr(account, name) for name in _LAYERS], first))
    table.add_section()
    table.add_row("", *_amounts(total, first))
    console().print(table)


_LAYERS = ("entity_minor", "translation_minor", "elimination_minor", "closing_minor")


def _amounts(minor: Sequence[int], of: ConsolidatedAccount) -> list[str]:
    return [quantity(str(amount), of.currency, {of.currency: of.exponent}) for amount in minor]
