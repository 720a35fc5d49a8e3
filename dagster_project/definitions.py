"""Everything Dagster knows about Tieout, for the installation that TIEOUT_HOME names."""

import warnings

import dagster as dg

from dagster_project.close.installation import Installation
from dagster_project.close.outbox import CREDIT_MEMOS
from dagster_project.dbt import InProcessDbt, TieoutTranslator
from dagster_project.dbt.documentation import documentation_path
from dagster_project.dbt.refreshed import refreshed_models
from dagster_project.defs.assets import checklist, closing, delivery, external, landing, models, platform, register, reperformance, sealing
from dagster_project.defs.automation import jobs, refreshing
from dagster_project.defs.automation.alerting import alert_sensors
from dagster_project.defs.automation.checklist import checklist_sensor
from dagster_project.defs.automation.schedules import schedules
from dagster_project.defs.automation.sensors import sensors
from dagster_project.defs.checks.controls import delivery_checks
from dagster_project.defs.partitions import close_partitions, landing_partitions
from dagster_project.open_lineage.graph import asset_graph
from dagster_project.open_lineage.observer import know
from reverse_etl.settings import Settings, load_settings
from reverse_etl.structured_log import write_log

# That Dagster may still change how one run for several partitions is spelled is nothing that a user of a command can act on.
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def build_definitions(settings: Settings) -> dg.Definitions:
    """The definitions of one installation. Parses the dbt project if it changed since the last time.

    Raises:
        ConfigurationError: the dbt project does not parse.
    """
    if settings.warehouse_path.is_file():
        write_log(settings)
    dbt = InProcessDbt(settings)
    manifest = dbt.manifest()
    ledgers = {name: settings.kind(name) for name in settings.ledgers}
    systems = ("stripe", *ledgers)
    daily, close = landing_partitions(settings), close_partitions(settings)
    refreshed = refreshed_models(manifest, TieoutTranslator())
    condition = refreshing.when_what_it_reads_has_changed([*landing.landed_keys(), *refreshed])
    around = [*external.external_systems(close, ledgers), *landing.landing_assets(daily)]
    steps = [
        sealing.sealing_of_openings(close),
        register.register_mirror("opening", [sealing.SEAL_OPENING], close),
        *sealing.sealing_assets(close),
        *platform.platform_assets(close),
        *delivery.delivery_assets(close, ledgers),
        register.register_mirror("closing", [external.delivery_to(system) for system in systems], close),
        closing.closing_asset(close),
        checklist.checklist_asset(close),
    ]
    progressive_assets = [sealing.sealing_at_thresholds(close), delivery.delivery_at_thresholds(close)]
    # Credit memos are not issued early, but what is asserted of invoices is asserted of both.
    documents = dg.AssetSelection.assets(*progressive_assets, CREDIT_MEMOS.split("."))
    proposing = documents.upstream() - dg.AssetSelection.groups("landing", "sources") - dg.AssetSelection.assets(sealing.SEAL_OPENING)
    built = models.model_assets(manifest, TieoutTranslator(dict.fromkeys(refreshed, condition)), [*around, *steps])
    daily_usage = jobs.daily_usage_job()
    monthly_close = jobs.monthly_close_job(dg.AssetSelection.assets(*built, *steps), close, frozenset({checklist.checklist_of_failure}))
    progressive_billing = jobs.progressive_billing_job(proposing)
    deliveries = dg.AssetSelection.assets(*(external.delivery_to(system) for system in systems))
    assets = [
        *around,
        *built,
        *steps,
        *progressive_assets,
        register.register_anchor,
        reperformance.reperformance_asset(close),
        refreshing.published_asset(sorted(refreshed), condition),
        *models.exposed_assets(manifest, documentation_path(settings)),
    ]
    know(settings, lambda: asset_graph(assets, manifest, settings.warehouse_path.stem))
    return dg.Definitions(
        assets=assets,
        asset_checks=[delivery_checks({system: external.delivery_to(system) for system in systems})],
        jobs=[
            daily_usage,
            monthly_close,
            progressive_billing,
            jobs.daily_anchor_job(),
            jobs.reperformance_job(),
            jobs.resume_deliveries_job(deliveries),
            jobs.refresh_models_job(dg.AssetSelection.assets(*sorted(refreshed), refreshing.PUBLISHED)),
        ],
        schedules=schedules(settings),
        sensors=[
            *sensors(settings, systems),
            *alert_sensors(settings),
            checklist_sensor(settings),
            refreshing.refreshing_sensor([*sorted(refreshed), refreshing.PUBLISHED]),
        ],
        executor=dg.in_process_executor,
        resources={"installation": Installation(settings), "dbt": dbt},
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions(load_settings())
