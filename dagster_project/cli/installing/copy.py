"""``tieout copy``."""

from __future__ import annotations

import click

from dagster_project.cli.session import Session, with_session


@click.command("copy")
@click.argument("address")
@with_session
def copy_command(session: Session, address: str) -> None:
    """Copy every source relation to the PostgreSQL database at ADDRESS, for dbt to build there.

    ADDRESS is a connection string such as postgresql://user@host/tieout. What was copied before is replaced.
    """
    from reverse_etl.landing.relations import RELATIONS
    from reverse_etl.warehouse.postgresql import copy_relations

    copied = copy_relations(session.installation.warehouse, address, RELATIONS)
    session.line(f"Copied {sum(copied.values())} rows of {len(copied)} relations; now build there: dbt build --target postgres")
    session.result(copied)
