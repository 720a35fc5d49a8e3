"""A process that runs what a worker of Dagster or a person at the command line would, each in a process of its own that may be killed.

It loads everything once and forks for each order (a line of JSON on standard input, one of answer on standard output), so that a drill which kills
forty workers does not start Python forty times. What an order does is what ``tieout`` and Dagster's retry do.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.cli import run as run_command_line
from dagster_project.cli.closing.close import close_keys
from dagster_project.dbt.project import DbtPaths
from dagster_project.defs.automation.jobs import MONTHLY_CLOSE
from dagster_project.runs.instance import STARTED_BY_TAG, open_instance
from dagster_project.runs.runner import JobRunner, exclusive
from reverse_etl.settings import HOME_VARIABLE, Settings, load_settings

_runners: dict[str, JobRunner] = {}


def main() -> None:
    home, answers = Path(sys.argv[1]), Path(sys.argv[2])
    # Nothing but answers on standard output: whatever else is printed goes to the log.
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ[HOME_VARIABLE] = str(home)
    for line in sys.stdin:
        order = json.loads(line)
        settings = load_settings(home)
        runner = _runner(settings)
        answers.unlink(missing_ok=True)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _work(settings, runner, order, answers)
        _, status, used = os.wait4(child, 0)
        answer = {
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "seconds": time.monotonic() - began,
            "largest_memory_bytes": used.ru_maxrss * 1024,
            "result": json.loads(answers.read_text()) if answers.is_file() else None,
        }
        print(json.dumps(answer), file=told, flush=True)


def _runner(settings: Settings) -> JobRunner:
    """The jobs of the installation as its settings are now, with the project parsed here rather than in every child."""
    as_told = settings.model_dump_json()
    if as_told not in _runners:
        paths = DbtPaths.of(settings)
        paths.manifest.unlink(missing_ok=True)
        paths.fingerprint.unlink(missing_ok=True)
        _runners[as_told] = JobRunner(settings)
        # Kept by the job, and otherwise made anew in every child.
        _runners[as_told].definitions.resolve_job_def(MONTHLY_CLOSE).get_job_snapshot_id()
    return _runners[as_told]


def _work(settings: Settings, runner: JobRunner, order: Mapping[str, Any], answers: Path) -> None:
    try:
        os.environ.update(order.get("environment", {}))
        result = ORDERS[order["do"]](settings, runner, *order["arguments"])
        answers.write_text(json.dumps(result))
        os._exit(0)
    except BaseException as error:
        answers.write_text(json.dumps({"succeeded": False, "failures": [f"{type(error).__name__}: {error}"]}))
        os._exit(1)


def _land(settings: Settings, runner: JobRunner, first: str, last: str) -> dict[str, Any]:
    with exclusive(settings, "tieout land"):
        return _told(asdict(runner.land(date.fromisoformat(first), date.fromisoformat(last))))


def _close(settings: Settings, runner: JobRunner, period: str) -> dict[str, Any]:
    with exclusive(settings, f"tieout close {period}"):
        return _told(asdict(runner.close(close_keys(settings, period, None))))


def _retry(settings: Settings, runner: JobRunner, run_id: str | None) -> dict[str, Any]:
    """Dagster's own re-execution from failure of a run, or of the last one; what a killed worker left unfinished counts as failed."""
    _retried["runner"] = runner
    with exclusive(settings, "retry"), open_instance(settings) as instance:
        chosen = dg.RunsFilter(job_name=MONTHLY_CLOSE) if run_id is None else dg.RunsFilter(run_ids=[run_id])
        [failed] = instance.get_runs(chosen, limit=1)
        with dg.execute_job(
            dg.reconstructable(monthly_close),
            instance,
            # The retry is of the same partitions, as when a person asks for it in the UI.
            tags={**failed.tags, STARTED_BY_TAG: str(os.getpid())},
            reexecution_options=dg.ReexecutionOptions.from_failure(failed.run_id, instance),
        ) as result:
            failures = [f"{event.step_key}: {_reason(event)}" for event in result.all_events if event.is_step_failure]
            started = [event.step_key for event in result.all_events if event.is_step_start]
            return {"run_id": result.run_id, "succeeded": result.success, "failures": failures, "steps": started}


def _reason(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    return str(failure.user_failure_data.description if failure.user_failure_data else failure.error)


_retried: dict[str, JobRunner] = {}


def monthly_close() -> dg.JobDefinition:
    return _retried["runner"].definitions.resolve_job_def(MONTHLY_CLOSE)


def _steps(_: Settings, runner: JobRunner) -> list[str]:
    """The steps of a close, as the job has them today."""
    return [node.name for node in runner.definitions.resolve_job_def(MONTHLY_CLOSE).nodes_in_topological_order]


def _usual_seconds(settings: Settings, _: JobRunner) -> dict[str, float]:
    """What each step of the last close took, in the order in which they ran."""
    with open_instance(settings) as instance:
        [last] = instance.get_runs(dg.RunsFilter(job_name=MONTHLY_CLOSE), limit=1)
        found = sorted(instance.get_run_step_stats(last.run_id), key=lambda one: one.start_time or 0.0)
    return {one.step_key: one.end_time - one.start_time for one in found if one.start_time is not None and one.end_time is not None}


def _tieout(_: Settings, __: JobRunner, *arguments: str) -> dict[str, Any]:
    out, problems = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(problems):
        code = run_command_line(list(arguments))
    return {"code": code, "output": out.getvalue(), "problems": problems.getvalue()}


def _told(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: run[name] for name in ("run_id", "succeeded", "failures")}


ORDERS: dict[str, Callable[..., Any]] = {
    "land": _land,
    "close": _close,
    "retry": _retry,
    "steps": _steps,
    "usual_seconds": _usual_seconds,
    "tieout": _tieout,
}

if __name__ == "__main__":
    # Dagster finds the job again by the name of this module.
    import drill_worker

    drill_worker.main()
