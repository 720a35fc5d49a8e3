"""What the books of one legal entity and one accounting period are, whatever they are written in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reverse_etl.errors import TieoutError


class BooksError(TieoutError):
    """The books cannot be written in the format that was asked for."""


@dataclass(frozen=True)
class Account:
    """``type``: asset, liability, equity, revenue or expense."""

    code: str
    name: str
    type: str


@dataclass(frozen=True)
class Posting:
    """Amounts in units of their currency, debit positive; ``amount`` in the transaction currency."""

    line_key: str
    account: str
    amount: Decimal
    currency: str
    functional_amount: Decimal
    customer_id: str | None


@dataclass(frozen=True)
class Entry:
    """A journal entry. ``reference`` is ours, ``erp_number`` the ERP's once it is posted."""

    reference: str
    erp_number: str | None
    posting_date: date
    event: str
    source_document: str
    state: str
    postings: Sequence[Posting]


@dataclass(frozen=True)
class Balance:
    """What an account holds before and after the period, in units of ``currency``, debit positive."""

    account: str
    currency: str
    opening: Decimal
    closing: Decimal


@dataclass(frozen=True)
class Books:
    """``balances`` come from the warehouse's own sums, so that whoever adds the entries up again proves both.

    ``balances``: per account in the functional currency. ``currency_balances``: per account and transaction currency. ``book``: the name of a
    secondary book; none is the primary one, whose entries the ERP holds.
    """

    entity: str
    entity_name: str
    functional_currency: str
    first_day: date
    last_day: date
    accounts: Sequence[Account]
    entries: Sequence[Entry]
    balances: Sequence[Balance]
    currency_balances: Sequence[Balance]
    book: str | None = None

    @property
    def title(self) -> str:
        named = f", book {self.book}" if self.book else ""
        return f"{self.entity_name} ({self.entity}), {self.first_day:%Y-%m}{named}"


def account_names(books: Books, roots: dict[str, str], separator: str = ":") -> dict[str, str]:
    """Name in the format by account code, such as ``Assets:1200``.

    Raises:
        BooksError: an account has no type, or two codes differ by nothing that a name can hold.
    """
    names: dict[str, str] = {}
    for account in books.accounts:
        root = roots.get(account.type)
        if root is None:
            raise BooksError(
                f"{books.entity}: account {account.code} is of the type '{account.type}', which no book-keeping knows; "
                f"deliver it in accounts/ as one of {', '.join(roots)}"
            )
        name = f"{root}{separator}{re.sub('[^A-Za-z0-9-]', '-', account.code)}"
        if name in names.values():
            raise BooksError(f"{books.entity}: the account {account.code} is written like another one ({name}); give one of them another code")
        names[account.code] = name
    return names


def plain(amount: Decimal) -> str:
    """An amount with all its decimals and no exponent."""
    return format(amount, "f")
