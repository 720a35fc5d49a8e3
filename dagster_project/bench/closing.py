"""What a close costs that has nothing to do: a month of the sample company is closed, and then closed again."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path

from dagster_project.bench.parts import BenchmarkError, Measured

PERIOD = "2026-01"
EVENTS, CUSTOMERS = 5_000, 60


def close_of_nothing_new(home: Path) -> Measured:
    """The second of two closes of one month, split by who took the time. The counterparties are those of the demo."""
    from dagster_project.cli.closing.close import close_keys
    from dagster_project.cli.installing.installation import initialize
    from dagster_project.close.partitions import first_day_after, first_landing_day
    from dagster_project.dbt.project import DbtPaths, parse
    from dagster_project.defs.assets.models import DBT_BUILD
    from dagster_project.runs.progress import Progress, listening
    from dagster_project.runs.runner import JobRunner
    from reverse_etl.sandbox.sample import generate
    from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
    from reverse_etl.settings import Settings

    settings = Settings(home=home)
    initialize(settings)
    generate(home, events=EVENTS, seed=7, customer_count=CUSTOMERS)
    start_sandbox(settings)
    try:
        keys = close_keys(settings, PERIOD, None)
        runner = JobRunner(settings)
        _require(runner.land(first_landing_day(settings.first_period), first_day_after(PERIOD)))
        _require(runner.close(keys))
        measured, steps = Measured(), defaultdict[str, float](float)

        def receive(progress: Progress) -> None:
            steps[progress.step] += progress.seconds

        # A command of its own parses the models and loads the definitions; the run itself is the second one of this process.
        measured.step("dbt parse", lambda: parse(DbtPaths.of(settings)))
        started = time.monotonic()
        JobRunner(settings)
        loading = time.monotonic() - started
        with listening(receive):
            started = time.monotonic()
            _require(runner.close(keys))
            total = time.monotonic() - started
        building = sum(seconds for name, seconds in steps.items() if name.startswith(DBT_BUILD))
        measured.seconds["dbt run"] = building
        # Destinations are delivered to at the same time.
        posting = max(steps[name] for name in steps if name.startswith("delivery/")) + steps["read_back"]
        posting += sum(seconds for name, seconds in steps.items() if name.startswith(("seal/", "register/", "close/")))
        measured.seconds["posting and register"] = posting
        measured.seconds["Dagster"] = loading + total - building - posting
    finally:
        stop_sandbox(settings, ("stripe", "tryton"))
    return measured


def _require(run: object) -> None:
    if not getattr(run, "succeeded", False):
        raise BenchmarkError("; ".join(getattr(run, "failures", ())) or "a run failed")
