"""Empty books and an empty register for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from quickbooks_books import CREDENTIALS, Books, launch_stand_in

from reverse_etl.register import Register
from reverse_etl.sandbox.processes import stop


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Books]]:
    monkeypatch.setenv("QUICKBOOKS_CLIENT_SECRET", CREDENTIALS["client_secret"])
    monkeypatch.setenv("QUICKBOOKS_REFRESH_TOKEN", CREDENTIALS["refresh_token"])
    started: list[Books] = []

    def start(*options: str, batch_size: int = 30) -> Books:
        url, process = launch_stand_in(tmp_path, *options)
        started.append(Books(url, process, Register.open(f"sqlite:///{tmp_path / 'register.sqlite'}"), tmp_path, batch_size))
        return started[-1]

    yield start
    for books in started:
        books.register.close()
        stop(books.process)
