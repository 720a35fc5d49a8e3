"""``tieout reperform``: what the general ledger should hold, computed a second time from the delivered files, beside what it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import TieoutError

if TYPE_CHECKING:
    from reverse_etl.reperformance import Difference, MonthReperformed, Reperformance

SHOWN_DIFFERENCES = 20
SIDES = ("re-performed", "general ledger", "difference")


class NotReperformedError(TieoutError):
    """The general ledger does not hold what the delivered files come to."""


@click.command("reperform")
@click.argument("period", required=False)
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--sample", type=click.IntRange(min=1), help="So many customers, chosen by hash, with all of their lines (default: all).")
@click.option("--seed", default="", help="Another seed chooses other customers.")
@with_session
def reperform_command(session: Session, period: str | None, entity: str | None, sample: int | None, seed: str) -> None:
    """Compute from the delivered files what the general ledger should hold in PERIOD (YYYY-MM, default: every month), with a second program that
    shares nothing with the models, and compare it line by line. What it does not cover is listed by name. The exit code is 1 on any difference."""
    from dagster_project.published.reperforming import read_facts
    from dagster_project.quantities import exponents
    from reverse_etl.reperformance import reperform

    installation = session.installation
    done = reperform(installation.settings.inbox, read_facts(installation), period, entity, sample, seed)
    if session.tells_people:
        show(done, exponents())
    for line in told(done):
        session.line(line)
    session.result({"agrees": done.agrees, **as_records(done)})
    if not done.agrees:
        raise NotReperformedError("; ".join(named(month) for month in done.months if month.differences))


def as_records(done: Reperformance) -> dict[str, list[dict[str, Any]]]:
    return {"months": [asdict(month) for month in done.months], "waiting": [asdict(waits) for waits in done.waiting]}


def told(done: Reperformance) -> list[str]:
    """One line per legal entity and month, then what was left out and what waits."""
    lines = [f"{month.entity} {month.period}: {summary(month)}" for month in done.months]
    left_out: defaultdict[str, int] = defaultdict(int)
    for month in done.months:
        for reason in month.not_reperformed:
            left_out[reason.reason] += reason.lines
    lines += [f"Not re-performed: {reason} ({count} lines)" for reason, count in sorted(left_out.items())]
    if done.waiting:
        reasons = ", ".join(sorted({waits.reason for waits in done.waiting}))
        lines.append(f"Due and in no ledger, for it waits for a person: {len(done.waiting)} lines ({reasons}); see 'tieout exceptions'")
    return lines


def summary(month: MonthReperformed) -> str:
    return f"re-performed {month.reperformed} of {month.lines} lines; difference {_total(month.differences)}"


def named(month: MonthReperformed) -> str:
    """The differences of a month for a message: the first ones by name."""
    first = "; ".join(_named(difference) for difference in month.differences[:3])
    more = f" and {len(month.differences) - 3} more" if len(month.differences) > 3 else ""
    return f"{month.entity} {month.period} differs from the ledger: {first}{more}"


def show(done: Reperformance, decimals: Mapping[str, int]) -> None:
    from dagster_project.cli.terminal.tables import show as show_table
    from dagster_project.quantities import quantity

    rows = []
    for month in done.months:
        for item in month.accounts:
            sides = (item.expected_minor, item.ledger_minor, item.difference_minor)
            amounts = dict(zip(SIDES, (quantity(str(minor), item.currency, decimals) for minor in sides), strict=True))
            rows.append({"entity": item.entity, "month": item.period, "account": item.account, **amounts})
    show_table("The general ledger, computed again from the delivered files", rows, ["entity", "month", "account", *SIDES])
    found = [difference for month in done.months for difference in month.differences]
    for difference in found[:SHOWN_DIFFERENCES]:
        click.echo(_named(difference))
    if len(found) > SHOWN_DIFFERENCES:
        click.echo(f"... and {len(found) - SHOWN_DIFFERENCES} more; --json lists them all")


def _named(difference: Difference) -> str:
    """Amounts are positive for a debit; a difference in the functional currency alone is told in its minor units."""
    what = f"{difference.entity} {difference.period} {difference.line or difference.customer_id or 'no document'} on account {difference.account}"
    if difference.difference_minor:
        computed, held = (_amount(minor, difference.currency) for minor in (difference.expected_minor, difference.ledger_minor))
        return f"{what}: {computed} re-performed, {held} in the ledger"
    functional = (difference.expected_functional_minor, difference.ledger_functional_minor)
    return f"{what}: {functional[0]} re-performed, {functional[1]} in the ledger (minor units of the functional currency)"


def _total(differences: Sequence[Difference]) -> str:
    if not differences:
        return "0"
    sums: defaultdict[str, int] = defaultdict(int)
    for difference in differences:
        sums[difference.currency] += abs(difference.difference_minor)
    return ", ".join(_amount(minor, currency) for currency, minor in sorted(sums.items())) + f" on {len(differences)} lines"


def _amount(minor: int, currency: str) -> str:
    from dagster_project.quantities import exponents, quantity

    return quantity(str(minor), currency, exponents())
