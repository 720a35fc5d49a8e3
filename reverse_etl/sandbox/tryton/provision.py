"""Builds a Tryton database; run as a process of its own: ``python -m reverse_etl.sandbox.tryton.provision --folder FOLDER``.

This is the only module that imports trytond (GPL-3), and no other module imports this one; ``unique_reference`` is a program of its own.
Everything it does is idempotent: modules are activated where the database is empty, companies, currencies, accounts and
fiscal years are created where they are missing, so a larger specification extends an existing ledger.
"""

from __future__ import annotations

import argparse
import gc
import os
from calendar import monthrange
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from reverse_etl.sandbox.tryton.specification import Account, Company, LedgerSpecification

DATABASE = "erp"
JOURNAL_CODE = "TIEOUT"
JOURNAL_NAME = "Usage billing"
# Tryton account types by ours; the receivable type is one of its own, because only it demands parties and ages items.
TYPES: dict[str, dict[str, Any]] = {
    "receivable": {"name": "Receivables", "statement": "balance", "assets": True, "receivable": True},
    "asset": {"name": "Assets", "statement": "balance", "assets": True},
    "liability": {"name": "Liabilities", "statement": "balance"},
    "equity": {"name": "Equity", "statement": "balance"},
    "revenue": {"name": "Revenue", "statement": "income", "revenue": True},
    "expense": {"name": "Expense", "statement": "income", "expense": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Build or extend the sandbox's Tryton database.")
    parser.add_argument("--folder", type=Path, required=True, help="folder of the database")
    parser.add_argument("--specification", type=Path, help="JSON file of the ledger: companies, accounts, currencies, years")
    parser.add_argument("--password-file", type=Path, help="file with the administrator's password")
    parser.add_argument("--modules", nargs="+", default=[], help="modules to activate where the database is empty")
    arguments = parser.parse_args()
    _configure(arguments.folder)
    if (arguments.folder / f"{DATABASE}.sqlite").stat().st_size == 0:
        _activate_modules(arguments.modules)
    if arguments.specification:
        specification = LedgerSpecification.from_json(arguments.specification.read_text())
        _in_transaction(lambda: _apply(specification))
    if arguments.password_file:
        password = arguments.password_file.read_text().strip()
        _in_transaction(lambda: _set_password(password))
    _checkpoint(arguments.folder)


def _configure(folder: Path) -> None:
    # A short-lived process: collecting garbage would only cost time.
    gc.disable()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{DATABASE}.sqlite").touch()
    from trytond import config

    config.set("database", "uri", "sqlite://")
    config.set("database", "path", str(folder))


def _activate_modules(modules: list[str]) -> None:
    from trytond import admin, commandline

    arguments = ["-d", DATABASE, "-u", *modules, "--activate-dependencies", "--email", "admin@example.com"]
    options = commandline.get_parser_admin().parse_args(arguments)
    # The administrator cannot log in until an installation sets its password.
    read, write = os.pipe()
    os.write(write, os.urandom(24).hex().encode())
    os.close(write)
    os.environ["TRYTONPASSFILE"] = f"/dev/fd/{read}"
    with _trusted_module_data():
        admin.run(options)


@contextmanager
def _trusted_module_data() -> Iterator[None]:
    """Skip the validation of the records that Tryton's own modules ship.

    It takes more than half of the build and cannot fail for a released version; the resulting tables are the same row by row.
    """
    from trytond.model import ModelStorage

    original = ModelStorage.__dict__["_validate"]
    ModelStorage._validate = classmethod(lambda cls, records, field_names=None: None)
    try:
        yield
    finally:
        ModelStorage._validate = original


def _in_transaction(work: Callable[[], None]) -> None:
    from trytond.pool import Pool
    from trytond.transaction import Transaction, TransactionError

    if DATABASE not in Pool.database_list():
        Pool(DATABASE).init()
    extras: dict[str, Any] = {}
    while True:
        with Transaction().start(DATABASE, 0, **extras) as transaction:
            try:
                work()
            except TransactionError as error:
                # Tryton asks for a lock by raising; take it and begin again.
                transaction.rollback()
                error.fix(extras)
                continue
            return


def _set_password(password: str) -> None:
    user = _administrator()
    user.password = password
    user.save()


def _administrator() -> Any:
    from trytond.pool import Pool

    (user,) = Pool().get("res.user").search([("login", "=", "admin")])
    return user


def _apply(specification: LedgerSpecification) -> None:
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    currencies = _ensure_currencies(specification)
    companies = {company.entity_id: _ensure_company(company, currencies) for company in specification.companies}
    user = _administrator()
    user.companies = list(Pool().get("company.company").search([]))
    user.company = user.company or user.companies[0]
    user.company_filter = "all"
    user.save()
    journal_model = Pool().get("account.journal")
    if not journal_model.search([("code", "=", JOURNAL_CODE)]):
        journal_model.create([{"code": JOURNAL_CODE, "name": JOURNAL_NAME, "type": "general"}])
    for entity_id, company in companies.items():
        with Transaction().set_context(company=company.id):
            _ensure_accounts(company, [account for account in specification.accounts if account.entity_id == entity_id])
            for year in range(specification.first_year, specification.last_year + 1):
                _ensure_year(company, year)


def _ensure_currencies(specification: LedgerSpecification) -> dict[str, Any]:
    from trytond.pool import Pool

    currency_model = Pool().get("currency.currency")
    found = {currency.code: currency for currency in currency_model.search([])}
    missing = [code for code in specification.currencies if code not in found]
    created = currency_model.create(
        [
            {"code": code, "name": code, "digits": specification.currencies[code], "rounding": Decimal(1).scaleb(-specification.currencies[code])}
            for code in missing
        ]
    )
    return {**found, **dict(zip(missing, created, strict=True))}


def _ensure_company(company: Company, currencies: dict[str, Any]) -> Any:
    from trytond.pool import Pool

    found = Pool().get("company.company").search([("party.code", "=", company.entity_id)])
    if found:
        return found[0]
    (party,) = Pool().get("party.party").create([{"code": company.entity_id, "name": company.name}])
    (created,) = Pool().get("company.company").create([{"party": party.id, "currency": currencies[company.currency].id}])
    return created


def _ensure_accounts(company: Any, accounts: list[Account]) -> None:
    from trytond.pool import Pool

    type_model, account_model = Pool().get("account.account.type"), Pool().get("account.account")
    types = {kind.name: kind for kind in type_model.search([("company", "=", company.id)])}
    missing = [values for values in TYPES.values() if values["name"] not in types]
    for kind in type_model.create([{**values, "company": company.id} for values in missing]):
        types[kind.name] = kind
    known = {account.code for account in account_model.search([("company", "=", company.id)])}
    account_model.create(
        [
            {
                "code": account.account_code,
                "name": account.name or account.account_code,
                "company": company.id,
                "type": types[TYPES["receivable" if account.is_receivable else account.account_type]["name"]].id,
                "party_required": account.is_receivable,
                "reconcile": account.is_receivable,
            }
            for account in accounts
            if account.account_code not in known
        ]
    )


def _ensure_year(company: Any, year: int) -> None:
    from trytond.pool import Pool

    fiscal_year_model = Pool().get("account.fiscalyear")
    if fiscal_year_model.search([("company", "=", company.id), ("start_date", "<=", date(year, 12, 31)), ("end_date", ">=", date(year, 1, 1))]):
        return
    sequence_type = Pool().get("ir.model.data").get_id("account", "sequence_type_account_move")
    (sequence,) = (
        Pool()
        .get("ir.sequence.strict")
        .create([{"name": f"Moves {year}", "sequence_type": sequence_type, "company": company.id, "prefix": f"{year}-", "padding": 6}])
    )
    fiscal_year_model.create(
        [
            {
                "name": str(year),
                "company": company.id,
                "start_date": date(year, 1, 1),
                "end_date": date(year, 12, 31),
                "move_sequence": sequence.id,
                "periods": [
                    (
                        "create",
                        [
                            {
                                "name": f"{year}-{month:02d}",
                                "type": "standard",
                                "start_date": date(year, month, 1),
                                "end_date": date(year, month, monthrange(year, month)[1]),
                            }
                            for month in range(1, 13)
                        ],
                    )
                ],
            }
        ]
    )


def _checkpoint(folder: Path) -> None:
    """Fold the write-ahead log into the one file, so that copying that file copies everything."""
    import sqlite3

    connection = sqlite3.connect(folder / f"{DATABASE}.sqlite")
    try:
        connection.execute("pragma wal_checkpoint(truncate)")
    finally:
        connection.close()


if __name__ == "__main__":
    main()
