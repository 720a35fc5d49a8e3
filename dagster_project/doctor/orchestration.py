"""dbt and Dagster: whether the models are parsed as they stand, the instance is the shipped one, and nothing hangs in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.doctor.finding import Examined, Finding, ok, problem, warning
from reverse_etl.errors import ConfigurationError

if TYPE_CHECKING:
    import dagster as dg

SILENT = timedelta(minutes=30)
LONG_RUN = timedelta(hours=12)
SHOWN = 5


def models(examined: Examined) -> Iterator[Finding]:
    from dagster_project.dbt import DbtPaths
    from dagster_project.dbt.project import is_current, parse

    paths = DbtPaths.of(examined.settings)
    if not (paths.project / "dbt_project.yml").is_file():
        yield problem("dbt project", "it is not there", paths.project, "install Tieout anew: the dbt project comes with it")
        return
    if is_current(paths):
        yield ok("dbt project", "it is parsed as it stands", paths.manifest)
    elif not examined.thorough:
        yield ok("dbt project", "the next run parses it; --thorough does now", paths.manifest)
    else:
        try:
            parse(paths)
        except ConfigurationError as error:
            yield problem("dbt project", str(error), paths.project, "correct the file that it names, or git checkout it")
        else:
            yield ok("dbt project", "it parses", paths.project)


def profile(examined: Examined) -> Iterator[Finding]:
    """The targets of the profile, and variables that would lead dbt elsewhere."""
    import yaml

    from dagster_project.dbt.project import WAREHOUSE_VARIABLE
    from dagster_project.shipped import DBT_PROJECT

    path = DBT_PROJECT / "profiles.yml"
    try:
        # Jinja of values is quoted text to YAML.
        outputs = yaml.safe_load(path.read_text())["tieout"]["outputs"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        yield problem("dbt profile", f"it cannot be read: {type(error).__name__}", path, "install Tieout anew, or git checkout it")
        return
    target = os.environ.get("DBT_TARGET", "dev")
    elsewhere = os.environ.get(WAREHOUSE_VARIABLE)
    if target not in outputs:
        yield problem("dbt profile", f"there is no target {target!r}; there are {', '.join(outputs)}", "DBT_TARGET", "unset DBT_TARGET")
    elif elsewhere and Path(elsewhere).resolve() != examined.settings.warehouse_path.resolve():
        fix = f"unset {WAREHOUSE_VARIABLE} before dbt is run by hand; Tieout's own runs set it themselves"
        yield warning("dbt profile", f"dbt by hand would build {elsewhere}, not this installation", WAREHOUSE_VARIABLE, fix)
    else:
        yield ok("dbt profile", f"target {target}", path)


def instance(examined: Examined) -> Iterator[Finding]:
    from dagster_project.cli.installing.installation import dagster_instance

    folder = examined.home / "dagster"
    named = os.environ.get("DAGSTER_HOME")
    if named and Path(named).resolve() != folder.resolve():
        yield warning(
            "dagster home", f"DAGSTER_HOME is {named}, so 'dagster' by hand uses another instance", "DAGSTER_HOME", f"export DAGSTER_HOME={folder}"
        )
    path = folder / "dagster.yaml"
    if not path.is_file():
        yield problem("dagster home", "it has no dagster.yaml: runs would be kept elsewhere", path, f"tieout --home {examined.home} init")
        return
    try:
        shipped = dagster_instance(examined.settings.dagster_url)
    except ConfigurationError as error:
        yield problem("dagster home", str(error), path, "pip install 'tieout[production]'")
        return
    if path.read_text() != shipped:
        fix = f"tieout --home {examined.home} init writes it anew; what you changed on purpose belongs into the shipped one (dagster_project)"
        yield warning("dagster home", "it is not the shipped one: pools, retries or storage may be others", path, fix)
    else:
        yield ok("dagster home", "dagster.yaml is the shipped one", path)


def runs(examined: Examined) -> Iterator[Finding]:
    """Storage, the daemon's heartbeat, and runs that hang."""
    folder = examined.home / "dagster"
    if not (folder / "dagster.yaml").is_file():
        return
    if examined.settings.dagster_url is None and not (folder / "history").is_dir():
        yield ok("dagster runs", "nothing ran yet", folder)
        return
    from dagster_project.runs.instance import open_instance

    try:
        opened = open_instance(examined.settings)
    except Exception as error:
        fix = f"tieout --home {examined.home} init writes dagster.yaml anew; make the database reachable where TIEOUT_DAGSTER_URL names one"
        yield problem("dagster storage", f"it does not open: {_first_line(error)}", folder, fix)
        return
    try:
        with opened:
            yield from _daemon(opened, folder)
            yield from _unfinished(opened, folder)
    except Exception as error:
        fix = f"move {folder / 'history'} away (runs are only for looking at; the register has what was done), then tieout init"
        yield problem("dagster storage", f"it cannot be read: {_first_line(error)}", folder, fix)


def _daemon(opened: dg.DagsterInstance, folder: Path) -> Iterator[Finding]:
    beats = [beat.timestamp for beat in opened.get_daemon_heartbeats().values()]
    if not beats:
        yield ok("dagster daemon", "it never ran here: no schedule and no sensor acts by itself", folder)
        return
    last = datetime.fromtimestamp(max(beats), UTC)
    if datetime.now(UTC) - last > SILENT:
        told = f"silent since {last:%Y-%m-%d %H:%M} UTC: schedules, sensors and alerts stand still"
        yield warning("dagster daemon", told, folder, "tieout dev, or dagster-daemon run as a service")
    else:
        yield ok("dagster daemon", f"heard at {last:%Y-%m-%d %H:%M:%S} UTC", folder)


def _unfinished(opened: dg.DagsterInstance, folder: Path) -> Iterator[Finding]:
    import dagster as dg

    from dagster_project.runs.instance import STARTED_BY_TAG, UNFINISHED
    from dagster_project.runs.under_way import process_has_ended

    records = opened.get_run_records(dg.RunsFilter(statuses=UNFINISHED), limit=100)
    now, wrong = datetime.now(UTC), False
    for record in records[:SHOWN]:
        run = record.dagster_run
        process = run.tags.get(STARTED_BY_TAG, "")
        age = now - record.create_timestamp.astimezone(UTC)
        if process_has_ended(folder.parent, run.run_id) or (process.isdigit() and not _is_alive(int(process))):
            wrong = True
            told = (
                f"run {run.run_id[:8]} of {run.job_name} is {run.status.value.lower()}, and its process {f'{process} ' if process else ''}has ended"
            )
            yield warning("dagster runs", told, folder, "the next tieout close or land ends it; or terminate it in Dagster's UI")
        elif age > LONG_RUN:
            wrong = True
            told = f"run {run.run_id[:8]} of {run.job_name} is {run.status.value.lower()} for {age.total_seconds() / 3600:.0f} hours"
            yield warning("dagster runs", told, folder, "look at it in Dagster's UI, and terminate it if it hangs: what it sent is in the register")
    if not wrong:
        yield ok("dagster runs", f"{len(records)} are under way, none hangs" if records else "none is under way", folder)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip()[:300]
