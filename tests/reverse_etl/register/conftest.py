"""A register in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reverse_etl.register import Register


@pytest.fixture
def register_path(tmp_path: Path) -> Path:
    return tmp_path / "register.sqlite"


@pytest.fixture
def register(register_path: Path) -> Iterator[Register]:
    opened = Register.open(f"sqlite:///{register_path}")
    yield opened
    opened.close()
