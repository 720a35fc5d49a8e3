"""The books of an accounting period, read from the published warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from dagster_project.close.partitions import first_day, first_day_after
from reverse_etl.books import Account, Balance, Books, Entry, Posting
from reverse_etl.errors import ConfigurationError
from reverse_etl.warehouse import Warehouse

Row = Mapping[str, Any]

_ENTITIES = """
    select entity, entity_name, functional_currency from staging.stg_crm__legal_entities
    where violation is null and ($1 is null or entity = $1)
    order by entity
"""
_ACCOUNTS = """
    select entity, account_code, account_name, account_type from staging.stg_finance__accounts where account_type is not null
    order by entity, account_code
"""
# A summary of the ERP is one entry; of a secondary book, of which the ERP holds none, every entry stands by itself.
_LINES = """
    select entity, cast(document_position as varchar) as entry, entry_reference, erp_number, posting_date, event, source_document, state, line_key,
        account, customer_id, currency, exponent, signed_minor, functional_exponent, signed_functional_minor
    from ledger.general_ledger
    where period = $1
    order by entity, posting_date, document_position, line_key
"""
_BALANCES = """
    select entity, account, currency, exponent, opening_minor, closing_minor
    from ledger.account_balances where period = $1
    order by entity, account, currency
"""
_FUNCTIONAL_BALANCES = """
    select entity, account, functional_currency as currency, functional_exponent as exponent, opening_minor, closing_minor
    from ledger.trial_balance where period = $1
    order by entity, account
"""
_BOOKS = "select entity from staging.stg_finance__books where violation is null and book = $1"
_BOOK_LINES = """
    select entity, natural_id as entry, coalesce(entry_reference, natural_id) as entry_reference, erp_number, posting_date, event, source_document,
        coalesce(state, 'adjusting') as state, line_key, account, customer_id, currency, exponent, signed_minor, functional_exponent,
        signed_functional_minor
    from ledger.book_lines
    where period = $1 and book = $2
    order by entity, posting_date, natural_id, line_key
"""
_BOOK_BALANCES = """
    select entity, account, currency, exponent, opening_minor, closing_minor
    from ledger.book_trial_balance where period = $1 and book = $2
    order by entity, account, currency
"""
_BOOK_FUNCTIONAL_BALANCES = """
    select entity, account, functional_currency as currency, functional_exponent as exponent,
        cast(sum(functional_opening_minor) as bigint) as opening_minor, cast(sum(functional_closing_minor) as bigint) as closing_minor
    from ledger.book_trial_balance where period = $1 and book = $2
    group by entity, account, functional_currency, functional_exponent
    order by entity, account
"""


def read_books(warehouse: Warehouse, period: str, entity: str | None = None, book: str | None = None) -> list[Books]:
    """The primary books of each legal entity, or of one, in the order of their ids; without entries where nothing was posted. With ``book``, that
    secondary book of those that keep it.

    Raises:
        ConfigurationError: the period is not YYYY-MM, or there is no such entity or book.
    """
    first = first_day(period)
    entities = warehouse.read_published(_ENTITIES, [entity]).to_pylist()
    if not entities:
        raise ConfigurationError(f"there is no legal entity {entity!r}; 'tieout status' lists them" if entity else "no legal entity is delivered yet")
    if book is not None:
        keepers = {row["entity"] for row in warehouse.read_published(_BOOKS, [book]).to_pylist()}
        entities = [row for row in entities if row["entity"] in keepers]
        if not entities:
            raise ConfigurationError(f"no book {book!r} is kept{f' by {entity}' if entity else ''}; deliver it in books/")
    statements = (_LINES, _FUNCTIONAL_BALANCES, _BALANCES) if book is None else (_BOOK_LINES, _BOOK_FUNCTIONAL_BALANCES, _BOOK_BALANCES)
    parameters = [period] if book is None else [period, book]
    lines, balances, currency_balances = (_by_entity(warehouse.read_published(one, parameters).to_pylist()) for one in statements)
    accounts = _by_entity(warehouse.read_published(_ACCOUNTS).to_pylist())
    return [
        Books(
            entity=row["entity"],
            entity_name=row["entity_name"],
            functional_currency=row["functional_currency"],
            first_day=first,
            last_day=first_day_after(period) - timedelta(days=1),
            accounts=[
                Account(account["account_code"], account["account_name"] or account["account_code"], account["account_type"])
                for account in accounts.get(row["entity"], [])
            ],
            entries=_entries(lines.get(row["entity"], [])),
            balances=[_balance(balance) for balance in balances.get(row["entity"], [])],
            currency_balances=[_balance(balance) for balance in currency_balances.get(row["entity"], [])],
            book=book,
        )
        for row in entities
    ]


def _entries(lines: Sequence[Row]) -> list[Entry]:
    entries = []
    for _, group in groupby(lines, key=lambda line: line["entry"]):
        postings = list(group)
        first = postings[0]
        entries.append(
            Entry(
                first["entry_reference"],
                first["erp_number"],
                first["posting_date"],
                first["event"],
                first["source_document"],
                first["state"],
                [
                    Posting(
                        line["line_key"],
                        line["account"],
                        _units(line["signed_minor"], line["exponent"]),
                        line["currency"],
                        _units(line["signed_functional_minor"], line["functional_exponent"]),
                        line["customer_id"],
                    )
                    for line in postings
                ],
            )
        )
    return entries


def _balance(row: Row) -> Balance:
    return Balance(row["account"], row["currency"], _units(row["opening_minor"], row["exponent"]), _units(row["closing_minor"], row["exponent"]))


def _units(minor: int, exponent: int) -> Decimal:
    return Decimal(minor).scaleb(-exponent)


def _by_entity(rows: Sequence[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["entity"], []).append(row)
    return grouped
