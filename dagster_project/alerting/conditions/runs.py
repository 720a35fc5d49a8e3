"""Runs of Dagster that failed and that no later run has made good. A failed close is a blocked close."""

from __future__ import annotations

from collections.abc import Iterator

from dagster_project.alerting.conditions.words import listing, run_link, sentence
from dagster_project.alerting.facts import Facts, FailedRun
from reverse_etl.alerting import Alert, AlertKind, Severity

ASSETS_ALONE = "__ASSET_JOB"
"""How Dagster calls a run that was asked for by assets, as its daemon and its graph do."""


def failed_runs(facts: Facts) -> Iterator[Alert]:
    latest: dict[str, FailedRun] = {}
    for run in facts.runs:
        if not run.closes and (run.job not in latest or run.ended_at > latest[run.job].ended_at):
            latest[run.job] = run
    for job, run in sorted(latest.items()):
        others = [one for one in facts.runs if one.job == job]
        name = "assets" if job == ASSETS_ALONE else job
        yield Alert(
            AlertKind.FAILED_RUN,
            Severity.ERROR,
            name,
            sentence(f"the run of {name}{_scope(run)} {how_it_ended(run)}"),
            min(one.ended_at for one in others),
            next_command=_again(run),
            link=run_link(facts.settings, run.run_id),
            correlation_id=run.run_id,
            count=len(others),
        )


def how_it_ended(run: FailedRun) -> str:
    steps = [failure.step for failure in run.failures if failure.step]
    if run.abandoned:
        return f"was left unfinished{' in ' + ', '.join(steps) if steps else ''}: its process ended before it did"
    said = [f"at {failure.step}: {failure.error}" if failure.step else failure.error for failure in run.failures]
    return f"failed {listing(said)}" if said else "failed before a step did"


def _scope(run: FailedRun) -> str:
    if not run.keys:
        return ""
    return f" for {run.keys[0]}" if len(run.keys) == 1 else f" for {run.keys[0]} to {run.keys[-1]}"


def _again(run: FailedRun) -> str:
    if run.job == "daily_usage" and run.keys:
        return f"tieout land --from {run.keys[0]} --to {run.keys[-1]}"
    if run.job == "progressive_billing" and run.keys:
        return f"tieout bill {run.keys[0].rpartition('|')[2]}"
    return "tieout audit anchor" if run.job == "daily_anchor" else "tieout dev"
