"""``tieout rate``: what would this cost? Answered by the models that rate production."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from dagster_project.cli.session import Session, with_session


@click.command("rate")
@click.option("--input", "input_path", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="A JSON list of cases.")
@click.option("--output", "output_path", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where the results are written.")
@with_session
def rate_command(session: Session, input_path: Path, output_path: Path) -> None:
    """Rate the cases of a file and write a list of id, result and error. Where a case has ``expected``, say how many agree."""
    from dagster_project.rating import rate_cases
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
