"""The Dagster instance of an installation, and how the runs of the command line are told in it. Cheaper to load than the jobs."""

from __future__ import annotations

import os

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings

STARTED_BY_TAG = "tieout/started_by"
"""The process of the command that started the run."""
OF_TAG = "tieout/of"
"""The period, or the days, of a run of the command line: Dagster's list of runs shows no range of partitions."""
STARTED_ON_TAG = "tieout/started_on"
"""The machine of that process."""
IN_TURN = "tieout/in_turn"
"""The tag of runs of which one is under way at a time (dagster.yaml): what a close computes is not changed between two of its steps."""
UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance of an installation; a context manager.

    Raises:
        ConfigurationError: its storage does not open.
    """
    folder = str(settings.home / "dagster")
    # The instance's own file refers to it, as does whatever this process starts.
    os.environ["DAGSTER_HOME"] = folder
    try:
        return dg.DagsterInstance.from_config(folder)
    except (SQLAlchemyError, OSError) as error:
        told = str(error).splitlines()[0]
        raise ConfigurationError(f"Dagster's storage in {folder} does not open: {told}; 'tieout doctor' says what to do") from error
