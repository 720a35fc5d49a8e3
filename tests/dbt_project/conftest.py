"""One dbt for all tests of the project."""

from __future__ import annotations

import pytest
from dbt_commands import Dbt


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    return Dbt(tmp_path_factory.mktemp("dbt"))
