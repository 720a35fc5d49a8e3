"""What the stand-in holds, in SQLite: organisations with their accounts, manual journals, contacts; tokens and idempotency keys."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from reverse_etl.sandbox.transactions import transaction
from reverse_etl.sandbox.tryton.specification import LedgerSpecification
from reverse_etl.transport.content import read_json, write_json

_TABLES = """
create table if not exists organisations (tenant text primary key, entity text unique, name text, currency text);
create table if not exists accounts
  (tenant text, id text primary key, code text, name text, type text, class text, system_account text, unique (tenant, code));
create table if not exists elements
  (sequence integer primary key autoincrement, kind text, tenant text, id text unique, number text, name text, updated real, body text not null);
create unique index if not exists elements_by_number on elements (kind, tenant, number) where number is not null;
create index if not exists elements_by_kind on elements (kind, tenant, sequence);
create table if not exists keys (key text primary key, fingerprint text, status integer, body text, stored_at real);
create table if not exists settings (name text primary key, value text not null);
"""
ACCOUNT_TYPES = {
    "asset": ("CURRENT", "ASSET"),
    "liability": ("CURRLIAB", "LIABILITY"),
    "revenue": ("REVENUE", "REVENUE"),
    "expense": ("EXPENSE", "EXPENSE"),
    "equity": ("EQUITY", "EQUITY"),
}
RECEIVABLE = "RECEIVABLE"
DEBTORS = "DEBTORS"
JOURNALS, CONTACTS = "ManualJournals", "Contacts"
Element = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    fingerprint: str
    status: int
    body: str


class Store:
    def __init__(self, path: Path | str, clock: Callable[[], float] = time.time) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(_TABLES)
        self._clock = clock
        self._offset = float(self.setting("offset_seconds") or 0.0)

    def close(self) -> None:
        self._connection.close()

    def transaction(self) -> AbstractContextManager[None]:
        return transaction(self._connection)

    def now(self) -> float:
        return self._clock() + self._offset

    def today(self) -> date:
        return datetime.fromtimestamp(self.now(), UTC).date()

    def setting(self, name: str) -> str | None:
        found = self._connection.execute("select value from settings where name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set(self, name: str, value: str | None) -> None:
        if value is None:
            self._connection.execute("delete from settings where name = ?", (name,))
        else:
            self._connection.execute("insert or replace into settings values (?, ?)", (name, value))
        if name == "offset_seconds":
            self._offset = float(value or 0.0)

    def provide(self, specification: LedgerSpecification) -> None:
        """An organisation per company with its accounts, those that are there already left as they are."""
        with self.transaction():
            for company in sorted(specification.companies):
                tenant = str(uuid.uuid5(uuid.NAMESPACE_URL, f"organisation/{company.entity_id}"))
                row = (tenant, company.entity_id, company.name, company.currency)
                self._connection.execute("insert or ignore into organisations values (?, ?, ?, ?)", row)
                self._add_account(tenant, RECEIVABLE, "Receivables billed elsewhere", "asset", None)
                for account in sorted(specification.accounts):
                    if account.entity_id == company.entity_id:
                        system_account = DEBTORS if account.is_receivable else None
                        self._add_account(tenant, account.account_code, account.name, account.account_type, system_account)

    def organisations(self) -> list[Mapping[str, Any]]:
        return [dict(row) for row in self._connection.execute("select * from organisations order by entity")]

    def organisation(self, tenant: str) -> Mapping[str, Any] | None:
        return next((found for found in self.organisations() if found["tenant"] == tenant), None)

    def accounts(self, tenant: str) -> list[Mapping[str, Any]]:
        return [dict(row) for row in self._connection.execute("select * from accounts where tenant = ? order by code", (tenant,))]

    def account(self, tenant: str, code: str) -> Mapping[str, Any] | None:
        found = self._connection.execute("select * from accounts where tenant = ? and code = ?", (tenant, code)).fetchone()
        return None if found is None else dict(found)

    def save(self, kind: str, tenant: str, identifier: str, element: Element, *, number: str | None = None, name: str | None = None) -> None:
        """Insert or replace; the element's place among the others stays."""
        body, now = write_json(element).decode(), self.now()
        query = "update elements set number = ?, name = ?, updated = ?, body = ? where id = ?"
        if self._connection.execute(query, (number, name, now, body, identifier)).rowcount == 0:
            query = "insert into elements (kind, tenant, id, number, name, updated, body) values (?, ?, ?, ?, ?, ?, ?)"
            self._connection.execute(query, (kind, tenant, identifier, number, name, now, body))

    def find(self, kind: str, tenant: str, column: str, value: str) -> Element | None:
        """One element by its ``id``, ``number`` or ``name``."""
        query = f"select body, updated from elements where kind = ? and tenant = ? and {column} = ? order by sequence limit 1"
        found = self._connection.execute(query, (kind, tenant, value)).fetchone()
        return None if found is None else _element(found)

    def every(self, kind: str, tenant: str, since: float | None = None) -> Iterator[Element]:
        """All elements, oldest change first; with ``since``, those changed at or after it."""
        query = "select body, updated from elements where kind = ? and tenant = ? and updated >= ? order by updated, id"
        for row in self._connection.execute(query, (kind, tenant, since or 0.0)).fetchall():
            yield _element(row)

    def recall(self, key: str, retention_seconds: float) -> StoredAnswer | None:
        row = self._connection.execute("select fingerprint, status, body, stored_at from keys where key = ?", (key,)).fetchone()
        return None if row is None or row[3] + retention_seconds <= self.now() else StoredAnswer(row[0], row[1], row[2])

    def remember(self, key: str, answer: StoredAnswer) -> None:
        values = (key, answer.fingerprint, answer.status, answer.body, self.now())
        self._connection.execute("insert or replace into keys values (?, ?, ?, ?, ?)", values)

    def summary(self) -> dict[str, Any]:
        journals = self._connection.execute("select tenant, body, updated from elements where kind = ? order by sequence", (JOURNALS,)).fetchall()
        balances: dict[str, dict[str, Decimal]] = {}
        shown = []
        for row in journals:
            element = _element(row)
            shown.append({"tenant": row["tenant"]} | {name: element.get(name) for name in ("ManualJournalID", "Narration", "Status", "Date")})
            if element["Status"] == "POSTED":
                of_tenant = balances.setdefault(row["tenant"], {})
                for line in element["JournalLines"]:
                    of_tenant[line["AccountCode"]] = of_tenant.get(line["AccountCode"], Decimal(0)) + Decimal(line["LineAmount"])
        contacts = self._connection.execute("select tenant, number, name from elements where kind = ? order by sequence", (CONTACTS,))
        return {
            "organisations": self.organisations(),
            "journals": shown,
            "contacts": [dict(row) for row in contacts],
            "balances": {tenant: {code: format(amount, "f") for code, amount in found.items()} for tenant, found in balances.items()},
        }

    def _add_account(self, tenant: str, code: str, name: str, kind: str, system_account: str | None) -> None:
        account_type, account_class = ACCOUNT_TYPES[kind]
        row = (tenant, str(uuid.uuid5(uuid.UUID(tenant), code)), code, name, account_type, account_class, system_account)
        self._connection.execute("insert or ignore into accounts values (?, ?, ?, ?, ?, ?, ?)", row)


def _element(row: sqlite3.Row) -> Element:
    element: Element = read_json(row["body"].encode())
    element["UpdatedDateUTC"] = f"/Date({int(row['updated'] * 1000)}+0000)/"
    return element


def shown_date(day: date) -> str:
    """As JSON has it: ``/Date(milliseconds+0000)/``."""
    return f"/Date({int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)}+0000)/"


def read_date(text: str) -> date:
    """The day of ``/Date(milliseconds+0000)/``."""
    return datetime.fromtimestamp(int(text[6:].partition("+")[0].rstrip(")/")) / 1000, UTC).date()
