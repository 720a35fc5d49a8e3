"""A home folder to deliver into."""

from __future__ import annotations

from pathlib import Path

import pytest
from landing_home import Home

from reverse_etl.settings import Settings
from reverse_etl.warehouse import open_warehouse


@pytest.fixture
def home(tmp_path: Path) -> Home:
    settings = Settings(home=tmp_path)
    return Home(settings, open_warehouse(settings))
