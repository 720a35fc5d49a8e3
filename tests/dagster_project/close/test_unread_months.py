"""A warehouse that was built again asks every destination once what it holds of the months that were closed before."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from posting_system import ENTITY, PERIOD, SYSTEM, entry, seal

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.read_backs import append_snapshot
from dagster_project.close.steps import unread
from reverse_etl.settings import Settings

NEXT = "2026-02"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    settings = Settings(home=tmp_path, entities=(ENTITY,))
    initialize(settings)
    made = Installation(settings)
    made.warehouse.execute(["create schema if not exists raw"])
    with closing(made.open_register()) as register:
        seal(register, entry(register, "J1"))
    return made


def close(installation: Installation, period: str) -> None:
    with closing(installation.open_register()) as register:
        register.close_period(ENTITY, period, 1, "tests")


def test_a_closed_month_is_read_from_each_destination_that_took_documents_of_it_and_was_not_read(installation: Installation) -> None:
    assert unread(installation, ENTITY, NEXT) == {}
    close(installation, PERIOD)
    assert unread(installation, ENTITY, NEXT) == {PERIOD: [SYSTEM]}
    append_snapshot(installation.warehouse, "another", [], ENTITY, PERIOD)
    assert unread(installation, ENTITY, NEXT) == {PERIOD: [SYSTEM]}
    append_snapshot(installation.warehouse, SYSTEM, [], ENTITY, PERIOD)
    assert unread(installation, ENTITY, NEXT) == {}


def test_the_month_that_is_closing_and_those_of_others_are_not_among_them(installation: Installation) -> None:
    close(installation, PERIOD)
    assert unread(installation, ENTITY, PERIOD) == {}
    assert unread(installation, "somebody_else", NEXT) == {}


def test_a_month_of_which_no_destination_took_anything_is_not_asked_for(installation: Installation) -> None:
    close(installation, PERIOD)
    close(installation, NEXT)
    assert unread(installation, ENTITY, "2026-03") == {PERIOD: [SYSTEM]}
