"""The queue of a real register with more exceptions than anybody reads: the page stays small, and no money leaves it."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pyarrow as pa
import pytest
from posting_system import entry

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.pages.queue import SHOWN_ITEMS, ExceptionQueue, counted, rest_of, sections, selected, totals
from dagster_project.pages.queue_gathering import gather_queue
from dagster_project.pages.queue_rendering import render_queue
from reverse_etl.posting import notices
from reverse_etl.register import NewException, Register
from reverse_etl.settings import Settings

NOW = datetime(2026, 4, 3, 12, 0, tzinfo=UTC)
ENTITIES = ("northlight_us", "northlight_eu")
DOCUMENTS = 400
LARGEST_PAGE = 200_000


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Two legal entities with hundreds of stopped documents, one of a lost entity, and lines that the warehouse holds of a third one."""
    settings = Settings(home=tmp_path_factory.mktemp("queue"), entities=ENTITIES)
    initialize(settings)
    found = Installation(settings)
    with closing(found.open_register()) as register:
        stop(register, *(ENTITIES[number % 2] for number in range(DOCUMENTS)), "former")
        register.record_exception(
            NewException("seal_refused", "a row", "it does not balance", "correct it", entity="northlight_eu", period="2026-01")
        )
    hold(found, northlight_us=3, beta=2)
    return found


def stop(register: Register, *entities: str) -> None:
    """A journal entry of each, refused by its destination; the later, the more it is of."""
    first = entry(register, "J")
    rows = []
    for number, entity in zip(count(), entities):
        key, minor = f"books/{entity}/journal_entry/J{number}", 1_000 + number
        amounts = {"amount_minor": minor, "functional_minor": minor}
        payload = {**first.payload, "lines": [line | amounts | {"line_key": f"J{number}:{line['side']}"} for line in first.payload["lines"]]}
        rows.append(replace(first, entity=entity, natural_id=f"J{number}", business_key=key, subtracted_key=key, payload=payload, total_minor=minor))
    report = register.seal(rows, "specification", "sealing")
    assert not report.refused
    register.record_exceptions([notices.rejected(document, "account 4100 is not active") for document in report.sealed])


def hold(installation: Installation, **lines: int) -> None:
    """Lines without a price, as the models hold them, and all else that the statement reads."""
    columns = "entity varchar, customer_id varchar, line_key varchar, hold_reason varchar, meaning varchar, what_to_do varchar"
    amounts = "document_month date, currency varchar, delta_minor bigint"
    warehouse = installation.warehouse
    warehouse.execute(["create schema if not exists invoicing", f"create table invoicing.held_lines ({columns}, {amounts})"])
    of_each = {"hold_reason": "no_price", "meaning": "No price", "what_to_do": "Deliver one", "currency": "USD", "delta_minor": 5}
    month = datetime(2026, 1, 1).date()
    rows = [
        {"entity": entity, "customer_id": "C1", "line_key": f"{entity}/{number}", "document_month": month, **of_each}
        for entity, number_of_lines in lines.items()
        for number in range(number_of_lines)
    ]
    warehouse.append("invoicing.held_lines", pa.Table.from_pylist(rows))
    warehouse.execute(["insert into raw.landed_files (landed_on) values (date '2026-03-01')"])
    warehouse.publish()


@pytest.fixture(scope="module")
def queue(installation: Installation) -> ExceptionQueue:
    return gather_queue(installation, NOW)


def test_the_first_by_money_are_told_one_by_one_and_of_every_kind_of_every_legal_entity_at_least_one(queue: ExceptionQueue) -> None:
    shown = selected(queue.items)
    assert shown[:SHOWN_ITEMS] == queue.items[:SHOWN_ITEMS]
    kinds = {(item.entity, item.kind) for item in queue.items}
    assert {(item.entity, item.kind) for item in shown} == kinds
    assert len(shown) <= SHOWN_ITEMS + len(kinds)


def test_what_is_not_told_one_by_one_is_counted_and_summed_so_that_no_money_leaves_the_page(queue: ExceptionQueue) -> None:
    shown, rest = selected(queue.items), rest_of(queue.items, selected(queue.items))
    assert counted(shown) + sum(one.count for one in rest) == queue.count == DOCUMENTS + 1 + 1 + 3
    amounts = [item.money for item in shown if item.money] + [one.money for one in rest if one.money]
    assert totals(amounts) == queue.at_risk
    assert sum(money.minor for money in queue.at_risk) == sum(range(1_000, 1_000 + DOCUMENTS + 1)) + 3 * 5
    assert {(one.entity, one.kind, one.listed_by) for one in rest if one.kind == "rejected"} == {
        (entity, "rejected", f"tieout exceptions --all --entity {entity}") for entity in ENTITIES
    }


def test_each_legal_entity_has_its_part_and_what_only_the_warehouse_knows_of_others_is_left_out_and_told(queue: ExceptionQueue) -> None:
    assert [section.entity for section in sections(queue.items)] == ["former", "northlight_eu", "northlight_us"]
    assert queue.left_out == {"beta": 2}
    page = render_queue(queue)
    assert "Left out: 2 of beta." in page
    assert "former, which the settings do not name" in page
    assert "beta/0" not in page


def test_the_page_stays_small_and_says_how_to_list_the_rest(queue: ExceptionQueue) -> None:
    page = render_queue(queue)
    assert len(page) < LARGEST_PAGE
    assert f"{DOCUMENTS + 5:,} exceptions" in page
    assert "Not shown one by one" in page
    assert "<code>tieout exceptions --all --entity northlight_eu</code>" in page
    assert "<code>staging.stg_register_closing__documents</code>" in page


def test_the_page_of_one_legal_entity_has_its_exceptions_alone(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(installation.settings.home)
    assert run(["--home", home, "exceptions", "page", "--entity", "northlight_eu", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["exceptions"] == DOCUMENTS // 2 + 1
    assert told["path"].endswith("exceptions-northlight_eu.html")
    assert run(["--home", home, "exceptions", "--entity", "northlight_eu", "--json"]) == 0
    assert {record["entity"] for record in json.loads(capsys.readouterr().out)} == {"northlight_eu"}
    assert run(["--home", home, "exceptions", "page", "--entity", "beta"]) != 0
