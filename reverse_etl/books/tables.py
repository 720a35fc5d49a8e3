"""Books as a table, one row per journal line, for spreadsheets and other warehouses."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from reverse_etl.books.books import Books, plain

# Currencies have at most four decimals (ISO 4217), and amounts keep their exact value.
_AMOUNT = pa.decimal128(38, 4)
SCHEMA = pa.schema(
    [
        pa.field("entity", pa.string(), nullable=False),
        pa.field("period", pa.string(), nullable=False),
        pa.field("posting_date", pa.date32(), nullable=False),
        pa.field("reference", pa.string(), nullable=False),
        pa.field("erp_number", pa.string()),
        pa.field("state", pa.string(), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("source_document", pa.string(), nullable=False),
        pa.field("line_key", pa.string(), nullable=False),
        pa.field("account", pa.string(), nullable=False),
        pa.field("account_name", pa.string(), nullable=False),
        pa.field("account_type", pa.string(), nullable=False),
        pa.field("customer_id", pa.string()),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("amount", _AMOUNT, nullable=False),
        pa.field("functional_currency", pa.string(), nullable=False),
        pa.field("functional_amount", _AMOUNT, nullable=False),
    ]
)


def write_csv(books: Sequence[Books], path: Path) -> None:
    """Amounts as text with the decimals of their currency, debit positive; a column's name is that of ``SCHEMA``."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, SCHEMA.names, lineterminator="\n")
        writer.writeheader()
        for row in _rows(books):
            writer.writerow(row | {name: plain(row[name]) for name in ("amount", "functional_amount")})


def write_parquet(books: Sequence[Books], path: Path) -> None:
    """Amounts as decimals, debit positive."""
    parquet.write_table(pa.Table.from_pylist(list(_rows(books)), SCHEMA), path)


def _rows(books: Sequence[Books]) -> Iterator[dict[str, Any]]:
    for book in books:
        accounts = {account.code: account for account in book.accounts}
        for entry in book.entries:
            for posting in entry.postings:
                yield {
                    "entity": book.entity,
                    "period": f"{book.first_day:%Y-%m}",
                    "posting_date": entry.posting_date,
                    "reference": entry.reference,
                    "erp_number": entry.erp_number,
                    "state": entry.state,
                    "event": entry.event,
                    "source_document": entry.source_document,
                    "line_key": posting.line_key,
                    "account": posting.account,
                    "account_name": accounts[posting.account].name,
                    "account_type": accounts[posting.account].type,
                    "customer_id": posting.customer_id,
                    "currency": posting.currency,
                    "amount": posting.amount,
                    "functional_currency": book.functional_currency,
                    "functional_amount": posting.functional_amount,
                }
