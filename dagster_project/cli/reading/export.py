"""``tieout export``: the books of a period in the formats of other book-keeping programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from reverse_etl.books import Books

# Format -> the end of a file's name. The first two have a file per legal entity, the tables one for all.
FORMATS = {"beancount": "beancount", "hledger": "journal", "csv": "csv", "parquet": "parquet"}
PROVEN_BY = {"beancount": "bean-check", "hledger": "hledger check --strict -f"}


@click.command("export")
@click.argument("format_name", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.option("--period", required=True, help="The accounting period, YYYY-MM.")
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--book", help="A secondary book of those that are delivered in books/ (default: the primary one, which the ERP holds).")
@click.option(
    "--currency",
    type=click.Choice(["functional", "transaction"]),
    default="functional",
    show_default=True,
    help="In which currency beancount and hledger get the amounts; the other one is a note on each line.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("books"), show_default=True, help="The folder to write into."
)
@with_session
def export_command(session: Session, format_name: str, period: str, entity: str | None, book: str | None, currency: str, output: Path) -> None:
    """Write the books of a period as FORMAT: beancount, hledger, csv or parquet. Every entry that is sealed for the period is in them, with
    what the accounts held before and after it, so that a program that knows nothing of Tieout adds them up again."""
    from dagster_project.published.books import read_books

    books = read_books(session.installation.warehouse, period, entity, book)
    written = write_books(books, format_name, output, currency == "transaction")
    for path in written:
        session.line(f"Wrote {path}")
    entries = sum(len(book.entries) for book in books)
    proof = f"; prove with: {PROVEN_BY[format_name]} FILE" if format_name in PROVEN_BY else ""
    session.line(f"{entries} journal entries of {period}{proof}")
    session.result({"files": [str(path) for path in written], "entries": entries})


def write_books(books: list[Books], format_name: str, folder: Path, in_transaction_currency: bool = False) -> list[Path]:
    """The files that were written."""
    from reverse_etl.books import beancount_text, hledger_text, write_csv, write_parquet

    folder.mkdir(parents=True, exist_ok=True)
    ending = FORMATS[format_name]
    if format_name in ("csv", "parquet"):
        path = folder / f"{_of_book(books[0])}{books[0].first_day:%Y-%m}.{ending}"
        (write_csv if format_name == "csv" else write_parquet)(books, path)
        return [path]
    text_of = beancount_text if format_name == "beancount" else hledger_text
    paths = []
    for book in books:
        path = folder / f"{book.entity}-{_of_book(book)}{book.first_day:%Y-%m}.{ending}"
        path.write_text(text_of(book, in_transaction_currency), encoding="utf-8")
        paths.append(path)
    return paths


def _of_book(books: Books) -> str:
    """What tells the file of a secondary book from that of the primary one."""
    return f"{re.sub('[^A-Za-z0-9_-]', '-', books.book)}-" if books.book else ""
