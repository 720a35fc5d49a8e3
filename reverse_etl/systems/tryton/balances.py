"""What Tryton adds up by itself: its trial balance, the movement of its accounts, the receivables of its parties."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from typing import Any

from reverse_etl.errors import DestinationError
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.directory import CompanyDirectory, search_read
from reverse_etl.systems.tryton.wire import to_minor, to_tagged_date


def account_sums(connection: Connection, company: CompanyDirectory, first: date | None, last: date) -> Mapping[str, tuple[int, int]]:
    """Debit and credit (minor units of the functional currency) of every account that has either, posted from one day (None: the first) to another.

    Raises:
        DestinationError: Tryton could not be read.
    """
    context: dict[str, Any] = {**company.context, "posted": True, "to_date": to_tagged_date(last)}
    if first is not None:
        context["from_date"] = to_tagged_date(first)
    records = search_read(connection, "account.account", [["company", "=", company.id], ["type", "!=", None]], ["code", "debit", "credit"], context)
    sums = {record["code"]: (minor(record["debit"], company.exponent), minor(record["credit"], company.exponent)) for record in records}
    return {code: sides for code, sides in sums.items() if sides != (0, 0)}


def receivables(connection: Connection, company: CompanyDirectory) -> Mapping[str, int]:
    """What each party owes the company by Tryton's own reckoning, in minor units of the functional currency, by party code; nothing owed is left out.

    Raises:
        DestinationError: Tryton could not be read.
    """
    domain = [["receivable", "!=", {"__class__": "Decimal", "decimal": "0"}]]
    records = search_read(connection, "party.party", domain, ["code", "receivable"], {**company.context, "active_test": False})
    return {record["code"]: minor(record["receivable"], company.exponent) for record in records}


def minor(value: Any, exponent: int) -> int:
    """Raises DestinationError: it is no amount of the currency."""
    try:
        return to_minor(value, exponent)
    except ValueError as error:
        raise DestinationError(f"Tryton holds an amount that cannot be read: {error}") from error


def month(period: str) -> tuple[date, date]:
    """The first and the last day of ``YYYY-MM``."""
    year, number = (int(part) for part in period.split("-"))
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])
