"""A home folder."""

from __future__ import annotations

import pytest

from reverse_etl.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), warehouse_wait_seconds=1.0)
