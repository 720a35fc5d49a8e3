"""Dagster's event log on PostgreSQL, which tells OpenLineage of what it stores as the one in files does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import pg_url_from_config

from dagster_project.event_log import ObservedEventLog


class ObservedPostgresEventLogStorage(ObservedEventLog, PostgresEventLogStorage):  # type: ignore[misc]
    @property
    def dagster_home(self) -> Path:  # type: ignore[override]
        return Path(os.environ["DAGSTER_HOME"])

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> ObservedPostgresEventLogStorage:
        # Dagster's own makes one of its own class, whatever class is asked.
        made: Any = cls
        return made(  # type: ignore[no-any-return]
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
        )
