"""The parts of the benchmark. Each runs in a process of its own, so that its time and its peak memory are its own."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from dagster_project.bench import by_hand
from reverse_etl.errors import TieoutError
from reverse_etl.sandbox.volume import ENTITY, Volume
from reverse_etl.settings import Settings

INVOICES = ("+outbox_invoices", "+outbox_credit_memos")


class BenchmarkError(TieoutError):
    """A part did not do what it is measured for."""


@dataclass
class Measured:
    """Seconds by step, seconds of processors, and the most memory that the process held, in MiB.

    What else the machine does lengthens the first and hardly the second.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    processor_seconds: float = 0.0
    peak_mebibytes: int = 0

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    def step(self, name: str, work: Callable[[], object]) -> None:
        started, processor = time.monotonic(), time.process_time()
        work()
        self.seconds[name] = time.monotonic() - started
        self.processor_seconds += time.process_time() - processor
        self.peak_mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def settings_of(home: Path, memory_limit: str) -> Settings:
    return Settings(home=home, entities=(ENTITY,), first_period="2025-01", warehouse_memory_limit=memory_limit)


def deliver(home: Path, volume: Volume, first: int, last: int) -> None:
    """Deliver the days ``first`` to ``last``, the last one not included, and the reference data."""
    volume.deliver_reference(home / "inbox")
    volume.deliver_days(home / "inbox", range(first, last))


def full_build(home: Path, memory_limit: str) -> Measured:
    """From delivered files to proposed invoices, from nothing."""
    from dagster_project.cli.installing.installation import initialize
    from dagster_project.dbt.project import WITHOUT_HOLDS, DbtPaths, invoke, parse
    from reverse_etl.landing import land
    from reverse_etl.warehouse import open_warehouse

    settings = settings_of(home, memory_limit)
    initialize(settings)
    paths = DbtPaths.of(settings)
    measured = Measured()

    def run_landing() -> None:
        problems = land(open_warehouse(settings), settings).problems
        if problems:
            raise BenchmarkError(f"{problems[0].file_name} did not land: {problems[0].reason}")

    def run_models() -> None:
        done = invoke(paths, ["run", "--select", *INVOICES, "--no-write-json", *WITHOUT_HOLDS], manifest)
        if not done.success:
            raise BenchmarkError(f"the models did not run: {done.exception}; see {paths.logs / 'dbt.log'}")

    measured.step("landing", run_landing)
    manifest = parse(paths)
    if not invoke(paths, ["seed", "--no-write-json"], manifest).success:
        raise BenchmarkError("the seeds did not load")
    measured.step("dbt run", run_models)
    return measured


def issue_months(home: Path, memory_limit: str, last_period: str) -> Measured:
    """Seal what is proposed for the months before ``last_period``, all at once, and mirror it for the models. Nothing is posted."""
    from dagster_project.close import Installation
    from dagster_project.close.outbox import INVOICES as PROPOSED_INVOICES
    from dagster_project.close.outbox import proposed
    from dagster_project.close.steps import mirror_register

    installation = Installation(settings_of(home, memory_limit))
    measured = Measured()

    def seal() -> None:
        rows = [row for row in proposed(installation.warehouse, [PROPOSED_INVOICES], ENTITY) if row.period < last_period]
        with closing(installation.open_register()) as register:
            refused = register.seal(rows, installation.actor, "bench").refused
        if refused:
            raise BenchmarkError(f"{refused[0].row.business_key} was not sealed: {refused[0].reason}")

    measured.step("sealing", seal)
    measured.step("mirror", lambda: mirror_register(installation))
    return measured


def one_day(home: Path, memory_limit: str, day: date) -> Measured:
    """One more day on what is there: the day's file to proposed invoices."""
    from dagster_project.dbt.project import WITHOUT_HOLDS, DbtPaths, invoke, parse
    from reverse_etl.landing import land
    from reverse_etl.warehouse import open_warehouse

    settings = settings_of(home, memory_limit)
    paths = DbtPaths.of(settings)
    manifest = parse(paths)
    measured = Measured()

    def run_landing() -> None:
        if land(open_warehouse(settings), settings, [day]).rows == 0:
            raise BenchmarkError(f"nothing landed on {day}")

    def run_models() -> None:
        done = invoke(paths, ["run", "--select", *INVOICES, "--no-write-json", *WITHOUT_HOLDS], manifest)
        if not done.success:
            raise BenchmarkError(f"the models did not run: {done.exception}")

    measured.step("landing", run_landing)
    measured.step("dbt run", run_models)
    return measured


def hand_written(home: Path, database: Path, memory_limit: str) -> Measured:
    measured = Measured()
    measured.step("query", lambda: by_hand.run(database, home / "inbox", memory_limit))
    return measured


def differences(home: Path, database: Path) -> tuple[int, int]:
    """(lines, lines whose amount the models and the query by hand disagree about)"""
    import duckdb

    with duckdb.connect(str(database)) as connection:
        connection.execute(f"attach '{settings_of(home, '2GB').warehouse_path}' as models (read_only)")
        [(lines, different)] = connection.execute(
            """
            select count(*), count_if(rated.amount_minor is distinct from lines.amount_minor)
            from (select * from rated where amount_minor > 0) as rated
            full outer join models.invoicing.proposed_invoice_lines as lines
                on rated.customer_id = lines.customer_id and rated.meter = lines.meter and rated.month = lines.service_period_start
            """
        ).fetchall()
    return int(lines), int(different)
