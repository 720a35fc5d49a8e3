"""Dagster's storage on PostgreSQL, which takes the address as people write it; its event log tells OpenLineage of what it stores."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import pg_url_from_config

from dagster_project.event_log import ObservedEventLog
from reverse_etl.postgresql_url import with_driver
from reverse_etl.settings import DAGSTER_URL_VARIABLE

DRIVER = "psycopg2"


class _Addressed:
    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        # Dagster's own make one of their own class, whatever class is asked.
        return cls(  # type: ignore[call-arg]
            postgres_url=with_driver(pg_url_from_config(config_value), DRIVER, DAGSTER_URL_VARIABLE),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
        )


class RunStorage(_Addressed, PostgresRunStorage):  # type: ignore[misc]
    pass


class ScheduleStorage(_Addressed, PostgresScheduleStorage):  # type: ignore[misc]
    pass


class ObservedPostgresEventLogStorage(_Addressed, ObservedEventLog, PostgresEventLogStorage):  # type: ignore[misc]
    @property
    def dagster_home(self) -> Path:  # type: ignore[override]
        return Path(os.environ["DAGSTER_HOME"])
