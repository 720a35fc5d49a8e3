"""``tieout rate``: what would this cost? Answered by the models that rate production."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from dagster_project.rating.simulation import Change, Simulation

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
AMOUNTS = ("currency", "old_minor", "new_minor", "difference_minor")


@click.command("rate")
@click.option("--input", "input_path", type=FILE, help="A JSON list of cases.")
@click.option("--output", "output_path", type=click.Path(path_type=Path, dir_okay=False), help="Where the results of the cases are written.")
@click.option(
    "--simulate",
    "changed",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A changed reference file, named by its source (prices.csv), or a folder of such; may be given several times.",
)
@click.option("--period", help="The month to simulate, YYYY-MM (default: the last one of which all usage has landed).")
@click.option("--by-charge", is_flag=True, help="Show the simulated change by charge, too.")
@click.option("--csv", "csv_path", type=click.Path(path_type=Path, dir_okay=False), help="Write the simulated change by customer to a CSV file.")
@with_session
def rate_command(
    session: Session,
    input_path: Path | None,
    output_path: Path | None,
    changed: Sequence[Path],
    period: str | None,
    by_charge: bool,
    csv_path: Path | None,
) -> None:
    """Rate the cases of a file (--input, --output), or last month's real usage with changed reference files (--simulate). Neither changes
    anything in the installation."""
    if changed and (input_path or output_path):
        raise click.UsageError("--simulate is used without --input and --output")
    if changed:
        from dagster_project.rating.simulation import simulate

        _show(session, simulate(session.installation, changed, period), by_charge, csv_path)
    elif input_path and output_path:
        _rate(session, input_path, output_path)
    else:
        raise click.UsageError("give --input and --output for cases, or --simulate for changed reference files")


def _rate(session: Session, input_path: Path, output_path: Path) -> None:
    """Write a list of id, result and error; where a case has ``expected``, say how many agree."""
    from dagster_project.rating.cases import rate_cases
    from reverse_etl.cases import Case, read_cases, write_results
    from reverse_etl.cases.comparison import agrees

    cases = read_cases(input_path)
    results = rate_cases(cases)
    write_results(output_path, results)
    expecting = [(case, result) for case, result in zip(cases, results, strict=True) if isinstance(case, Case) and case.expected is not None]
    different = [(case, result) for case, result in expecting if result.error is None and not agrees(case.expected, result.result)]
    refused = [result for result in results if result.error is not None]
    if refused:
        session.table("Refused", [{"case": result.id, "reason": result.error} for result in refused], ["case", "reason"])
    if different:
        rows = [{"case": case.id, "expected": str(case.expected), "rated": str(result.result)} for case, result in different]
        session.table("Different", rows, ["case", "expected", "rated"])
    agreeing = sum(result.error is None for _, result in expecting) - len(different)
    session.line(f"Rated {len(results) - len(refused)} of {len(results)} cases; {agreeing} of {len(expecting)} agree with what they expect")
    session.result([asdict(result) for result in results])


def _show(session: Session, simulation: Simulation, by_charge: bool, csv_path: Path | None) -> None:
    customers = _rows("customer", simulation.customers)
    if csv_path:
        with csv_path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, ["customer", *AMOUNTS], lineterminator="\n")
            writer.writeheader()
            writer.writerows(customers)
    session.table(f"{simulation.period} by customer, before tax", customers, ["customer", *AMOUNTS])
    if by_charge:
        session.table("By charge", _rows("charge", simulation.charges), ["charge", *AMOUNTS])
    session.table("Totals", [asdict(total) for total in simulation.totals], [*AMOUNTS, "up", "down", "unchanged"])
    if simulation.held:
        columns = ["customer_id", "line_key", "old_hold_reason", "new_hold_reason", *AMOUNTS[:3]]
        session.table("Held, and in no total", [asdict(line) for line in simulation.held], columns)
    for note in simulation.notes:
        session.line(note)
    session.result(simulation)


def _rows(subject: str, changes: Sequence[Change]) -> list[dict[str, str | int]]:
    return [{subject: change.subject, **{name: getattr(change, name) for name in AMOUNTS}} for change in changes]
