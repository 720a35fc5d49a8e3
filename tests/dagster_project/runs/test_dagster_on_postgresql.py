"""Dagster's runs and events on a real PostgreSQL server, under every address that people write."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from register_stores import PostgreSQL

from dagster_project.cli.installing.installation import initialize
from dagster_project.runs.instance import open_instance
from dagster_project.storage_postgresql import ObservedPostgresEventLogStorage, RunStorage, ScheduleStorage
from reverse_etl.postgresql_url import SCHEMES
from reverse_etl.settings import DAGSTER_URL_VARIABLE, Settings


def test_runs_are_kept_under_every_address_that_names_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, server = Settings(home=tmp_path / "home"), PostgreSQL.start()
    try:
        address = server.schema().partition("://")[2]
        for number, scheme in enumerate(SCHEMES, start=1):
            monkeypatch.setenv(DAGSTER_URL_VARIABLE, f"{scheme}://{address}")
            if number == 1:
                initialize(settings)
            with open_instance(settings) as instance:
                assert isinstance(instance.run_storage, RunStorage)
                assert isinstance(instance.schedule_storage, ScheduleStorage)
                assert isinstance(instance.event_log_storage, ObservedPostgresEventLogStorage)
                run = instance.add_run(dg.DagsterRun(job_name="monthly_close"))
                instance.report_engine_event("begun", run)
                assert len(instance.all_logs(run.run_id)) == 1
                assert instance.get_runs_count() == number
    finally:
        server.stop()
