"""``tieout bench``: what volume costs, as ratios that were measured in one run."""

from __future__ import annotations

from pathlib import Path

import click

from dagster_project.cli.session import Session, with_session


@click.command("bench")
@click.option("--events", type=click.IntRange(min=36_500), default=20_000_000, show_default=True, help="How many events in twelve months.")
@click.option("--customers", type=click.IntRange(min=1), default=2_000, show_default=True, help="How many customers share them.")
@click.option("--memory-limit", default="4GB", show_default=True, help="What the engine may hold in memory.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where to work; kept (default: a temporary folder, removed).")
@click.option("--close/--no-close", "with_close", default=True, help="Measure a close of nothing new as well.")
@click.option("--journals", type=click.IntRange(min=20), help="Only the journals of so many invoices: built, proven and exported.")
@with_session
def bench_command(
    session: Session, events: int, customers: int, memory_limit: str, folder: Path | None, with_close: bool, journals: int | None
) -> None:
    """Generate a year of usage, build it, compare with a query written by hand, add a day, close nothing new; print each beside its goal."""
    from contextlib import ExitStack
    from dataclasses import asdict
    from tempfile import TemporaryDirectory

    from dagster_project.bench.benchmark import Benchmark
    from reverse_etl.sandbox.volume import Volume

    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(TemporaryDirectory(prefix="tieout-bench-")))
        benchmark = Benchmark(place.resolve(), Volume(events, customers), memory_limit, session.line)
        findings = benchmark.run(with_close) if journals is None else [benchmark.journals(journals)]
    for finding in findings:
        session.line(str(finding))
    session.result([asdict(finding) for finding in findings])
