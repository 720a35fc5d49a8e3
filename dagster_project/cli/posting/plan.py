"""``tieout plan`` and ``push``: what would be done, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.closing.close import close_keys, refuse
from dagster_project.cli.installing.sandbox import tell_of_stopped
from dagster_project.cli.session import Session, waiting, with_session
from reverse_etl.correlation import current
from reverse_etl.errors import ConfigurationError, PlanMovedError, TieoutError

if TYPE_CHECKING:
    from dagster_project.close import CloseKey, Installation
    from reverse_etl.posting.plans import LanePlan, Plan
    from reverse_etl.register import Register

SHOWN_RELATIONS = ("analytics.draft_lines", "usage.quarantined_usage_events", "staging.refused_reference_rows")
"""What a plan computes beside the outbox: what tieout preview and exceptions show."""
PREVIEW_RELATIONS = (
    "staging.stg_register_closing__document_states",
    "staging.stg_register_closing__documents",
    "staging.stg_register_closing__billing_lines",
    # tieout trace walks on from a draft through these.
    "staging.stg_register_closing__journal_lines",
    "staging.stg_ledger__move_lines",
    "analytics.invoice_preview",
    "analytics.invoice_preview_events",
)
SHOWN = 20
WORDS = {
    "pending": "send",
    "in_flight": "resolve",
    "ambiguous": "resolve",
    "posted": "verify",
    "parked": "nothing (parked)",
    "rejected": "nothing (rejected)",
    "held": "nothing (held)",
}
"""What a push does about a document in a state."""


class PushFailedError(TieoutError):
    """At least one delivery failed; the message has the reason of each."""


@click.command("plan")
@click.argument("period")
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--destination", "system", help="One destination of what would be sent (default: all).")
@click.option("--sealed", "sealed_only", is_flag=True, help="Only what would be sent: reads the register and computes nothing.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write what would be sent as a plan file, for 'tieout push --plan'.")
@click.option("--all", "everything", is_flag=True, help=f"Show every document and amount, not the first {SHOWN}.")
@waiting
@with_session
def plan_command(
    session: Session, period: str, entity: str | None, system: str | None, sealed_only: bool, out: Path | None, everything: bool
) -> None:
    """Show what a close of PERIOD (YYYY-MM) would seal now, and what a push would do with what is sealed; change nothing.

    First part: the billing documents that the models propose. Journals follow from what is sealed; 'tieout preview' shows the lines. For what a
    run gate stops an approval is asked, as the close would ask for it.

    Second part, and alone with --sealed: by destination and entity, what would be created, finished, resolved, verified or reversed, what is held
    and why, with totals by currency and amounts by account of the general ledger. --out writes this part to a file.
    """
    from dagster_project.oversight.pushes import destinations_of, plan_pushes
    from reverse_etl.posting.plans import write_plan

    installation = session.installation
    keys = close_keys(installation.settings, period, entity)
    systems = destinations_of(installation, system)
    sealing = None if sealed_only else _sealing(session, keys, period)
    with closing(installation.open_register()) as register:
        plan = plan_pushes(installation, register, systems, [key.entity for key in keys], period)
        _tell_plan(session, plan, everything)
        _tell_stranded(session, register)
    written = None
    if out is not None:
        written = write_plan(plan, out)
        session.line(f"Written to {out} (hash {written[:12]}): tieout push --plan {out} does this and nothing else")
        if sealing and sealing["documents"]:
            session.line("What would be sealed is no part of the file: close first, then plan what was sealed")
    session.result({**(sealing or {}), "plan": plan.content, "file_hash": written})


@click.command("push")
@click.argument("period", required=False)
@click.option("--entity", help="One legal entity (default: all).")
@click.option("--destination", "system", help="One destination (default: all).")
@click.option("--plan", "plan_path", type=click.Path(path_type=Path, dir_okay=False), help="Do exactly what this file says, or nothing.")
@with_session
def push_command(session: Session, period: str | None, entity: str | None, system: str | None, plan_path: Path | None) -> None:
    """Deliver what is sealed for PERIOD and not yet at its destination: say first what that is, then do it.

    With --plan FILE (of 'tieout plan PERIOD --out FILE') it does what the file says. If anything has moved since - a document more or less, another
    state, a closed period, another register - it refuses, names what differs, and sends nothing.
    """
    from dagster_project.oversight.pushes import destinations_of
    from reverse_etl.posting.plans import read_plan, require_same_register

    installation = session.installation
    plan = None
    if plan_path is not None:
        plan = read_plan(plan_path)
        if period not in (None, plan.period) or entity or system:
            raise click.UsageError("a plan says itself of which period, entities and destinations it is", click.get_current_context())
        period = plan.period
    if period is None:
        raise click.UsageError("Missing argument 'PERIOD', or the option '--plan'.", click.get_current_context())
    keys = close_keys(installation.settings, period, entity)
    with closing(installation.open_register()) as register:
        if plan is not None:
            require_same_register(plan, register)
            lanes = [(lane.system, _key_of(keys, lane)) for lane in plan.lanes]
        else:
            lanes = [(name, key) for name in destinations_of(installation, system) for key in keys]
            _tell_summary(session, installation, register, lanes)
    reports, failures = _push(installation, session, lanes, plan)
    session.result(reports)
    if any(isinstance(error, PlanMovedError) for error in failures.values()):
        raise PlanMovedError("; ".join(f"{lane}: {error}" for lane, error in failures.items()))
    if failures:
        tell_of_stopped(session, {lane.split()[0] for lane in failures})
        raise PushFailedError("; ".join(f"{lane}: {error}" for lane, error in failures.items()))


def _push(
    installation: Installation, session: Session, lanes: Sequence[tuple[str, CloseKey]], plan: Plan | None
) -> tuple[dict[str, Any], dict[str, TieoutError]]:
    from dagster_project.close.deliveries import Deliveries

    reports: dict[str, Any] = {}
    failures: dict[str, TieoutError] = {}
    with session.watching(), Deliveries(installation, lanes, correlation_id=current().correlation_id, plan=plan) as running:
        for name, key in lanes:
            lane = f"{name} {key.entity} {key.period}"
            try:
                reports[lane] = report = running.wait_for(name, key).report
                session.line(f"{lane}: {report}")
            except TieoutError as error:
                failures[lane] = error
    return reports, failures


def _key_of(keys: Sequence[CloseKey], lane: LanePlan) -> CloseKey:
    found = [key for key in keys if key.entity == lane.entity]
    if not found:
        raise ConfigurationError(
            f"the plan names the legal entity {lane.entity}, which this installation does not have; plan anew, or name it in tieout.yaml"
        )
    return found[0]


def _sealing(session: Session, keys: Sequence[CloseKey], period: str) -> dict[str, Any]:
    """Compute what a close would seal, and tell it."""
    from dagster_project.close.approvals import ask_for_stopped, gate_evidence, stopped_gates
    from dagster_project.close.outbox import PLANNED_RELATIONS, proposed
    from dagster_project.close.steps import publish

    installation = session.installation
    import dagster as dg

    from dagster_project.runs.runner import JobRunner, exclusive

    outbox = [dg.AssetKey(relation.split(".")) for relation in PLANNED_RELATIONS]
    with exclusive(installation.settings, f"tieout plan {period}", session.wait):
        runner = JobRunner(installation.settings, session.wait)
        graph = runner.definitions.resolve_asset_graph()
        # The preview belongs to the end of a close; here it reads the register as the plan mirrored it.
        preview = [dg.AssetKey(relation.split(".")) for relation in PREVIEW_RELATIONS]
        shown = [dg.AssetKey(relation.split(".")) for relation in SHOWN_RELATIONS]
        wanted = dg.AssetSelection.assets(*outbox, *shown).upstream() - dg.AssetSelection.groups("landing", "sources", "seal")
        with session.watching():
            run = runner.close(keys, only=sorted([*wanted.resolve(graph), *preview]))
    refuse(run)
    publish(installation)
    for key in keys:
        ask_for_stopped(installation, key.entity, key.period, run.run_id)
    rows = [row for key in keys for row in proposed(installation.warehouse, PLANNED_RELATIONS, key.entity, key.period)]
    planned = [
        {
            "business_key": row.business_key,
            "operation": row.operation,
            "date": row.document_date.isoformat(),
            "currency": row.currency,
            "total_minor": row.total_minor,
            "cause": row.cause,
        }
        for row in rows
    ]
    session.table(f"{len(planned)} documents would be sealed", planned, ["business_key", "operation", "date", "currency", "total_minor", "cause"])
    stopped = [gate for gate in stopped_gates(installation, period) if gate["entity"] in {key.entity for key in keys}]
    waiting = [{"entity": gate["entity"], "plan": gate["plan_hash"], "stopped": gate_evidence(gate), "status": gate["status"]} for gate in stopped]
    if waiting:
        session.table(
            "Stopped by a run gate until another user approves the plan (tieout approve PLAN)", waiting, ["entity", "plan", "stopped", "status"]
        )
    return {"documents": planned, "stopped": waiting}


def _tell_plan(session: Session, plan: Plan, everything: bool) -> None:
    """By destination and entity; those for which there is nothing are left out."""
    from reverse_etl.posting.plans import HELD

    told = [lane for lane in plan.lanes if lane.documents or lane.unchanged]
    count = sum(len(lane.acting) for lane in told)
    session.line(f"{count} documents would be sent, resolved or verified, of the register at position {plan.register_position}")
    for lane in told:
        named = f"{lane.system} {lane.entity}"
        session.table(f"{named}: would be sent", [asdict(total) for total in lane.totals], ["action", "currency", "documents", "total_minor"])
        if lane.withheld:
            session.line(f"{named}: nothing is sent now: {lane.withheld}")
        documents = [{**asdict(one), "document": one.name, "why": one.code} for one in lane.documents]
        acting = [row for row in documents if row["action"] != HELD]
        _some(session, f"{named}: documents", acting, ["action", "document", "period", "currency", "total_minor", "reason"], everything)
        _some(session, f"{named}: held", [row for row in documents if row["action"] == HELD], ["document", "why", "reason"], everything)
        accounts = [asdict(amount) for amount in lane.accounts]
        _some(session, f"{named}: by account", accounts, list(accounts[0]) if accounts else [], everything)
        revenue = [asdict(amount) for amount in lane.revenue]
        _some(session, f"{named}: by customer and kind of revenue", revenue, list(revenue[0]) if revenue else [], everything)


def _tell_stranded(session: Session, register: Register) -> None:
    """Documents that wait for a destination which this installation does not have (any more): no plan and no push would name them."""
    from reverse_etl.posting.plans import WAITING_STATES
    from reverse_etl.register.contract import CARRIED_OVER

    known = {*session.settings.destinations, CARRIED_OVER}
    stranded: dict[str, int] = {}
    for (system, _, _, state), count in register.counts().items():
        if system not in known and state in WAITING_STATES:
            stranded[system] = stranded.get(system, 0) + count
    for system, count in sorted(stranded.items()):
        session.line(f"{count} documents wait for {system}, which is no destination of this installation: add it to tieout.yaml")


def _some(session: Session, title: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], everything: bool) -> None:
    if rows:
        shown = rows if everything else rows[:SHOWN]
        more = f" (first {SHOWN} of {len(rows)}; --all shows every one)" if len(shown) < len(rows) else ""
        session.table(f"{title}{more}", shown, columns)


def _tell_summary(session: Session, installation: Installation, register: Register, lanes: Sequence[tuple[str, CloseKey]]) -> None:
    """What is about to be done, a line for each destination and entity; counted by the register, however much there is."""
    from dagster_project.oversight.pushes import manifest_of

    manifests = {name: manifest_of(installation, name) for name, _ in lanes}
    for name, key in lanes:
        counts: dict[str, int] = {}
        for (document_type, state, _), (count, _) in register.totals(name, key.entity, key.period).items():
            word = WORDS.get(state.value)
            if word is not None and (word != "verify" or manifests[name].of(document_type).look_up_lag is not None):
                counts[word] = counts.get(word, 0) + count
        if counts:
            told = ", ".join(f"{word} {counts[word]}" for word in dict.fromkeys(WORDS.values()) if word in counts)
            session.line(f"{name} {key.entity} {key.period}: to do: {told}")
