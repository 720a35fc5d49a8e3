"""The sandbox ledger: built from the reference files, kept between runs, extended when they grow."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from reverse_etl.errors import ConfigurationError
from reverse_etl.sandbox.tryton.database import BUILD_SECONDS, DATABASE_FILE, provision_ledger
from reverse_etl.sandbox.tryton.specification import Account, Company, LedgerSpecification, specification_from_inbox

US, EU = Company("northlight_us", "Northlight Inc.", "USD"), Company("northlight_eu", "Northlight GmbH", "EUR")
RECEIVABLE, REVENUE = ("1100", "Accounts receivable", "asset", True), ("4000", "Usage revenue", "revenue", False)
SMALL = LedgerSpecification(
    (US,), tuple(Account(US.entity_id, *account) for account in (RECEIVABLE, REVENUE)), {"USD": 2, "EUR": 2, "JPY": 0}, 2026, 2026
)
LARGER = replace(
    SMALL,
    companies=(US, EU),
    accounts=(*SMALL.accounts, Account(US.entity_id, "4010", "Fees", "revenue", False), Account(EU.entity_id, *RECEIVABLE)),
    first_year=2024,
)


@pytest.fixture(scope="module")
def small_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("trytond", reason="the extra 'tryton' is not installed")
    folder = tmp_path_factory.mktemp("tryton") / "small"
    provision_ledger(SMALL, folder, "first password")
    return folder


def _query(folder: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / DATABASE_FILE)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_ledger_has_what_its_specification_says(small_ledger: Path) -> None:
    assert _query(small_ledger, "select code, party_required from account_account order by code") == [("1100", 1), ("4000", 0)]
    assert _query(small_ledger, "select code, digits from currency_currency order by code") == [("EUR", 2), ("JPY", 0), ("USD", 2)]
    assert _query(small_ledger, "select count(*), min(name), max(name) from account_period") == [(12, "2026-01", "2026-12")]
    assert _query(small_ledger, "select code from account_journal where code = 'TIEOUT'") == [("TIEOUT",)]


def test_a_ledger_that_is_as_specified_is_left_alone(small_ledger: Path) -> None:
    before = (small_ledger / DATABASE_FILE).stat().st_mtime_ns

    provision_ledger(SMALL, small_ledger, "first password")

    assert (small_ledger / DATABASE_FILE).stat().st_mtime_ns == before


def test_a_larger_specification_extends_the_ledger_and_keeps_what_it_holds(small_ledger: Path, tmp_path: Path) -> None:
    folder = tmp_path / "extended"
    shutil.copytree(small_ledger, folder)
    connection = sqlite3.connect(folder / DATABASE_FILE)
    connection.execute("insert into party_party (code, name, active) values ('C0001', 'kept', 1)")
    connection.commit()
    connection.close()

    provision_ledger(LARGER, folder, "another password")

    assert _query(folder, "select name from party_party where code = 'C0001'") == [("kept",)]
    assert _query(folder, "select code, count(*) from account_account group by code order by code") == [("1100", 2), ("4000", 1), ("4010", 1)]
    assert _query(folder, "select company, count(*) from account_fiscalyear group by company order by company") == [(1, 3), (2, 3)]
    assert _query(folder, "select password_hash from res_user where login = 'admin'") != _query(
        small_ledger, "select password_hash from res_user where login = 'admin'"
    )


def test_a_provisioning_that_was_killed_is_begun_again(small_ledger: Path, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    (folder / ".installing-killed").mkdir(parents=True)
    (folder / ".installing-killed" / DATABASE_FILE).write_bytes(b"half a database")

    provisioners = [threading.Thread(target=provision_ledger, args=(SMALL, folder, "first password")) for _ in range(2)]
    for provisioner in provisioners:
        provisioner.start()
    for provisioner in provisioners:
        provisioner.join(BUILD_SECONDS)

    assert _query(folder, "select count(*) from account_account") == [(2,)]
    assert _query(folder, "pragma integrity_check") == [("ok",)]


def test_the_specification_is_read_from_the_latest_reference_files(tmp_path: Path) -> None:
    for day, name in (("2026-01-01", "Old name"), ("2026-02-01", "Northlight Inc.")):
        folder = tmp_path / "crm" / day
        folder.mkdir(parents=True)
        header = "entity_id,name,country,functional_currency,cutover_on\n"
        (folder / "legal_entities.csv").write_text(f"{header}northlight_us,{name},US,usd,2026-01-01\n")
    (tmp_path / "crm" / "2026-01-01" / "customers.csv").write_text("customer_id,name,entity_id,currency\nC0001,Aurora,northlight_us,KWD\n")
    (tmp_path / "crm" / "2026-01-01" / "accounts.csv").write_text(
        "entity_id,account_code,name,account_type,is_receivable\nnorthlight_us,1100,Receivable,asset,true\nnorthlight_us,4000,Revenue,revenue,false\n"
    )

    specification = specification_from_inbox(tmp_path, 2026, 2027)

    assert specification.companies == (Company("northlight_us", "Northlight Inc.", "USD"),)
    assert [(account.account_code, account.is_receivable) for account in specification.accounts] == [("1100", True), ("4000", False)]
    assert specification.currencies == {"EUR": 2, "JPY": 0, "KWD": 3, "USD": 2}
    assert LedgerSpecification.from_json(specification.to_json()) == specification


def test_an_inbox_without_reference_files_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no file with legal entities"):
        specification_from_inbox(tmp_path, 2026, 2026)


def test_an_account_of_an_unknown_entity_or_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no legal entity 'northlight_eu'"):
        replace(SMALL, accounts=(Account("northlight_eu", *REVENUE),))
    with pytest.raises(ConfigurationError, match="type 'income'"):
        replace(SMALL, accounts=(Account("northlight_us", "4000", "Revenue", "income", False),))
