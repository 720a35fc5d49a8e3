"""What would last month have cost? Changed reference files are landed in a copy of the published warehouse and rated by the same models."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_project.close import Installation
from dagster_project.close.partitions import first_day, first_day_after
from dagster_project.close.steps import refused_reference_rows
from dagster_project.dbt.project import DbtPaths, invoke, parsed_project
from reverse_etl.errors import ConfigurationError, DestinationError, TieoutError
from reverse_etl.landing import land
from reverse_etl.landing.mapping import EVENTS, load_mapping
from reverse_etl.settings import Settings

BEFORE = "create or replace table rating.lines_before as select * from rating.rated_lines"
LINES = """
    create or replace table rating.simulated_lines as
    select
        coalesce(after.line_key, before.line_key) as line_key,
        coalesce(after.customer_id, before.customer_id) as customer_id,
        coalesce(after.charge_id, before.charge_id, 'uncharged') as charge_id,
        coalesce(after.currency, before.currency) as currency,
        before.hold_reason as old_hold_reason, after.hold_reason as new_hold_reason,
        before.hold_reason is not null or after.hold_reason is not null as is_held,
        case when before.line_key is null then 0 when before.hold_reason is null then before.amount_minor end as old_minor,
        case when after.line_key is null then 0 when after.hold_reason is null then after.amount_minor end as new_minor
    from (select * from rating.lines_before where billing_month = $1) as before
    full outer join (select * from rating.rated_lines where billing_month = $1) as after on before.line_key = after.line_key
"""
AMOUNTS = """
    select {key}, currency, sum(old_minor)::bigint as old_minor, sum(new_minor)::bigint as new_minor,
        sum(new_minor - old_minor)::bigint as difference_minor
    from rating.simulated_lines where not is_held group by all order by {key}, currency
"""
HELD = """
    select customer_id, line_key, old_hold_reason, new_hold_reason, old_minor, new_minor, currency
    from rating.simulated_lines where is_held order by customer_id, line_key
"""
# Each price version of the changed files, and how many lines of the period it prices.
PRICES = """
    select prices.price_id, prices.price_version, min(prices.effective_from) as effective_from, count(distinct applied.line_key) as lines
    from staging.stg_billing__price_tiers as prices
    left join (
        select usage_key as line_key, price_id, price_version from rating.charged_usage where billing_month = $1
        union all
        select line_key, price_id, price_version from rating.period_charges where billing_month = $1
    ) as applied on prices.price_id = applied.price_id and prices.price_version = applied.price_version
    where list_contains($2, prices.file_name)
    group by prices.price_id, prices.price_version
    order by prices.price_id, prices.price_version
"""


class SimulationRefusedError(TieoutError):
    """A changed file cannot be landed, or rows of it break a rule; the message names file, line and rule."""


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A reference file that differs from what was delivered, with its source and the relation it lands in."""

    path: Path
    source: str
    relation: str


@dataclass(frozen=True, slots=True)
class Change:
    """Amounts in minor units of the currency, before tax, of the lines that are held neither before nor after."""

    subject: str
    currency: str
    old_minor: int
    new_minor: int
    difference_minor: int


