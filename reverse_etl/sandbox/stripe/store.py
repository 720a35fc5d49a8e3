"""What the stand-in remembers: objects, their lines, tax rates and idempotency keys, in one SQLite file.

``synchronous=OFF``: a killed process loses nothing, only a power cut could, which a stand-in may ignore for speed.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverse_etl.sandbox.transactions import savepoint, transaction

Object = dict[str, Any]
EMBEDDED_LINES = 10

_TABLES = """
create table if not exists objects (sequence integer primary key, id text unique not null, kind text not null, created integer not null,
  customer text, invoice text, email text, status text, number text, body text not null);
create index if not exists objects_by_kind on objects (kind, sequence);
create index if not exists objects_by_customer on objects (customer, kind, sequence);
create index if not exists objects_by_invoice on objects (invoice, sequence);
create unique index if not exists invoice_numbers on objects (kind, number) where number is not null;
create table if not exists lines
  (sequence integer primary key, id text unique not null, parent text not null, place integer not null, body text not null);
create unique index if not exists lines_by_parent on lines (parent, place);
create table if not exists reported_events (sequence integer primary key, identifier text not null, event_name text not null, customer text not null,
  value integer not null, at integer not null, error text, received_at real not null);
create index if not exists reported_events_by_customer on reported_events (event_name, customer, at);
create index if not exists reported_events_by_identifier on reported_events (identifier, received_at);
create table if not exists tax_rates (id text primary key, content text unique not null);
create table if not exists keys
  (key text primary key, fingerprint text not null, status integer not null, body text not null, stored_at real not null);
