"""``tieout init`` and ``tieout sample``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session
from dagster_project.shipped import DAGSTER_YAML, WORKSPACE_YAML
from reverse_etl.errors import ConfigurationError
from reverse_etl.postgresql_url import with_driver
from reverse_etl.settings import DAGSTER_URL_VARIABLE

if TYPE_CHECKING:
    from reverse_etl.sandbox.sample import SampleSummary
    from reverse_etl.settings import Settings

SETTINGS_TEMPLATE = """\
# Settings of this installation; what is absent has the default shown. See `tieout --help`.
# entities: [northlight_us, northlight_eu]
# first_period: "2026-01"
# approvals: {four_eyes: true}
# open_lineage: lineage/events.jsonl
# warehouse_memory_limit: 80%
# alerts: {channels: {}}   # who is told what by webhook, Slack or mail: docs/alerts.md
# destinations:
#   stripe: {url: sandbox, secret_environment: STRIPE_API_KEY, secret_file: secrets/stripe_api_key}
#   tryton: {url: sandbox, secret_environment: TRYTON_PASSWORD, secret_file: secrets/tryton_password, username: admin, database: erp}
"""


@click.command("init")
@with_session
def init_command(session: Session) -> None:
    """Create the home folder: settings, folders, every source relation, the register and its mirror. Running it again changes nothing."""
    settings = session.settings
    initialize(settings)
    session.line(f"Ready: {settings.home}")
    session.result({"home": str(settings.home), "warehouse": str(settings.warehouse_path), "register": settings.register_url})


def initialize(settings: Settings) -> None:
    """Make the installation whole, so that landing, dbt and Dagster each work by themselves."""
    from dagster_project.close import Installation
    from dagster_project.close.steps import mirror_register
    from reverse_etl.landing.relations import RELATIONS, RENAMED_RELATIONS

    for folder in (settings.inbox, settings.mappings, settings.home / "dagster", settings.lock_folder, settings.sandbox_folder):
        folder.mkdir(parents=True, exist_ok=True)
    (settings.home / "secrets").mkdir(mode=0o700, exist_ok=True)
    settings_file = settings.home / "tieout.yaml"
    if not settings_file.exists():
        settings_file.write_text(SETTINGS_TEMPLATE)
    (settings.home / "dagster" / "dagster.yaml").write_text(dagster_instance(settings.dagster_url))
    (settings.home / "dagster" / "workspace.yaml").write_text(WORKSPACE_YAML)
    installation = Installation(settings)
    installation.warehouse.create_relations(RELATIONS, RENAMED_RELATIONS)
    mirror_register(installation)


def dagster_instance(url: str | None) -> str:
    """The Dagster instance of an installation, which keeps runs and events beside it; or the same with all of it on PostgreSQL.

    The address stays in the environment, for it may hold a password.

    Raises:
        ConfigurationError: Dagster's storage for PostgreSQL is not installed, or ``url`` is of another database.
    """
    text = DAGSTER_YAML.read_text()
    if url is None:
        return text
    from importlib.util import find_spec

    import yaml

    with_driver(url, "psycopg2", DAGSTER_URL_VARIABLE)
    if find_spec("dagster_postgres") is None:
        raise ConfigurationError(f"{DAGSTER_URL_VARIABLE} is set and dagster-postgres is not installed: pip install 'tieout[production]'")
    instance = yaml.safe_load(text)
    address = {"postgres_url": {"env": DAGSTER_URL_VARIABLE}}
    classes = {"run_storage": "RunStorage", "schedule_storage": "ScheduleStorage", "event_log_storage": "ObservedPostgresEventLogStorage"}
    for storage, name in classes.items():
        instance[storage] = {"module": "dagster_project.storage_postgresql", "class": name, "config": address}
    return f"# Written by 'tieout init', for {DAGSTER_URL_VARIABLE} was set.\n{yaml.safe_dump(instance, sort_keys=False)}"


@click.command("sample")
@click.option("--events", type=click.IntRange(min=1), default=200_000, show_default=True, help="How many usage events.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed gives the same bytes.")
@click.option("--customers", type=click.IntRange(min=1), default=200, show_default=True, help="How many customers.")
@with_session
def sample_command(session: Session, events: int, seed: int, customers: int) -> None:
    """Write the sample company Northlight into the inbox: reference data and three months of usage, with dirt in known numbers."""
    from reverse_etl.sandbox.sample import generate

    with session.watching():
        summary = generate(session.settings.home, events=events, seed=seed, customer_count=customers)
    tell_sample(session, summary)
    session.result(summary)


def tell_sample(session: Session, summary: SampleSummary) -> None:
    total = summary.total
    session.line(f"{summary.files} files for {summary.customers} customers in {session.settings.inbox} (seed {summary.seed})")
    session.line(f"{total.received} event lines: {total.kept} to keep ({total.late} of them late), {total.duplicates} duplicates, to quarantine:")
    session.table("Planted dirt", [{"reason": reason, "lines": count} for reason, count in sorted(total.quarantined.items())], ["reason", "lines"])
