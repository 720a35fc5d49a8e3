"""The copy that readers use says itself when it was made."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from reverse_etl.settings import Settings
from reverse_etl.warehouse import open_warehouse


def test_a_copy_that_is_moved_or_restored_is_as_old_as_its_content(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    warehouse = open_warehouse(settings)
    assert warehouse.published_at() is None
    warehouse.create_relations({"raw.sales": {"sale_id": "varchar"}})
    before = datetime.now(UTC)
    warehouse.publish()
    os.utime(settings.published_path, (0, 0))
    first = warehouse.published_at()
    assert first is not None
    assert before <= first <= datetime.now(UTC)
    warehouse.publish()
    assert (warehouse.published_at() or before) > first


def test_a_copy_of_an_earlier_version_is_as_old_as_its_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.published_path.parent.mkdir(parents=True)
    duckdb.connect(str(settings.published_path)).close()
    os.utime(settings.published_path, (86_400, 86_400))
    assert open_warehouse(settings).published_at() == datetime(1970, 1, 2, tzinfo=UTC)
