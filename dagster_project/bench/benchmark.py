"""The benchmark as a whole: what is measured in which order, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from dagster_project.bench import parts
from dagster_project.bench.closing import close_of_nothing_new
from dagster_project.bench.journals import journals_of
from dagster_project.bench.parts import BenchmarkError, Measured
from reverse_etl.sandbox.volume import DAYS_PER_YEAR, Volume

MONTH_DAYS = 31
JOURNAL_INVOICES, JOURNAL_SECONDS = 10_000, 60.0
"""Journals of so many invoices are built and proven in so many seconds."""
MORE_DAYS = 3
"""A day more is measured so many times, one day after the other; the median counts."""


@dataclass(frozen=True)
class Finding:
    """``goal``: what the value may be at most; None where nothing is asked for but that it completes."""

    name: str
    value: float
    unit: str
    goal: float | None
    details: str

    def __str__(self) -> str:
        verdict = "" if self.goal is None else f", goal {self.goal:.2f}: {'met' if self.value <= self.goal else 'missed'}"
        shown = f"{self.value:,.0f}" if self.unit == "MiB" else f"{self.value:.2f}"
        return f"{self.name}: {shown}{' ' + self.unit if self.unit else ''}{verdict} ({self.details})"


@dataclass
class Benchmark:
    folder: Path
    volume: Volume
    memory_limit: str
    tell: Callable[[str], None]

    def run(self, with_close: bool) -> list[Finding]:
        """Raises ``BenchmarkError`` when a part fails, or when the models and the query by hand disagree about one amount."""
        year, month, database = self.folder / "year", self.folder / "month", self.folder / "by_hand.duckdb"
        parts.deliver(year, self.volume, 0, DAYS_PER_YEAR)
        self.tell(
            f"{self.volume.events:,} events of {self.volume.customers:,} customers in {DAYS_PER_YEAR} Parquet files; {self.memory_limit} of memory"
        )
        by_hand = self._apart("by hand", parts.hand_written, year, database, self.memory_limit)
        built = self._apart("full build", parts.full_build, year, self.memory_limit)
        lines, different = parts.differences(year, database)
        if different or not lines:
            raise BenchmarkError(f"the models and the query by hand disagree about {different} of {lines} lines")
        self.tell(f"{lines:,} invoice lines, the same by both to the cent")
        findings = [
            Finding("(a) full build / query by hand", built.total / by_hand.total, "", 1.5, compared(built, by_hand)),
            self._one_more_day(year, month),
            Finding(
                "(c) most memory held",
                built.peak_mebibytes,
                "MiB",
                None,
                f"completes with {self.memory_limit} for the engine; by hand {by_hand.peak_mebibytes:,} MiB",
            ),
        ]
        if with_close:
            closed = self._apart("close of nothing new", close_of_nothing_new, self.folder / "close")
            findings.append(Finding("(d) close of nothing new", closed.total, "s", None, split(closed)))
        return findings

    def journals(self, invoices: int) -> Finding:
        """The journals of so many invoices of one month: derived and tested, added up and tied, exported and proven by another program."""
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            done = process.submit(journals_of, self.folder / "journals", invoices, self.memory_limit).result()
        self.tell(f"issuing {done.invoices:,} invoices and {done.entries:,} entries: {split(done.issued)}")
        goal = JOURNAL_SECONDS if invoices == JOURNAL_INVOICES else None
        details = f"{done.invoices:,} invoices, {done.entries:,} entries of {done.lines:,} lines; {split(done.proven)}"
        return Finding("(e) journals built and proven", done.proven.total, "s", goal, details)

    def _one_more_day(self, year: Path, month: Path) -> Finding:
        """On both sides the months before the last one have been issued, as they are when a company's day begins."""
        first = DAYS_PER_YEAR - MONTH_DAYS
        parts.deliver(month, self.volume, first, DAYS_PER_YEAR)
        self._apart("full build of a month", parts.full_build, month, self.memory_limit)
        last_period = self.volume.day(first).strftime("%Y-%m")
        for home in (year, month):
            self._apart(f"issuing the months before {last_period} on a {home.name}", parts.issue_months, home, self.memory_limit, last_period)
        days: dict[Path, list[Measured]] = {year: [], month: []}
        for number in range(DAYS_PER_YEAR, DAYS_PER_YEAR + MORE_DAYS):
            for home, measured in days.items():
                parts.deliver(home, self.volume, number, number + 1)
                measured.append(self._apart(f"one more day on a {home.name}", parts.one_day, home, self.memory_limit, self.volume.day(number)))
        on_year, on_month = (sorted(measured, key=lambda one: one.total)[len(measured) // 2] for measured in days.values())
        details = f"months before {last_period} issued; {compared(on_year, on_month)}"
        return Finding("(b) a day on 12 months / on 1 month", on_year.total / on_month.total, "", 1.15, details)

    def _apart(self, name: str, work: Callable[..., Measured], *arguments: Any) -> Measured:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            measured = process.submit(work, *arguments).result()
        self.tell(f"{name}: {split(measured)}; {measured.processor_seconds:.1f} s of processors, at most {measured.peak_mebibytes:,} MiB")
        return measured


def split(measured: Measured) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in measured.seconds.items())


def compared(one: Measured, other: Measured) -> str:
    processors = one.processor_seconds / other.processor_seconds
    return f"{split(one)} / {split(other)}; {processors:.2f} in seconds of processors, {one.processor_seconds:.1f} / {other.processor_seconds:.1f}"
