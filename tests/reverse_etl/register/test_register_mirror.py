"""The warehouse's mirror holds exactly what the register holds, and a rerun changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from register_rows import ENTITY, invoice
from register_stores import Backup

from reverse_etl.documents import State
from reverse_etl.register import Register
from reverse_etl.warehouse.duckdb import DuckDBWarehouse
from reverse_etl.warehouse.mirror import mirror


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb", tmp_path / "warehouse.lock", wait_seconds=5)


def count(warehouse: DuckDBWarehouse, relation: str) -> int:
    return int(warehouse.read(f"select count(*) as rows from register.{relation}").to_pylist()[0]["rows"])


def test_an_empty_register_is_mirrored_at_its_position(register: Register, warehouse: DuckDBWarehouse) -> None:
    assert mirror(register, warehouse).position == register.position
    assert (count(warehouse, "mirror"), count(warehouse, "documents")) == (1, 0)


def test_only_what_is_new_is_appended_and_a_rerun_writes_nothing(register: Register, warehouse: DuckDBWarehouse) -> None:
    register.seal([invoice(register, "C1")], "tests", "run")
    mirror(register, warehouse)
    register.seal([invoice(register, "C2")], "tests", "run")
    register.close_period(ENTITY, "2026-01", landing_position=7, actor="tests")

    report = mirror(register, warehouse)

    one_each = {f"register.{name}": 1 for name in ("documents", "billing_lines", "transitions", "periods", "mirror")}
    assert report.appended == one_each | {"register.period_seals": 2}
    assert mirror(register, warehouse).appended == {}
    assert [count(warehouse, name) for name in ("documents", "billing_lines", "transitions", "periods", "mirror")] == [2, 2, 2, 1, 2]


def test_minor_units_stay_integers_to_the_last_one(register: Register, warehouse: DuckDBWarehouse) -> None:
    amount = 7_000_000_000_000_005
    register.seal([invoice(register, amount=amount)], "tests", "run")
    mirror(register, warehouse)

    [row] = warehouse.read("select typeof(total_minor) as kind, total_minor, payload, document_date from register.documents").to_pylist()
    assert (row["kind"], row["total_minor"]) == ("BIGINT", amount + amount // 5)
    assert f'"subtotal_minor":{amount}' in row["payload"]


def test_what_a_document_lists_is_mirrored_as_columns(register: Register, warehouse: DuckDBWarehouse) -> None:
    amount = 7_000_000_000_000_005
    row = invoice(register, amount=amount)
    line = {**row.payload["lines"][0], "rated_line_key": "S-1/api/2026-01-01", "quantity": "0.5", "service_period_start": "2026-01-01"}
    credits = [{"grant_id": "G-1", "kind": "paid", "account": "2100", "place": 2, "amount_minor": 7}]
    settled = {"credits": credits, "applied_credit_minor": 7, "amount_due_minor": row.total_minor - 7}
    register.seal([replace(row, payload={**row.payload, **settled, "customer_id": "C0001", "lines": [line]})], "tests", "run")
    mirror(register, warehouse)

    [document] = register.documents()
    [mirrored] = warehouse.read("select * from register.billing_lines").to_pylist()
    told = {name: value for name, value in mirrored.items() if value is not None}
    assert told == {
        "document_position": document.position,
        "bill_to_customer_id": "C0001",
        "document_line_key": line["line_key"],
        "line_key": "S-1/api/2026-01-01",
        "kind": "usage",
        "amount_minor": amount,
        "tax_minor": amount // 5,
        "quantity": "0.5",
        "service_period_start": date(2026, 1, 1),
    }
    [applied] = warehouse.read("select grant_id, place, amount_minor from register.credit_applications").to_pylist()
    assert applied == {"grant_id": "G-1", "place": 2, "amount_minor": 7}


def test_a_mirror_of_other_columns_is_rebuilt_with_what_was_sealed_before(register: Register, warehouse: DuckDBWarehouse) -> None:
    register.seal([invoice(register)], "tests", "run")
    mirror(register, warehouse)
    warehouse.execute(["drop table register.billing_lines", "alter table register.mirror drop column layout"])

    report = mirror(register, warehouse)

    assert report.rebuilt
    assert [count(warehouse, name) for name in ("documents", "billing_lines", "mirror")] == [1, 1, 1]
    assert mirror(register, warehouse).appended == {}


def test_another_incarnation_rebuilds_the_mirror_from_nothing(register: Register, warehouse: DuckDBWarehouse) -> None:
    register.seal([invoice(register)], "tests", "run")
    mirror(register, warehouse)
    incarnation = register.renew_incarnation("tests", "restored from a backup")

    report = mirror(register, warehouse)

    assert report.rebuilt
    assert [row["incarnation"] for row in warehouse.read("select incarnation from register.mirror").to_pylist()] == [incarnation]
    assert count(warehouse, "documents") == 1


def test_a_register_behind_its_mirror_was_restored_and_gets_a_new_incarnation(
    register: Register, register_url: str, warehouse: DuckDBWarehouse
) -> None:
    register.seal([invoice(register, "C1")], "tests", "run")
    backup = Backup.of(register_url)
    register.seal([invoice(register, "C2")], "tests", "run")
    mirror(register, warehouse)
    register.close()

    backup.put_back(register_url)
    restored = Register.open(register_url)
    incarnation = restored.incarnation
    report = mirror(restored, warehouse)

    assert report.rebuilt
    assert count(warehouse, "documents") == 1
    assert restored.was_restored
    assert report.incarnation == restored.incarnation != incarnation
    assert mirror(restored, warehouse).appended == {}


def test_what_the_mirror_knows_to_be_posted_and_the_backup_lacks_is_an_exception(
    register: Register, register_url: str, warehouse: DuckDBWarehouse
) -> None:
    backup = Backup.of(register_url)
    [lost] = register.seal([invoice(register, "C1")], "tests", "run").sealed
    [(_, delivery)] = register.deliveries()
    with register.delivering(register.claim_lane("stripe", ENTITY, "poster")) as transaction:
        transaction.save(delivery, replace(delivery, state=State.POSTED, remote_id="in_1"))
    mirror(register, warehouse)
    register.close()

    backup.put_back(register_url)
    restored = Register.open(register_url)
    mirror(restored, warehouse)

    [exception] = restored.exceptions()
    assert (exception.kind, exception.subject) == ("posted_before_restoration", lost.business_key)
    assert "stripe holds it as in_1 (posted)" in exception.reason
