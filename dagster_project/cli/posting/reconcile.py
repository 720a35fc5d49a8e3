"""``tieout reconcile``: what the destinations hold now, against the register."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.closing.close import close_keys
from dagster_project.cli.installing.sandbox import tell_of_stopped
from dagster_project.cli.session import Session, with_session
from reverse_etl.errors import ConfigurationError, DestinationError

if TYPE_CHECKING:
    from reverse_etl.oversight.comparisons import Comparison, Difference

COLUMNS = ("kind", "document", "reference", "remote_id", "details")


@click.command("reconcile")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--destination", "system", help="One destination (default: all).")
@with_session
def reconcile_command(session: Session, period: str, entity: str | None, system: str | None) -> int:
    """Read the destinations now and compare them with what is sealed for PERIOD (YYYY-MM), document by document and line by line.

    Names what is missing there, different, left as a draft, there twice or not recorded, and what is there under a reference of ours that the
    register does not know, as after a restored backup. Nothing is changed, computed or kept; the checkpoints of a close (K7, K8) say the same of
    what was last read back. The exit code is 1 where anything differs or cannot be read.
    """
    from dagster_project.oversight.pushes import destinations_of
    from reverse_etl.oversight.comparisons import compare, summary

    installation = session.installation
    keys = close_keys(installation.settings, period, entity)
    comparisons: list[Comparison] = []
    unreadable: dict[str, str] = {}
    with session.watching(), closing(installation.open_register()) as register:
        for name in destinations_of(installation, system):
            for key in keys:
                try:
                    comparison = compare(register, installation.open_system(name), key.entity, period)
                except (ConfigurationError, DestinationError) as error:
                    # One that cannot be read keeps nobody from reading the others.
                    unreadable[f"{name} {key.entity} {period}"] = str(error)
                    session.line(f"{name} {key.entity} {period}: could not be read: {error}")
                    continue
                comparisons.append(comparison)
                _tell(session, comparison)
    counts = {kind: count for kind, count in summary(comparisons).items() if count}
    told = [f"{count} {kind}" for kind, count in counts.items()] + ([f"{len(unreadable)} not read"] if unreadable else [])
    if unreadable:
        tell_of_stopped(session, {lane.split()[0] for lane in unreadable})
    ties = "Every document of ours ties" if any(one.foreign for one in comparisons) else "Everything ties"
    session.line(f"Differs: {', '.join(told)}" if told else ties)
    session.result({"differences": counts, "unreadable": unreadable, "comparisons": [_comparison(one) for one in comparisons]})
    return 1 if told else 0


def _tell(session: Session, comparison: Comparison) -> None:
    from reverse_etl.oversight.comparisons import MEANINGS

    lane = f"{comparison.system} {comparison.entity} {comparison.period}"
    unread = f", {comparison.unverifiable} of a type that cannot be looked up" if comparison.unverifiable else ""
    session.line(f"{lane}: {comparison.compared} documents compared{unread}; {len(comparison.differences)} differ")
    if comparison.differences:
        rows = [_row(difference) | {"kind": f"{difference.kind}: {MEANINGS[difference.kind]}"} for difference in comparison.differences]
        session.table(lane, [row | {"details": "; ".join(row["details"])} for row in rows], COLUMNS)
    for checkpoint, says in comparison.checkpoints().items():
        session.line(f"{lane}: {checkpoint} {says}")


def _row(difference: Difference) -> dict[str, Any]:
    document = difference.document
    return {
        "kind": difference.kind,
        "document": None if document is None else (document.number or document.business_key),
        "reference": difference.reference,
        "remote_id": difference.remote_id,
        "details": list(difference.details),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "system": comparison.system,
        "entity": comparison.entity,
        "period": comparison.period,
        "compared": comparison.compared,
        "unverifiable": comparison.unverifiable,
        "foreign": comparison.foreign,
        "differences": [_row(one) for one in comparison.differences],
        "checkpoints": dict(comparison.checkpoints()),
    }