@dataclass(frozen=True, slots=True)
class Total:
    """``up``, ``down`` and ``unchanged`` count customers."""

    currency: str
    old_minor: int
    new_minor: int
    difference_minor: int
    up: int
    down: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A line whose amount nobody can tell, before, after or both; it is in no total."""

    customer_id: str
    line_key: str
    old_hold_reason: str | None
    new_hold_reason: str | None
    old_minor: int | None
    new_minor: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """``notes`` say what of the changed files changes nothing in the period, and why."""

    period: str
    customers: Sequence[Change]
    charges: Sequence[Change]
    totals: Sequence[Total]
    held: Sequence[HeldLine]
    notes: Sequence[str]


def simulate(installation: Installation, paths: Sequence[Path], period: str | None = None) -> Simulation:
    """Rate a period again with changed reference files; nothing of the installation is written to.

    Args:
        paths: files, each named by its source (``prices.csv``), and folders of files that are named so or lie in a folder that is.
        period: YYYY-MM; None: the last month of which all days of usage have landed.

    Raises:
        ConfigurationError: a file is of no source of reference data, or the period is none.
        DestinationError: nothing is published yet.
        SimulationRefusedError: a file cannot be landed, or rows of it are refused.
    """
    settings = installation.settings
    if period is not None:
        first_day(period)
    if not settings.published_path.is_file():
        raise DestinationError(f"nothing is published yet at {settings.published_path}; run 'tieout plan PERIOD' or 'tieout close PERIOD' first")
    changed = [file for given in paths for file in changed_files(given, settings)]
    relations = {file.relation for file in changed}
    if not changed:
        raise ConfigurationError("there is no file to simulate with; name changed reference files, or a folder of them")
    with TemporaryDirectory(prefix="tieout-simulate-") as folder:
        copy = Installation(settings.model_copy(update={"home": Path(folder)}))
        copy.settings.warehouse_path.parent.mkdir(parents=True)
        shutil.copyfile(settings.published_path, copy.settings.warehouse_path)
        if settings.mappings.is_dir():
            shutil.copytree(settings.mappings, copy.settings.mappings)
        last_landed, last_usage = _landed(copy)
        chosen = period or f"{last_usage.replace(day=1) - timedelta(days=1):%Y-%m}"
        month = first_day(chosen)
        _build(copy, relations, "rated_lines")
        copy.warehouse.execute([BEFORE])
        files = _land(copy, changed, last_landed + timedelta(days=1))
        _build(copy, relations, "refused_reference_rows")
        _refuse(copy, files)
        _build(copy, relations, "rated_lines")
        copy.warehouse.execute([LINES.replace("$1", f"date '{month.isoformat()}'")])
        return _told(copy, chosen, list(files))


def changed_files(given: Path, settings: Settings) -> list[ChangedFile]:
    """The files of a path. The source of each is the folder that it lies in, or else its own name up to the first dot or dash.

    Raises:
        ConfigurationError: there is no such file, or it is of no source of reference data.
    """
    paths = sorted(path for path in given.rglob("*") if path.is_file() and not path.name.startswith(".")) if given.is_dir() else [given]
    found = []
    for path in paths:
        if not path.is_file():
            raise ConfigurationError(f"there is no file {path}; name a file of reference data, or a folder of them")
        names = [*path.relative_to(given).parts[:-1], path.name.split(".")[0], path.name.split(".")[0].split("-")[0]]
        named = ((name, load_mapping(name, settings.mappings)) for name in names)
        source, relation = next(((name, mapping.relation) for name, mapping in named if mapping is not None), ("", EVENTS))
        if relation == EVENTS:
            raise ConfigurationError(f"{path} is of no source of reference data; name it by its source, such as prices.csv or price_terms.csv")
        found.append(ChangedFile(path, source, relation))
    return found


def _landed(copy: Installation) -> tuple[date, date]:
    """The last day on which anything landed, and the last on which usage did."""
    [row] = copy.warehouse.read(
        "select max(landed_on) as last_landed, max(case when relation = 'raw.usage_events' then landed_on end) as last_usage from raw.landed_files"
    ).to_pylist()
    if row["last_usage"] is None:
        raise ConfigurationError("no usage has landed yet: there is nothing to rate again")
    return row["last_landed"], row["last_usage"]


def _land(copy: Installation, changed: Sequence[ChangedFile], day: date) -> dict[str, Path]:
    """Land the files as they would be delivered next; the name under which each landed, with its path."""
    files = {}
    for number, file in enumerate(changed):
        target = copy.settings.inbox / file.source / day.isoformat() / f"{number:03}-{file.path.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path, target)
        files[target.relative_to(copy.settings.inbox).as_posix()] = file.path
    report = land(copy.warehouse, copy.settings, [day])
    if report.problems:
        told = [
            f"{files.get(problem.file_name, problem.file_name)}{f' line {problem.line_number}' if problem.line_number else ''}: {problem.reason}"
            for problem in report.problems
        ]
        raise SimulationRefusedError("; ".join(told))
    return files


def _refuse(copy: Installation, files: Mapping[str, Path]) -> None:
    refused = refused_reference_rows(copy, list(files))
    if refused:
        told = [f"{files[row.file_name]} line {row.line_number}: {row.rule} ({row.subject}: {row.meaning})" for row in refused]
        raise SimulationRefusedError("; ".join(told))


def _build(copy: Installation, relations: Collection[str], model: str) -> None:
    """Build a model anew with those of its inputs that the changed sources reach; the rest stands as it was published."""
    manifest = parsed_project(copy.settings)
    reached = [
        f"source:{node.source_name}.{node.name}+,+{model}" for node in manifest.sources.values() if f"{node.schema}.{node.identifier}" in relations
    ]
    arguments = ["build", "--select", "resource_type:seed", *reached, "--exclude-resource-type", "unit_test", "test", "--no-write-json"]
    outcome = invoke(DbtPaths.of(copy.settings), arguments, manifest)
    if not outcome.success:
        results = getattr(outcome.result, "results", None) or ()
        failed = [f"{result.node.name}: {' '.join(str(result.message).split())}" for result in results if str(result.status) == "error"]
        raise DestinationError(
            f"the models do not run on the published warehouse: {'; '.join(failed) or outcome.exception}; "
            "if it was published by an earlier version, run 'tieout plan PERIOD' first"
        )


def _told(copy: Installation, period: str, files: list[str]) -> Simulation:
    def changes(key: str) -> list[Change]:
        rows = copy.warehouse.read(AMOUNTS.format(key=key)).to_pylist()
        return [Change(row[key], row["currency"], row["old_minor"], row["new_minor"], row["difference_minor"]) for row in rows]

    customers = changes("customer_id")
    held = [HeldLine(**row) for row in copy.warehouse.read(HELD).to_pylist()]
    notes = _notes(copy, period, files)
    if not any(change.difference_minor for change in customers) and not any(line.old_hold_reason != line.new_hold_reason for line in held):
        notes.insert(0, f"The changed files change nothing in {period}")
    return Simulation(period, customers, changes("charge_id"), _totals(customers), held, notes)


def _totals(customers: Sequence[Change]) -> list[Total]:
    totals = []
    for currency in sorted({change.currency for change in customers}):
        of_currency = [change for change in customers if change.currency == currency]
        differences = [change.difference_minor for change in of_currency]
        old, new = sum(change.old_minor for change in of_currency), sum(change.new_minor for change in of_currency)
        up, down = sum(difference > 0 for difference in differences), sum(difference < 0 for difference in differences)
        totals.append(Total(currency, old, new, new - old, up, down, len(differences) - up - down))
    return totals


def _notes(copy: Installation, period: str, files: list[str]) -> list[str]:
    notes = []
    month, end = first_day(period), first_day_after(period)
    for price in copy.warehouse.read(PRICES, [month, files]).to_pylist():
        name = f"price {price['price_id']} version {price['price_version']}"
        if price["effective_from"] >= end:
            notes.append(f"{name} is effective from {price['effective_from']} on, after {period}: it changes nothing there")
        elif not price["lines"]:
            notes.append(f"{name} prices no line of {period}")
    return notes
