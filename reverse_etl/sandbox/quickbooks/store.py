"""What the stand-in remembers: companies, their objects, answers by request id, tokens; in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from reverse_etl.sandbox.quickbooks.values import to_json
from reverse_etl.sandbox.transactions import savepoint, transaction

Object = dict[str, Any]

_TABLES = """
create table if not exists companies (realm text primary key, body text not null);
create table if not exists objects (realm text not null, kind text not null, id integer not null, body text not null, primary key (realm, kind, id));
create index if not exists objects_by_number on objects (realm, kind, json_extract(body, '$.DocNumber'));
create unique index if not exists display_names on objects (realm, lower(json_extract(body, '$.DisplayName'))) where kind = 'Customer';
create table if not exists balances (realm text not null, customer text not null, cents integer not null, primary key (realm, customer));
create table if not exists answers
  (realm text not null, request_id text not null, body text not null, stored_at real not null, primary key (realm, request_id));
create table if not exists settings (name text primary key, value text not null);
"""


@dataclass(frozen=True, slots=True)
class Company:
    """``closed_until``: the last day (ISO 8601) on which the books are closed; ``warns_of_duplicates``: a document number is taken once."""

    realm: str
    name: str
    home_currency: str
    closed_until: str | None = None
    warns_of_duplicates: bool = False
    multicurrency: bool = True


class Store:
    def __init__(self, path: Path | str, clock: Callable[[], float] = time.time) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(_TABLES)
        self._clock = clock

    def close(self) -> None:
        self._connection.close()

    def now(self) -> float:
        return self._clock() + float(self.setting("offset_seconds") or 0)

    def timestamp(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="milliseconds")

    def transaction(self) -> AbstractContextManager[None]:
        return transaction(self._connection)

    def savepoint(self) -> AbstractContextManager[None]:
        return savepoint(self._connection)

    def company(self, realm: str) -> Company | None:
        row = self._connection.execute("select body from companies where realm = ?", (realm,)).fetchone()
        return Company(**json.loads(row[0])) if row else None

    def companies(self) -> list[Company]:
        return [Company(**json.loads(body)) for (body,) in self._connection.execute("select body from companies order by realm")]

    def put_company(self, company: Company) -> None:
        content = {name: getattr(company, name) for name in Company.__slots__}
        self._connection.execute("insert or replace into companies values (?, ?)", (company.realm, json.dumps(content)))

    def next_id(self, realm: str) -> int:
        """Ids count up over all kinds of a company and are never used again."""
        name = f"last_id:{realm}"
        identifier = int(self.setting(name) or 0) + 1
        self.set(name, str(identifier))
        return identifier

    def put(self, realm: str, kind: str, item: Object) -> None:
        """Raises sqlite3.IntegrityError: the display name is taken."""
        self._connection.execute(
            "insert into objects values (?, ?, ?, ?) on conflict (realm, kind, id) do update set body = excluded.body",
            (realm, kind, int(item["Id"]), to_json(item)),
        )

    def find(self, realm: str, kind: str, identifier: str) -> Object | None:
        if not identifier.isascii() or not identifier.isdigit() or len(identifier) > 15:
            return None
        query = "select body from objects where realm = ? and kind = ? and id = ?"
        row = self._connection.execute(query, (realm, kind, int(identifier))).fetchone()
        return _object(row[0]) if row else None

    def delete(self, realm: str, kind: str, identifier: str) -> None:
        self._connection.execute("delete from objects where realm = ? and kind = ? and id = ?", (realm, kind, int(identifier)))

    def every(self, realm: str, kind: str) -> Iterator[Object]:
        """By rising id."""
        rows = self._connection.execute("select body from objects where realm = ? and kind = ? order by id", (realm, kind)).fetchall()
        return (_object(body) for (body,) in rows)

    def numbered(self, realm: str, kind: str, number: str) -> list[Object]:
        query = "select body from objects where realm = ? and kind = ? and json_extract(body, '$.DocNumber') = ? order by id"
        return [_object(body) for (body,) in self._connection.execute(query, (realm, kind, number))]

    def owe(self, realm: str, customer: str, cents: int) -> None:
        """A customer owes so much more, in cents of the company's currency."""
        statement = "insert into balances values (?, ?, ?) on conflict (realm, customer) do update set cents = cents + excluded.cents"
        self._connection.execute(statement, (realm, customer, cents))

    def owed(self, realm: str, customer: str) -> Decimal:
        row = self._connection.execute("select cents from balances where realm = ? and customer = ?", (realm, customer)).fetchone()
        return Decimal(row[0] if row else 0).scaleb(-2)

    def recall(self, realm: str, request_id: str, seconds: float) -> str | None:
        query = "select body from answers where realm = ? and request_id = ? and stored_at > ?"
        row = self._connection.execute(query, (realm, request_id, self.now() - seconds)).fetchone()
        return str(row[0]) if row else None

    def remember(self, realm: str, request_id: str, body: str) -> None:
        self._connection.execute("insert or replace into answers values (?, ?, ?, ?)", (realm, request_id, body, self.now()))

    def setting(self, name: str) -> str | None:
        row = self._connection.execute("select value from settings where name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def set(self, name: str, value: str) -> None:
        self._connection.execute("insert or replace into settings values (?, ?)", (name, value))

    def summary(self) -> Mapping[str, Any]:
        """Objects by company and kind, and how often each document number is there."""
        counts = self._connection.execute("select realm, kind, count(*) from objects group by 1, 2 order by 1, 2")
        numbers = self._connection.execute(
            "select realm, json_extract(body, '$.DocNumber'), count(*) from objects where kind = 'JournalEntry' group by 1, 2 order by 1, 2"
        )
        return {
            "now": self.now(),
            "counts": [{"realm": realm, "kind": kind, "count": count} for realm, kind, count in counts],
            "numbers": [{"realm": realm, "number": number, "count": count} for realm, number, count in numbers],
        }


def _object(body: str) -> Object:
    content: Object = json.loads(body, parse_float=Decimal)
    return content
