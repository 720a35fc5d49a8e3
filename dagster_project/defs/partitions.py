"""Landing is daily; a close is of one month and one legal entity, or all of them in one run; dbt's models are whole."""

import dagster as dg

from dagster_project.close.partitions import CloseKey, first_landing_day
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings

# A step in this pool opens the warehouse file.
WAREHOUSE_POOL = "duckdb_writer"

# Landing takes any number of days at once.
ONE_RUN = dg.BackfillPolicy.single_run()

# A backfill of closes is a run per legal entity and period: a month proposes its documents only once the one before is closed. What asks for one
# run (the command line) may give it all legal entities of a period, so that the models are built once.
ONE_PERIOD_PER_RUN = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


def landing_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    # The running day has its partition too: a file lands as soon as it is there.
    return dg.DailyPartitionsDefinition(start_date=first_landing_day(settings.first_period).isoformat(), end_offset=1)


def close_partitions(settings: Settings) -> dg.MultiPartitionsDefinition:
    # The running month has its partition too: invoices that a threshold made due do not wait for its end.
    months = dg.TimeWindowPartitionsDefinition(start=settings.first_period, fmt="%Y-%m", cron_schedule="0 0 1 * *", end_offset=1)
    return dg.MultiPartitionsDefinition({"entity": dg.StaticPartitionsDefinition(list(settings.entities)), "period": months})


def close_keys(context: dg.AssetExecutionContext) -> list[CloseKey]:
    """The entities, of one period, that a step of a close runs for.

    Raises:
        ConfigurationError: more than one period; what a month proposes depends on the month before being closed.
    """
    keys = []
    for partition in context.partition_keys:
        assert isinstance(partition, dg.MultiPartitionKey), partition
        keys.append(CloseKey(entity=partition.keys_by_dimension["entity"], period=partition.keys_by_dimension["period"]))
    periods = sorted({key.period for key in keys})
    if len(periods) > 1:
        raise ConfigurationError(
            f"one run closes one period, not {', '.join(periods)}: a month proposes its documents only once the one before is closed. "
            "Launch a backfill of the job monthly_close: it closes them one after the other"
        )
    return keys
