"""Books in the format of hledger (its journal manual)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reverse_etl.books.books import Books, Entry, account_names, plain

ROOTS = {"asset": "assets", "liability": "liabilities", "equity": "equity", "revenue": "revenues", "expense": "expenses"}
# hledger balances to the decimals that a currency declares: with its own ones only, half of the last digit would pass.
SPARE_DECIMALS = 3


def hledger_text(books: Books, in_transaction_currency: bool = False) -> str:
    """One journal that ``hledger check --strict`` proves: every entry balances, and every account ends with the balance of the warehouse.

    Amounts are in the functional currency, or in the currency of each entry; the other one is a tag of the posting.

    Raises:
        BooksError: an account cannot be named in hledger.
    """
    return "\n".join(_lines(books, in_transaction_currency)) + "\n"


def _lines(books: Books, in_transaction_currency: bool) -> Iterator[str]:
    names = account_names(books, ROOTS)
    balances = books.currency_balances if in_transaction_currency else books.balances
    yield f"; {_one_line(books.title)}"
    decimals: dict[str, int] = {}
    for balance in balances:
        decimals[balance.currency] = max(decimals.get(balance.currency, 0), _decimals(balance.closing))
    for currency in sorted(decimals):
        yield f"commodity 1000.{'0' * (decimals[currency] + SPARE_DECIMALS)} {currency}"
    for account in books.accounts:
        yield f"account {names[account.code]}  ; name: {_tag(account.name)}"
    for currency in sorted({balance.currency for balance in balances if balance.opening != 0}):
        yield ""
        yield f"{books.first_day} * Opening balances"
        for balance in balances:
            if balance.currency == currency and balance.opening != 0:
                yield f"    {names[balance.account]}  {plain(balance.opening)} {currency}"
    for entry in books.entries:
        yield ""
        yield from _entry(books, entry, names, in_transaction_currency)
    if balances:
        yield ""
        yield f"{books.last_day} * Closing balances"
    for balance in balances:
        yield f"    {names[balance.account]}  0 {balance.currency} = {plain(balance.closing)} {balance.currency}"


def _entry(books: Books, entry: Entry, names: dict[str, str], in_transaction_currency: bool) -> Iterator[str]:
    tags = [f"event: {entry.event}", f"reference: {_tag(entry.reference)}", f"state: {entry.state}"]
    if entry.erp_number:
        tags.append(f"erp_number: {_tag(entry.erp_number)}")
    yield f"{entry.posting_date} * {_one_line(entry.source_document)}  ; {', '.join(tags)}"
    for posting in entry.postings:
        shown, other = (
            ((posting.amount, posting.currency), (posting.functional_amount, books.functional_currency))
            if in_transaction_currency
            else ((posting.functional_amount, books.functional_currency), (posting.amount, posting.currency))
        )
        if shown[0] == 0:
            continue
        tags = [f"line: {_tag(posting.line_key)}"]
        if shown[1] != other[1]:
            tags.append(f"{'functional' if in_transaction_currency else 'transaction'}: {plain(other[0])} {other[1]}")
        if posting.customer_id:
            tags.append(f"customer: {_tag(posting.customer_id)}")
        yield f"    {names[posting.account]}  {plain(shown[0])} {shown[1]}  ; {', '.join(tags)}"


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _one_line(text: str) -> str:
    """Semicolons begin comments, and bars end a payee."""
    return " ".join(text.split()).replace(";", ",").replace("|", "/")


def _tag(text: str) -> str:
    """A comma ends the value of a tag."""
    return _one_line(text).replace(",", " ")
