"""What the stand-in holds, in SQLite: the tables and columns are those that SuiteQL shows, so that a query runs on them as they are."""

from __future__ import annotations

import sqlite3
import time
from calendar import monthrange
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from reverse_etl.sandbox.transactions import transaction
from reverse_etl.sandbox.tryton.specification import LedgerSpecification

# Amounts are exact decimal texts, dates ISO texts; SuiteQL shows dates as the user's preference has them, hence a type of their own.
_TABLES = """
create table if not exists subsidiary (id integer primary key, name text, externalid text unique, currency integer);
create table if not exists currency (id integer primary key, symbol text unique, name text, currencyprecision integer);
create table if not exists account
  (id integer primary key, acctnumber text unique, fullname text, accttype text, externalid text unique, isinactive text default 'F');
create table if not exists accountingperiod
  (id integer primary key, periodname text unique, startdate suitedate, enddate suitedate, closed text, isquarter text default 'F',
   isyear text default 'F');
create table if not exists customer
  (id integer primary key, entityid text unique, companyname text, externalid text unique, subsidiary integer, isperson text, email text,
   datecreated suitedate, lastmodifieddate suitedate);
create table if not exists "transaction"
  (id integer primary key, externalid text unique, type text, tranid text, trandate suitedate, postingperiod integer, memo text, currency integer,
   exchangerate text, posting text, approvalstatus integer, voided text default 'F', createddate suitedate, lastmodifieddate suitedate);
create table if not exists transactionline
  ("transaction" integer, id integer, linesequencenumber integer, memo text, entity integer, subsidiary integer, debitforeignamount text,
   creditforeignamount text, foreignamount text, primary key ("transaction", id));
create table if not exists transactionaccountingline
  ("transaction" integer, transactionline integer, account integer, debit text, credit text, amount text, posting text,
   accountingbook integer default 1, primary key ("transaction", transactionline));
create index if not exists transactions_by_date on "transaction" (trandate);
create table if not exists standin_jobs
  (id integer primary key, key text unique, method text, batch integer, body blob, result text, started text, ended text);
create table if not exists standin_settings (name text primary key, value text not null);
"""
SUITEQL_TABLES = (
    "subsidiary", "currency", "account", "accountingperiod", "customer", "transaction", "transactionline", "transactionaccountingline",
)  # fmt: skip
ACCOUNT_TYPES = {"asset": "OthCurrAsset", "liability": "OthCurrLiab", "revenue": "Income", "expense": "Expense", "equity": "Equity"}
RECEIVABLE = "AcctRec"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Row = Mapping[str, Any]


class Store:
    def __init__(self, path: Path | str, clock: Callable[[], float] = time.time) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = off")
        self.connection.executescript(_TABLES)
        self._clock = clock
        self._offset = float(self._setting("offset_seconds") or 0.0)

    def close(self) -> None:
        self.connection.close()

    def transaction(self) -> AbstractContextManager[None]:
        return transaction(self.connection)

    def now(self) -> float:
        return self._clock() + self._offset

    def stamp(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def set_offset(self, seconds: float) -> None:
        self.connection.execute("insert or replace into standin_settings values ('offset_seconds', ?)", (repr(seconds),))
        self._offset = seconds

    def provide(self, specification: LedgerSpecification) -> None:
        """Subsidiaries, currencies, accounts and monthly periods, those that are there already left as they are."""
        with self.transaction():
            for code, exponent in sorted(specification.currencies.items()):
                values = (code, code, exponent)
                self.connection.execute("insert or ignore into currency (symbol, name, currencyprecision) values (?, ?, ?)", values)
            for company in sorted(specification.companies):
                query = "insert or ignore into subsidiary (name, externalid, currency) select ?, ?, id from currency where symbol = ?"
                self.connection.execute(query, (company.name, company.entity_id, company.currency))
            for account in sorted(specification.accounts):
                kind = RECEIVABLE if account.is_receivable else ACCOUNT_TYPES[account.account_type]
                query = "insert or ignore into account (acctnumber, fullname, accttype, externalid) values (?, ?, ?, ?)"
                self.connection.execute(query, (account.account_code, account.name, kind, account.account_code))
            for year in range(specification.first_year, specification.last_year + 1):
                for month, name in enumerate(MONTHS, start=1):
                    first, last = f"{year}-{month:02}-01", f"{year}-{month:02}-{monthrange(year, month)[1]:02}"
                    query = "insert or ignore into accountingperiod (periodname, startdate, enddate, closed) values (?, ?, ?, 'F')"
                    self.connection.execute(query, (f"{name} {year}", first, last))

    def row(self, query: str, *values: object) -> Row | None:
        found = self.connection.execute(query, values).fetchone()
        return None if found is None else dict(found)

    def rows(self, query: str, *values: object) -> list[Row]:
        return [dict(found) for found in self.connection.execute(query, values)]

    def find(self, table: str, identifier: object) -> Row | None:
        """A record by its internal id, or by its external id as ``eid:<external id>``."""
        text = str(identifier)
        if text.startswith("eid:"):
            return self.row(f'select * from "{table}" where externalid = ?', text[4:])
        return self.row(f'select * from "{table}" where id = ?', int(text)) if text.isascii() and text.isdigit() and len(text) < 18 else None

    def close_period(self, period: str, closed: bool) -> bool:
        """Close or reopen ``YYYY-MM``; False if there is no such period."""
        changed = self.connection.execute("update accountingperiod set closed = ? where startdate = ?", ("T" if closed else "F", f"{period}-01"))
        return changed.rowcount == 1

    def summary(self) -> dict[str, Any]:
        """How many records there are, and what each account holds (functional amounts, debits positive)."""
        balances: dict[str, Decimal] = {}
        query = "select a.acctnumber, l.amount from transactionaccountingline l join account a on a.id = l.account where l.posting = 'T'"
        for row in self.rows(query):
            balances[row["acctnumber"]] = balances.get(row["acctnumber"], Decimal(0)) + Decimal(row["amount"])
        return {
            "journals": self.rows('select id, externalid, tranid, trandate, memo from "transaction" order by id'),
            "customers": self.rows("select id, externalid, companyname, subsidiary from customer order by id"),
            "balances": {code: format(amount, "f") for code, amount in sorted(balances.items())},
        }

    def _setting(self, name: str) -> str | None:
        found = self.row("select value from standin_settings where name = ?", name)
        return None if found is None else str(found["value"])
