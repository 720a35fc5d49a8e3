"""``tieout opening``: what a former system leaves at cutover, before two people have approved it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click

from dagster_project.cli.closing.close import close_keys, delivered_days, land, refuse
from dagster_project.cli.session import Session, waiting, with_session

ACCOUNT_COLUMNS = ("account", "currency", "documents", "opened", "delivered", "difference", "functional_difference")
REFUSED_COLUMNS = ("file_name", "line_number", "subject", "rule", "what_to_do")
BUILT = ("outbox.outbox_openings", "cutover.opening_plans", "cutover.opening_trial_balance", "constants.reasons", "constants.reference_rules")


@click.command("opening")
@click.argument("entity")
@click.option("--request", "requested", is_flag=True, help="Ask for its approval by another user.")
@click.option("--reason", default="cutover", show_default=True, help="Why; whoever approves it reads this.")
@click.option("--land/--no-land", "with_landing", default=True, help="Land first what was delivered.")
@waiting
@with_session
def opening_command(session: Session, entity: str, requested: bool, reason: str, with_landing: bool) -> int:
    """Show what a former system leaves of ENTITY at cutover: the documents, what they open per account, and where that differs from the delivered
    trial balance. Nothing is sealed: the first close seals what two people approved. The exit code is 1 while something of it is refused or
    differs."""
    import dagster as dg

    from dagster_project.close.openings import ask_for_opening, opening_of
    from dagster_project.close.steps import publish
    from dagster_project.runs.runner import JobRunner, exclusive

    installation = session.installation
    settings = installation.settings
    keys = close_keys(settings, settings.first_period, entity)
    with exclusive(settings, f"tieout opening {entity}", session.wait):
        runner = JobRunner(settings, session.wait)
        if with_landing:
            days = delivered_days(settings)
            land(session, runner, days[0], days[-1])
        wanted = dg.AssetSelection.assets(*[dg.AssetKey(relation.split(".")) for relation in BUILT])
        selected = wanted.upstream() - dg.AssetSelection.groups("landing", "sources", "seal")
        refuse(runner.close(keys, only=sorted(selected.resolve(runner.definitions.resolve_asset_graph()))))
        publish(installation)
    opening = opening_of(installation, entity)
    kinds: dict[str, int] = {}
    for document in opening.documents:
        kinds[document.payload["opening"]] = kinds.get(document.payload["opening"], 0) + 1
    accounts = [_account(row) for row in opening.accounts]
    session.line(f"{entity} would open with " + (", ".join(f"{count} of {kind}" for kind, count in sorted(kinds.items())) or "nothing"))
    if accounts:
        session.table("What opens, beside the delivered trial balance", accounts, ACCOUNT_COLUMNS)
    session.line(f"Left on the opening equity: {opening.equity}")
    if opening.refused:
        session.table(f"{len(opening.refused)} rows cannot be opened", opening.refused, REFUSED_COLUMNS)
    request = ask_for_opening(installation, entity, reason) if requested else opening.request
    if opening.is_sealed:
        session.line("It is opened: what is sealed never changes, and what differs from it is a break of K6")
    elif request is not None:
        session.line(f"Request {request.request_id} is {request.status}")
        if request.status == "open":
            session.line(f"Another user decides it: tieout approve {request.request_id}")
    session.result(
        {
            "entity": entity,
            "documents": kinds,
            "accounts": accounts,
            "refused": list(opening.refused),
            "opening_equity": opening.equity,
            "content_hash": opening.content_hash,
            "request": None if request is None else {"request_id": request.request_id, "status": request.status},
            "is_sealed": opening.is_sealed,
        }
    )
    return 1 if opening.refused or opening.breaks else 0


def _account(row: Mapping[str, Any]) -> dict[str, Any]:
    def shown(minor: int) -> str:
        return f"{Decimal(int(minor)).scaleb(-row['currency_exponent']):,f}"

    compared = row["is_compared"]
    return {
        "account": row["account"],
        "currency": row["currency"],
        "documents": row["document_count"],
        "opened": shown(row["opened_minor"]),
        "delivered": shown(row["delivered_minor"]) if compared else None,
        "difference": shown(row["opened_minor"] - row["delivered_minor"]) if compared else None,
        "functional_difference": int(row["opened_functional_minor"] - row["delivered_functional_minor"]) if compared else None,
    }
