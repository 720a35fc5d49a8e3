"""The same work as one DuckDB script written by hand for this one company: the least that landing, deduplicating, adding up and rating can cost."""

from __future__ import annotations

from pathlib import Path

import duckdb

from reverse_etl.sandbox.volume import METERS, MeterOfVolume

LANDED = """
create table landed as
select specversion, id, source, type, subject, time, data, filename, file_row_number
from read_parquet('{files}', filename = true, file_row_number = true)
"""

RATED = """
create table rated as
with events as (
    select source, id, any_value(subject) as subject, any_value(time) as time, any_value(data) as data
    from landed
    group by source, id
),
usage as (
    select
        events.subject as customer_id,
        json_extract_string(events.data, '$.meter') as meter,
        cast(date_trunc('month', timezone(customers.time_zone, timezone('UTC', cast(events.time as timestamp)))) as date) as month,
        sum(cast(json_extract_string(events.data, '$.quantity') as decimal(18, 6))) as total,
        max(cast(json_extract_string(events.data, '$.quantity') as decimal(18, 6))) as largest
    from events
    inner join (select customer_id, time_zone from read_csv('{customers}', all_varchar = true)) as customers on events.subject = customers.customer_id
    group by all
)
select customer_id, meter, month, cast(round(100 * amount, 0) as bigint) as amount_minor
from (select customer_id, meter, month, case meter {prices} end as amount from usage)
"""


def run(database: Path, inbox: Path, memory_limit: str) -> None:
    """Land the Parquet files of an inbox and rate them into ``rated`` (customer_id, meter, month, amount_minor)."""
    with duckdb.connect(str(database), config={"memory_limit": memory_limit, "threads": 2}) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(LANDED.format(files=inbox / "usage" / "*" / "*.parquet"))
        prices = " ".join(f"when '{meter.name}' then {amount(meter)}" for meter in METERS)
        connection.execute(RATED.format(customers=inbox / "customers" / "*" / "customers.csv", prices=prices))


def amount(meter: MeterOfVolume) -> str:
    quantity = "largest" if meter.aggregation == "max" else "total"
    if meter.charge_model == "package":
        [(_, price, block)] = meter.tiers
        return f"cast(ceil(cast({quantity} as decimal(18, 6)) / {block}) as bigint) * {price}"
    if meter.charge_model == "volume":
        return "case " + " ".join(f"when {quantity} <= {up_to or quantity} then {quantity} * {price}" for up_to, price, _ in meter.tiers) + " end"
    bounds = ["0", *(up_to for up_to, _, _ in meter.tiers)]
    parts = [
        f"greatest({f'least({quantity}, {up_to})' if up_to else quantity} - {lower}, 0) * {price}"
        for lower, (up_to, price, _) in zip(bounds, meter.tiers, strict=False)
    ]
    return " + ".join(parts)
