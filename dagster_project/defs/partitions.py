"""Landing is daily; a close is of one legal entity and one month; dbt's models are whole."""

import dagster as dg

from dagster_project.close.partitions import CloseKey, first_landing_day
from reverse_etl.settings import Settings

# A step in this pool opens the warehouse file.
WAREHOUSE_POOL = "duckdb_writer"


def landing_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    return dg.DailyPartitionsDefinition(start_date=first_landing_day(settings.first_period).isoformat())


def close_partitions(settings: Settings) -> dg.MultiPartitionsDefinition:
    months = dg.TimeWindowPartitionsDefinition(start=settings.first_period, fmt="%Y-%m", cron_schedule="0 0 1 * *")
    return dg.MultiPartitionsDefinition({"entity": dg.StaticPartitionsDefinition(list(settings.entities)), "period": months})


def close_key(context: dg.AssetExecutionContext) -> CloseKey:
    """The entity and period that a step of a close runs for."""
    key = context.partition_key
    assert isinstance(key, dg.MultiPartitionKey), key
    return CloseKey(entity=key.keys_by_dimension["entity"], period=key.keys_by_dimension["period"])
