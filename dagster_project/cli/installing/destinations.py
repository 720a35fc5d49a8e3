"""``tieout destinations``: how each one stands, how it is set up, and the mode that people set."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from reverse_etl.settings import Settings

COLUMNS = ("name", "kind", "class", "limits", "quota", "mode", "circuit", "now")
MODE_NAMES = ("normal", "hold", "throttled", "verify_only")


@click.group("destinations", invoke_without_command=True)
@with_session
@click.pass_context
def destinations_command(context: click.Context, session: Session) -> None:
    """Show every destination: kind, class, limits, use of its quota, mode, circuit, and whether it is asked now."""
    from reverse_etl.posting.pacing.overview import destination_states

    if context.invoked_subcommand is not None:
        return
    from dagster_project.alerting.degraded import destination_degradations

    installation = session.installation
    states = [asdict(state) for state in destination_states(installation.settings)]
    session.table("Destinations", [_row(state) for state in states], COLUMNS)
    degraded = destination_degradations(installation)
    for found in degraded:
        session.line(f"Degraded: {found.told} ({found.next_command})")
    session.result([state | {"degraded": [found.to_record() for found in degraded if found.subject == state["name"]]} for state in states])


@destinations_command.command("mode")
@click.argument("name")
@click.argument("mode", type=click.Choice(MODE_NAMES))
@click.option("--reason", required=True, help="Why; whoever finds it so reads this.")
@click.option("--fraction", type=float, help="Of every limit, with the mode throttled (default 0.25).")
@with_session
def mode_command(session: Session, name: str, mode: str, reason: str, fraction: float | None) -> None:
    """Set the MODE of destination NAME, for running pushes too.

    normal: as declared. hold: it is not asked at all. throttled: a fraction of its limits. verify_only: it is read, and nothing is sent.
    """
    from reverse_etl.posting.pacing import Modes

    installation = session.installation
    installation.settings.destination(name)
    given = Modes(installation.settings.pacing_folder / "modes.jsonl").set(name, mode, actor=installation.actor, reason=reason, fraction=fraction)
    session.line(f"{name} is set to {given}")
    session.result({"destination": name, **asdict(given)})


@destinations_command.command("check")
@click.argument("name")
@click.option("--ask", is_flag=True, help="Also ask the destination whether it takes our authorization (posts nothing).")
@click.option("--sample", is_flag=True, help="Also show what a small customer and journal entry would be sent as (sends nothing).")
@click.option("--debit", "debit_account", default="1100", show_default=True, help="Our account that the sample debits.")
@click.option("--credit", "credit_account", default="4000", show_default=True, help="Our account that the sample credits.")
@with_session
def check(session: Session, name: str, ask: bool, sample: bool, debit_account: str, credit_account: str) -> None:
    """Check settings, secrets and description of the destination NAME, and say what becomes of a lost answer there."""
    from reverse_etl.systems import check as check_destination
    from reverse_etl.systems import open_system

    settings = session.settings
    lines = list(check_destination(settings, name))
    samples = sample_requests(settings, name, debit_account, credit_account) if sample else {}
    lines += [f"{document_type} would be sent as {request}" for document_type, request in samples.items()]
    if ask:
        open_system(settings, name).ping()
        lines.append(f"{name} answers, and takes our authorization")
    for line in lines:
        session.line(line)
    session.result({"destination": name, "found": lines, "samples": samples})


def sample_requests(settings: Settings, name: str, debit_account: str, credit_account: str) -> dict[str, str]:
    """The stored request of the first call of a small document, by document type. Raises OutboxContractError: it cannot be rendered."""
    from datetime import date

    from reverse_etl.conformance import Specimens
    from reverse_etl.conformance.specimens import CUSTOMER, JOURNAL_ENTRY
    from reverse_etl.systems import open_system
    from reverse_etl.systems.contract import RenderContext

    system = open_system(settings, name)
    entity = next(iter(settings.destination(name).entities), settings.entities[0])
    day = date.fromisoformat(f"{settings.first_period}-28")
    specimens = Specimens(name, entity, "sample", day, debit_account=debit_account, credit_account=credit_account)
    samples = {}
    for document_type in (CUSTOMER, JOURNAL_ENTRY):
        if document_type in system.manifest.document_types:
            document = specimens.of(document_type, "1")
            samples[document_type] = system.render(RenderContext(document, {}, {}), system.call_names(document)[0]).decode()
    return samples


def _row(state: dict[str, Any]) -> dict[str, Any]:
    if state["problem"]:
        return {"name": state["name"], "kind": state["kind"], **dict.fromkeys(COLUMNS[2:]), "now": state["problem"]}
    found = " (found out)" if state["adapts"] else ""
    paused = f"paused for {state['paused_seconds']:g} s" if state["paused_seconds"] else "is asked"
    since = f" since {state['unavailable_since']:%Y-%m-%d %H:%M} UTC" if state["unavailable_since"] else ""
    return {
        "name": state["name"],
        "kind": state["kind"],
        "class": state["capability_class"],
        "limits": f"{state['requests_per_second']:g}/s{found}, {state['concurrency']} at once, batches of {state['batch_size']}",
        "quota": ", ".join(f"{used} of {allowed} per {window}" for window, (used, allowed) in state["quota"].items()),
        "mode": state["mode"] + (f" by {state['mode_set_by']}: {state['mode_reason']}" if state["mode_reason"] else ""),
        # A closed circuit is nothing to tell: beside what is open to be asked it reads as its opposite.
        "circuit": None if state["circuit"] == "closed" else f"{state['circuit']}{since}",
        "now": state["withheld"] or paused,
    }
