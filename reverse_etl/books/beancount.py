"""Books in the format of beancount 3 (its language syntax document)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reverse_etl.books.books import Balance, Books, Entry, account_names, plain

ROOTS = {"asset": "Assets", "liability": "Liabilities", "equity": "Equity", "revenue": "Income", "expense": "Expenses"}


def beancount_text(books: Books, in_transaction_currency: bool = False) -> str:
    """One file that ``bean-check`` proves without tolerance: every entry balances, and every account ends with the balance of the warehouse.

    Amounts are in the functional currency, or in the currency of each entry; the other one is metadata of the posting.

    Raises:
        BooksError: an account cannot be named in beancount.
    """
    return "\n".join(_lines(books, in_transaction_currency)) + "\n"


def _lines(books: Books, in_transaction_currency: bool) -> Iterator[str]:
    names = account_names(books, ROOTS)
    balances = books.currency_balances if in_transaction_currency else books.balances
    yield f'option "title" {_quoted(books.title)}'
    yield f'option "operating_currency" {_quoted(books.functional_currency)}'
    # Otherwise half of the last digit would pass.
    yield 'option "tolerance_multiplier" "0"'
    yield ""
    for account in books.accounts:
        yield f"{books.first_day} open {names[account.code]}"
        yield f"  name: {_quoted(account.name)}"
    for currency in sorted({balance.currency for balance in balances if balance.opening != 0}):
        yield ""
        yield f'{books.first_day} * "Opening balances"'
        for balance in balances:
            if balance.currency == currency and balance.opening != 0:
                yield f"  {names[balance.account]}  {plain(balance.opening)} {currency}"
    for entry in books.entries:
        yield ""
        yield from _entry(books, entry, names, in_transaction_currency)
    yield ""
    for balance in balances:
        yield _assertion(books, balance, names)


def _entry(books: Books, entry: Entry, names: dict[str, str], in_transaction_currency: bool) -> Iterator[str]:
    yield f"{entry.posting_date} * {_quoted(entry.source_document)} {_quoted(entry.event)}"
    yield f"  reference: {_quoted(entry.reference)}"
    if entry.erp_number:
        yield f"  erp_number: {_quoted(entry.erp_number)}"
    yield f"  state: {_quoted(entry.state)}"
    for posting in entry.postings:
        shown, other = (
            ((posting.amount, posting.currency), (posting.functional_amount, books.functional_currency))
            if in_transaction_currency
            else ((posting.functional_amount, books.functional_currency), (posting.amount, posting.currency))
        )
        if shown[0] == 0:
            continue
        yield f"  {names[posting.account]}  {plain(shown[0])} {shown[1]}"
        yield f"    line: {_quoted(posting.line_key)}"
        if shown[1] != other[1]:
            yield f"    {'functional' if in_transaction_currency else 'transaction'}: {plain(other[0])} {other[1]}"
        if posting.customer_id:
            yield f"    customer: {_quoted(posting.customer_id)}"


def _assertion(books: Books, balance: Balance, names: dict[str, str]) -> str:
    # A balance is asserted for the beginning of its day.
    return f"{books.last_day + timedelta(days=1)} balance {names[balance.account]}  {plain(balance.closing)} ~ 0 {balance.currency}"


def _quoted(text: str) -> str:
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'
