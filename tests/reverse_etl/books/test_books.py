"""Books in other programs' formats: what the program accepts, what it refuses, and what cannot be written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet
import pytest

from reverse_etl.books import Account, Balance, Books, Entry, Posting, beancount_text, hledger_text, write_parquet
from reverse_etl.books.books import BooksError

BEAN_CHECK = Path(sys.executable).with_name("bean-check")


def posting(key: str, account: str, amount: str, currency: str, functional: str, customer: str | None = None) -> Posting:
    return Posting(key, account, Decimal(amount), currency, Decimal(functional), customer)


BOOKS = Books(
    entity="northlight_eu",
    entity_name='Northlight "EU" GmbH; Berlin | Europe',
    functional_currency="EUR",
    first_day=date(2026, 2, 1),
    last_day=date(2026, 2, 28),
    accounts=[
        Account("1200.10", 'Trade "receivables"; all | of them', "asset"),
        Account("2100", "Tax payable", "liability"),
        Account("3000", "Retained earnings", "equity"),
        Account("4100", "Usage revenue", "revenue"),
        Account("7900", "Currency rounding", "expense"),
    ],
    entries=[
        Entry(
            "INV1:issued",
            "GJ/2026/17",
            date(2026, 2, 28),
            "invoice_issued",
            'stripe/northlight_eu/invoice/C1 "x"; y | z',
            "verified",
            [
                posting("a", "1200.10", "11900", "JPY", "75.13", "C0001"),
                posting("b", "4100", "-10000", "JPY", "-63.13"),
                posting("c", "2100", "-1900", "JPY", "-12.00"),
            ],
        ),
        Entry(
            "INV2:issued",
            None,
            date(2026, 2, 28),
            "invoice_issued",
            "stripe/northlight_eu/invoice/C2",
            "posted",
            [
                posting("d", "1200.10", "0.333", "KWD", "1.00"),
                posting("e", "4100", "-0.333", "KWD", "-0.99"),
                posting("f", "7900", "0", "KWD", "-0.01"),
            ],
        ),
    ],
    balances=[
        Balance("1200.10", "EUR", Decimal("100.00"), Decimal("176.13")),
        Balance("2100", "EUR", Decimal("-19.00"), Decimal("-31.00")),
        Balance("4100", "EUR", Decimal("-81.00"), Decimal("-145.12")),
        Balance("7900", "EUR", Decimal("0.00"), Decimal("-0.01")),
    ],
    currency_balances=[
        Balance("1200.10", "EUR", Decimal("100.00"), Decimal("100.00")),
        Balance("1200.10", "JPY", Decimal("0"), Decimal("11900")),
        Balance("1200.10", "KWD", Decimal("0.000"), Decimal("0.333")),
        Balance("2100", "EUR", Decimal("-19.00"), Decimal("-19.00")),
        Balance("2100", "JPY", Decimal("0"), Decimal("-1900")),
        Balance("4100", "EUR", Decimal("-81.00"), Decimal("-81.00")),
        Balance("4100", "JPY", Decimal("0"), Decimal("-10000")),
        Balance("4100", "KWD", Decimal("0.000"), Decimal("-0.333")),
    ],
)


def bean_check(text: str, folder: Path) -> str:
    """What bean-check complains of."""
    path = folder / "books.beancount"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([BEAN_CHECK, path], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


def hledger_check(text: str, folder: Path) -> str:
    """What hledger complains of."""
    path = folder / "books.journal"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(["hledger", "check", "--strict", "-f", path], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


PROGRAMS = [
    pytest.param(beancount_text, bean_check, id="beancount"),
    pytest.param(
        hledger_text, hledger_check, id="hledger", marks=pytest.mark.skipif(shutil.which("hledger") is None, reason="hledger is not installed")
    ),
]
Write = Callable[[Books, bool], str]
Check = Callable[[str, Path], str]


@pytest.mark.parametrize(("write", "check"), PROGRAMS)
@pytest.mark.parametrize("in_transaction_currency", [False, True])
def test_books_of_several_currencies_and_awkward_names_are_accepted(
    write: Write, check: Check, in_transaction_currency: bool, tmp_path: Path
) -> None:
    assert check(write(BOOKS, in_transaction_currency), tmp_path) == ""


@pytest.mark.parametrize(("write", "check"), PROGRAMS)
@pytest.mark.parametrize(
    ("in_transaction_currency", "true", "wrong"),
    [(False, "  -63.13 EUR", "  -63.135 EUR"), (True, "  -10000 JPY", "  -10000.5 JPY"), (True, "  -0.333 KWD", "  -0.3335 KWD")],
)
def test_half_of_the_last_digit_of_a_currency_is_refused(
    write: Write, check: Check, in_transaction_currency: bool, true: str, wrong: str, tmp_path: Path
) -> None:
    text = write(BOOKS, in_transaction_currency)
    assert true in text
    assert check(text.replace(true, wrong, 1), tmp_path)


@pytest.mark.parametrize(("write", "check"), PROGRAMS)
def test_books_whose_accounts_do_not_end_where_the_warehouse_says_are_refused(write: Write, check: Check, tmp_path: Path) -> None:
    [first, *others] = BOOKS.balances
    assert check(write(replace(BOOKS, balances=[replace(first, closing=first.closing + Decimal("0.01")), *others]), False), tmp_path)


@pytest.mark.parametrize(("write", "check"), PROGRAMS)
def test_a_period_without_entries_is_a_book_of_its_balances(write: Write, check: Check, tmp_path: Path) -> None:
    still = [replace(balance, closing=balance.opening) for balance in BOOKS.balances]
    assert check(write(replace(BOOKS, entries=[], balances=still), False), tmp_path) == ""
    assert check(write(replace(BOOKS, entries=[], balances=[]), False), tmp_path) == ""


def test_an_account_that_no_name_tells_from_another_is_refused() -> None:
    alike = [*BOOKS.accounts, Account("1200-10", "Other receivables", "asset")]
    with pytest.raises(BooksError, match="1200-10"):
        beancount_text(replace(BOOKS, accounts=alike))
    with pytest.raises(BooksError, match="of the type 'memo'"):
        hledger_text(replace(BOOKS, accounts=[Account("9000", "Statistics", "memo")]))


def test_a_table_holds_the_exact_amounts_of_every_line(tmp_path: Path) -> None:
    write_parquet([BOOKS], tmp_path / "books.parquet")
    rows = pyarrow.parquet.read_table(tmp_path / "books.parquet").to_pylist()
    assert {row["line_key"]: (row["amount"], row["functional_amount"], row["account_type"]) for row in rows} == {
        "a": (Decimal(11900), Decimal("75.13"), "asset"),
        "b": (Decimal(-10000), Decimal("-63.13"), "revenue"),
        "c": (Decimal(-1900), Decimal("-12.00"), "liability"),
        "d": (Decimal("0.333"), Decimal("1.00"), "asset"),
        "e": (Decimal("-0.333"), Decimal("-0.99"), "revenue"),
        "f": (Decimal(0), Decimal("-0.01"), "expense"),
    }
