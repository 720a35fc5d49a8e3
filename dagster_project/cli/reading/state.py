"""``tieout status``: read from the published copy, so that it never waits for a writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from dagster_project.cli.session import Session, with_session
from dagster_project.published.held_back import published

PERIODS = """
    select entity, period, status, landing_position
    from (select periods.*, row_number() over (partition by entity, period order by position desc) as recency from register.periods as periods)
    where recency = 1
    order by period, entity
"""
DOCUMENTS = """
    select documents.system, documents.entity, documents.period, documents.document_type, latest.state, count(*) as documents
    from register.documents as documents
    left join (
        select document_position, state, row_number() over (partition by document_position order by position desc) as recency
        from register.transitions
    ) as latest on documents.position = latest.document_position and latest.recency = 1
    group by all
    order by documents.period, documents.entity, documents.system, documents.document_type, latest.state
"""
CHECKPOINTS = """
    select period, entity, checkpoint, bool_and(status = 'tied') as tied, sum(break_count) as breaks
    from reconciliation.checkpoints where period in (select period from register.documents) group by all order by period, entity, checkpoint
"""


@click.command("status")
@with_session
def status_command(session: Session) -> None:
    """Show the periods, the documents by state, the checkpoints, what is degraded, and the counterparties."""
    from dagster_project.alerting.degraded import degradations
    from reverse_etl.sandbox.supervisor import sandbox_status

    warehouse = session.installation.warehouse
    statements = {"periods": PERIODS, "documents": DOCUMENTS, "checkpoints": CHECKPOINTS}
    # Before anything was computed there is nothing to read, and how the destinations stand is told all the same.
    is_published = session.settings.published_path.is_file()
    found = {name: published(warehouse, statement) if is_published else [] for name, statement in statements.items()}
    shown = {**found, "checkpoints": _by_period(found["checkpoints"])}
    for title, records in shown.items():
        session.table(title.capitalize(), records, list(records[0]) if records else ["none yet"])
    degraded = degradations(session.installation)
    for one in degraded:
        session.line(f"Degraded: {one.told} ({one.next_command})")
    sandbox = sandbox_status(session.settings)
    for name, endpoint in sandbox.items():
        session.line(f"Sandbox {name}: {endpoint.url if endpoint else 'not running (tieout sandbox start)'}")
    session.line("What a close still waits for: tieout checklist PERIOD")
    session.result({**found, "degraded": [one.to_record() for one in degraded], "sandbox": dict(sandbox)})


def _by_period(checkpoints: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row per period and legal entity: how many checkpoints tie, and which do not."""
    rows = []
    for period, entity in dict.fromkeys((row["period"], row["entity"]) for row in checkpoints):
        own = [row for row in checkpoints if (row["period"], row["entity"]) == (period, entity)]
        broken = [f"{row['checkpoint']} ({row['breaks']} breaks)" for row in own if not row["tied"]]
        rows.append({"period": period, "entity": entity, "tied": f"{len(own) - len(broken)} of {len(own)}", "broken": ", ".join(broken)})
    return rows
