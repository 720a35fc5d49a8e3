"""What a drill came to, counted where the documents went: in the objects of the billing stand-in and in the database of the ERP."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster_project.close import Installation
from dagster_project.close.steps import checkpoints
from reverse_etl.documents import SealedDocument
from reverse_etl.settings import Settings

REFERENCE = "tieout_reference"
CHECKPOINTS = 11
"""K0 to K10."""


@dataclass(frozen=True, slots=True)
class Counts:
    """``sealed``: documents of the register; ``there``: documents at the destinations that carry a reference of ours, or a code of a customer.

    ``lost``: sealed and not there, or there and not complete. ``doubled``: there more than once, or there under a reference that nobody sealed.
    ``untied``: what of the checkpoints of each closed period does not tie, ``periods``: how many of those there are.
    """

    sealed: int
    there: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    untied: tuple[str, ...]
    periods: int

    @property
    def tied(self) -> bool:
        return not self.untied and self.periods > 0

    @property
    def clean(self) -> bool:
        return not self.lost and not self.doubled and self.tied

    def __str__(self) -> str:
        return f"{self.sealed} documents sealed, {self.there} at their destinations: {len(self.lost)} lost, {len(self.doubled)} doubled"


def count(settings: Settings, periods: tuple[str, ...]) -> Counts:
    """Counts what is at the destinations now, and whether each of the periods is closed with all its checkpoints tied."""
    with closing(Installation(settings).open_register()) as register:
        documents = register.documents()
        opened = [
            f"{entity} {period} is open" for period in periods for entity in settings.entities if register.period_status(entity, period) == "open"
        ]
    held = list(_held(settings))
    there, complete = Counter(identity for identity, _ in held), {identity for identity, is_complete in held if is_complete}
    expected = {_identity(document): document.business_key for document in documents}
    doubled = [
        f"{expected.get(one, 'nobody sealed it:')} {one} ({number} times)" for one, number in there.items() if number > 1 or one not in expected
    ]
    return Counts(
        sealed=len(documents),
        there=there.total(),
        lost=tuple(key for identity, key in expected.items() if identity not in complete),
        doubled=tuple(doubled),
        untied=(*opened, *(told for period in periods for told in _untied(settings, period))),
        periods=len(periods),
    )


def writes(settings: Settings) -> tuple[Any, ...]:
    """What changes at the destinations with whatever is sent there, the same document again too."""
    with closing(_opened(settings.sandbox_folder / "stripe" / "state.sqlite")) as connection:
        stripe = connection.execute("select (select count(*) from keys), (select count(*) from objects)").fetchone()
    with closing(_opened(settings.sandbox_folder / "tryton" / "erp.sqlite")) as connection:
        tryton = connection.execute("select count(*), max(coalesce(write_date, create_date)) from account_move").fetchone()
    return (*stripe, *tryton)


def amounts(settings: Settings) -> dict[str, tuple[str, int | None]]:
    """Business key -> currency and total of every sealed document."""
    with closing(Installation(settings).open_register()) as register:
        return {document.business_key: (document.currency, document.total_minor) for document in register.documents()}


def lines(settings: Settings) -> dict[str, tuple[int, int]]:
    """Rated line -> net and tax, as all invoices have it, whichever month they are of."""
    with closing(Installation(settings).open_register()) as register:
        invoices = register.documents(document_type="invoice")
    billed: dict[str, tuple[int, int]] = {}
    for line in (line for invoice in invoices for line in invoice.payload["lines"]):
        net, tax = billed.get(line["rated_line_key"], (0, 0))
        billed[line["rated_line_key"]] = (net + line["amount_minor"], tax + line["tax_minor"])
    return billed


def _untied(settings: Settings, period: str) -> list[str]:
    # Of the legal entities of this installation: the models know what they are told of others too.
    of_each = [checkpoints(Installation(settings), entity, period, published=True) for entity in settings.entities]
    found = [one for some in of_each for one in some]
    missing = CHECKPOINTS - len({one.checkpoint for one in found})
    untied = [f"{one.checkpoint} {one.entity} {one.period} {one.measure}: {one.difference} {one.unit}" for one in found if not one.tied]
    return [*untied, *([f"{missing} checkpoints of {period} say nothing"] if missing else [])]


def _identity(document: SealedDocument) -> str:
    # A party of the ERP has no field for our reference: the customer's id is its code, which is unique there.
    return f"party {document.natural_id}" if (document.system, document.document_type) == ("tryton", "customer") else document.reference


def _held(settings: Settings) -> Iterator[tuple[str, bool]]:
    """The reference, or the code, of everything of ours that the destinations hold, and whether it is complete; read from their own files."""
    with closing(_opened(settings.sandbox_folder / "stripe" / "state.sqlite")) as connection:
        for kind, status, body in connection.execute("select kind, status, body from objects"):
            metadata = json.loads(body).get("metadata") or {}
            if kind in ("customer", "invoice", "credit_note"):
                yield from ((str(value), status != "draft") for name, value in metadata.items() if name.startswith(REFERENCE))
    with closing(_opened(settings.sandbox_folder / "tryton" / "erp.sqlite")) as connection:
        for description, state in connection.execute("select description, state from account_move"):
            yield str(description).split()[0], state == "posted"
        for (code,) in connection.execute("select code from party_party where id not in (select party from company_company)"):
            yield f"party {code}", True


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)