create table if not exists settings (name text primary key, value text not null);
"""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    fingerprint: str
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """``at`` in seconds since the epoch; ``error``: why it does not count."""

    identifier: str
    event_name: str
    customer: str
    value: int
    at: int
    error: str | None


class Store:
    def __init__(self, path: Path | str, clock: Callable[[], float] = time.time) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(_TABLES)
        self._clock = clock
        row = self._connection.execute("select value from settings where name = 'offset_seconds'").fetchone()
        self._offset = float(row[0]) if row else 0.0

    def close(self) -> None:
        self._connection.close()

    def now(self) -> float:
        return self._clock() + self._offset

    def set_offset(self, seconds: float) -> None:
        self._connection.execute("insert or replace into settings values ('offset_seconds', ?)", (repr(seconds),))
        self._offset = seconds

    def transaction(self) -> AbstractContextManager[None]:
        return transaction(self._connection)

    def savepoint(self) -> AbstractContextManager[None]:
        return savepoint(self._connection)

    def insert(self, item: Object) -> None:
        """Insert a new object; its lines are stored separately.

        Raises:
            sqlite3.IntegrityError: its number is taken.
        """
        self._connection.execute(
            "insert into objects (id, kind, created, customer, invoice, email, status, number, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (item["id"], item["object"], item["created"], *self._columns(item), json.dumps(item)),
        )

    def update(self, item: Object) -> None:
        self._connection.execute(
            "update objects set customer = ?, invoice = ?, email = ?, status = ?, number = ?, body = ? where id = ?",
            (*self._columns(item), json.dumps(item), item["id"]),
        )

    def delete(self, identifier: str) -> None:
        self._connection.execute("delete from lines where parent = ?", (identifier,))
        self._connection.execute("delete from objects where id = ?", (identifier,))

    def find(self, kind: str, identifier: str) -> Object | None:
        """An object without its lines."""
        row = self._connection.execute("select body from objects where id = ? and kind = ?", (identifier, kind)).fetchone()
        return json.loads(row[0]) if row else None

    def add_lines(self, parent: str, lines: Sequence[Object]) -> None:
        place = self.count_lines(parent)
        self._connection.executemany(
            "insert into lines (id, parent, place, body) values (?, ?, ?, ?)",
            [(line["id"], parent, place + index, json.dumps(line)) for index, line in enumerate(lines)],
        )

    def count_lines(self, parent: str) -> int:
        return int(self._connection.execute("select count(*) from lines where parent = ?", (parent,)).fetchone()[0])

    def lines(self, parent: str) -> list[Object]:
        return [json.loads(body) for (body,) in self._connection.execute("select body from lines where parent = ? order by place", (parent,))]

    def line_page(self, parent: str, url: str, limit: int, after: str | None) -> str | None:
        """A page of lines as JSON text, oldest first; None if ``after`` is not a line of the parent."""
        place = -1
        if after is not None:
            row = self._connection.execute("select place from lines where parent = ? and id = ?", (parent, after)).fetchone()
            if row is None:
                return None
            place = row[0]
        found = self._connection.execute(
            "select body from lines where parent = ? and place > ? order by place limit ?", (parent, place, limit + 1)
        ).fetchall()
        return _list_text([body for (body,) in found[:limit]], len(found) > limit, url)

    def text(self, item: Object, url: str) -> str:
        """An object as the API shows it, with its first lines embedded where it has lines."""
        return self._with_lines(json.dumps(item), item["id"], url)

    def page(self, kind: str, url: str, filters: Mapping[str, object], limit: int, after: str | None) -> str | None:
        """A page of objects as JSON text, newest first; None if ``after`` is unknown. Filters: SQL condition with one ``?`` -> value."""
        conditions, values = ["kind = ?"], [kind, *filters.values()]
        conditions.extend(filters)
        if after is not None:
            row = self._connection.execute("select sequence from objects where id = ? and kind = ?", (after, kind)).fetchone()
            if row is None:
                return None
            conditions.append("sequence < ?")
            values.append(row[0])
        query = f"select id, body from objects where {' and '.join(conditions)} order by sequence desc limit ?"
        found = self._connection.execute(query, (*values, limit + 1)).fetchall()
        return _list_text([self._with_lines(body, identifier, url) for identifier, body in found[:limit]], len(found) > limit, url)

    def every(self, kind: str) -> list[Object]:
        """All objects of a kind, oldest first."""
        found = self._connection.execute("select body from objects where kind = ? order by sequence", (kind,)).fetchall()
        return [json.loads(body) for (body,) in found]

    def of_invoice(self, kind: str, invoice: str) -> list[Object]:
        """All objects of a kind that belong to an invoice, oldest first."""
        found = self._connection.execute("select body from objects where kind = ? and invoice = ? order by sequence", (kind, invoice)).fetchall()
        return [json.loads(body) for (body,) in found]

    def find_meter(self, event_name: str) -> Object | None:
        return next((meter for meter in self.every("billing.meter") if meter["event_name"] == event_name), None)

    def has_meter_event(self, identifier: str, seconds: float) -> bool:
        """Whether an event under the identifier was received within the last so many seconds."""
        query = "select 1 from reported_events where identifier = ? and received_at > ?"
        return self._connection.execute(query, (identifier, self.now() - seconds)).fetchone() is not None

    def add_meter_event(self, event: MeterEvent) -> None:
        values = (event.identifier, event.event_name, event.customer, event.value, event.at, event.error, self.now())
        self._connection.execute("insert into reported_events values (null, ?, ?, ?, ?, ?, ?, ?)", values)

    def meter_values(self, event_name: str, customer: str, start: int, end: int) -> list[int]:
        """The values that count, of the events from ``start`` up to ``end``."""
        query = "select value from reported_events where event_name = ? and customer = ? and at >= ? and at < ? and error is null"
        return [value for (value,) in self._connection.execute(query, (event_name, customer, start, end))]

    def tax_rate(self, content: Mapping[str, object]) -> str:
        """The tax rate with exactly this content, created where there is none."""
        text = json.dumps(content, sort_keys=True)
        row = self._connection.execute("select id from tax_rates where content = ?", (text,)).fetchone()
        if row:
            return str(row[0])
        identifier = new_id("txr")
        self._connection.execute("insert into tax_rates values (?, ?)", (identifier, text))
        return identifier

    def find_tax_rate(self, identifier: str) -> Object | None:
        row = self._connection.execute("select content from tax_rates where id = ?", (identifier,)).fetchone()
        return json.loads(row[0]) if row else None

    def recall(self, key: str, retention_seconds: float) -> StoredAnswer | None:
        row = self._connection.execute("select fingerprint, status, body, stored_at from keys where key = ?", (key,)).fetchone()
        if row is None or row[3] + retention_seconds <= self.now():
            return None
        return StoredAnswer(row[0], row[1], row[2])

    def remember(self, key: str, answer: StoredAnswer) -> None:
        values = (key, answer.fingerprint, answer.status, answer.body, self.now())
        self._connection.execute("insert or replace into keys values (?, ?, ?, ?, ?)", values)

    def count_for_invoice(self, invoice: str) -> int:
        return int(self._connection.execute("select count(*) from objects where invoice = ? and kind = 'credit_note'", (invoice,)).fetchone()[0])

    def summary(self) -> dict[str, Any]:
        """Counts by kind and status, and totals of what was issued by currency."""
        counts = self._connection.execute("select kind, coalesce(status, ''), count(*) from objects group by 1, 2 order by 1, 2")
        totals = self._connection.execute(
            "select kind, json_extract(body, '$.currency'), count(*), sum(json_extract(body, '$.total')) from objects"
            " where kind in ('invoice', 'credit_note') and status not in ('draft', 'void') group by 1, 2 order by 1, 2"
        )
        reports = self._connection.execute("select identifier, error from reported_events where error is not null order by identifier")
        return {
            "meter_event_errors": [{"identifier": identifier, "code": error} for identifier, error in reports],
            "counts": [{"object": kind, "status": status, "count": count} for kind, status, count in counts],
            "issued": [{"object": kind, "currency": currency, "count": count, "total": total} for kind, currency, count, total in totals],
        }

    def _with_lines(self, body: str, identifier: str, url: str) -> str:
        if not identifier.startswith(("in_", "cn_")):
            return body
        return f'{body[:-1]}, "lines": {self.line_page(identifier, f"{url}/{identifier}/lines", EMBEDDED_LINES, None)}}}'

    @staticmethod
    def _columns(item: Object) -> tuple[object, ...]:
        return tuple(item.get(name) for name in ("customer", "invoice", "email", "status", "number"))


def _list_text(bodies: Sequence[str], has_more: bool, url: str) -> str:
    return f'{{"object": "list", "data": [{", ".join(bodies)}], "has_more": {json.dumps(has_more)}, "url": {json.dumps(url)}}}'


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"
