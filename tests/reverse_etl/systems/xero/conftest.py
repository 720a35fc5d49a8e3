"""A stand-in of Xero for a module, and an installation that posts to it for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_installation import PATIENT, Installation
from ledger_stand_in import LedgerStandIn
from xero_books import ACCOUNT_CODES, Books


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerStandIn]:
    headers = {"Authorization": "Bearer accountant", "Accept": "application/json"}
    limits = ("--calls-per-minute", "100000", "--calls-per-day", "1000000")
    running = LedgerStandIn("xero", tmp_path_factory.mktemp("xero"), *limits, headers=headers).start()
    yield running
    running.stop()


@pytest.fixture
def install(stand_in: LedgerStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Books]]:
    monkeypatch.setenv("XERO_SECRET", "a token")
    tenants = {found["entity"]: found["tenant"] for found in stand_in.state()["organisations"]}
    opened: list[Installation] = []

    def install(**changes: Any) -> Books:
        destination = {
            "url": stand_in.url,
            "authorization": {"method": "bearer"},
            "entities": {entity: {"tenant": tenant} for entity, tenant in tenants.items()},
            "account_codes": ACCOUNT_CODES,
            "requests_per_second": 200,
        }
        opened.append(Installation(tmp_path, "xero", destination | changes, **PATIENT))
        return Books(stand_in, opened[-1], tenants)

    yield install
    stand_in.forget_faults()
    for installation in opened:
        installation.close()


@pytest.fixture
def books(install: Callable[..., Books]) -> Books:
    return install()
