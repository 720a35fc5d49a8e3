"""A stand-in of NetSuite for a module, and an installation that posts to it for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ledger_installation import PATIENT, Installation
from ledger_stand_in import LedgerStandIn
from netsuite_books import CREDENTIALS, CURRENCY, Books


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerStandIn]:
    headers = {"Authorization": "Bearer accountant"}
    running = LedgerStandIn("netsuite", tmp_path_factory.mktemp("netsuite"), headers=headers, credentials=CREDENTIALS).start()
    yield running
    running.stop()


@pytest.fixture
def install(stand_in: LedgerStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Books]]:
    monkeypatch.setenv("NETSUITE_CONSUMER_SECRET", CREDENTIALS["consumer_secret"])
    monkeypatch.setenv("NETSUITE_TOKEN_SECRET", CREDENTIALS["token_secret"])
    opened: list[Installation] = []

    def install(**changes: Any) -> Books:
        authorization = {"method": "token_based", "realm": CREDENTIALS["account"], "consumer_key": "consumer", "token_id": "token"}
        entities = {entity: {"currency": currency} for entity, currency in CURRENCY.items()}
        destination = {"url": stand_in.url, "authorization": authorization, "entities": entities} | changes
        opened.append(Installation(tmp_path, "netsuite", destination, **PATIENT, key_retention=timedelta(hours=1)))
        return Books(stand_in, opened[-1])

    yield install
    stand_in.forget_faults()
    for installation in opened:
        installation.close()


@pytest.fixture
def books(install: Callable[..., Books]) -> Books:
    return install()
