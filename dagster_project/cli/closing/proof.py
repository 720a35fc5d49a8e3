"""The books proven outside of Tieout: beancount adds them up again, without tolerance."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.cli.reading.export import write_books

if TYPE_CHECKING:
    from reverse_etl.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Proof:
    """``complaints``: what bean-check said of books that it does not accept."""

    books: int
    entries: int
    complaints: Sequence[str]


def bean_check() -> str | None:
    """The program, beside this Python or on the path."""
    beside = Path(sys.executable).with_name("bean-check")
    return str(beside) if beside.is_file() else shutil.which("bean-check")


def prove_books(warehouse: Warehouse, periods: Sequence[str]) -> Proof | None:
    """The verdict of bean-check on the books of every legal entity in ``periods``; None where it is not installed."""
    from dagster_project.published.books import read_books

    program = bean_check()
    if program is None:
        return None
    books = [book for period in periods for book in read_books(warehouse, period)]
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        for path in write_books(books, "beancount", Path(folder)):
            checked = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
            if checked.returncode != 0:
                complaints.append(f"{path.name}: {checked.stderr.strip() or checked.stdout.strip()}")
    return Proof(len(books), sum(len(book.entries) for book in books), complaints)
