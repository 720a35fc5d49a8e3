"""Composes the sample: reference files, clean usage, planted dirt, and the figures a close of it must find."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from pathlib import Path

import numpy as np

from reverse_etl.errors import ConfigurationError
from reverse_etl.landing.relations import DELIVERED_COLUMNS
from reverse_etl.progress import Course
from reverse_etl.sandbox.sample import catalogue, company, dirt, late
from reverse_etl.sandbox.sample.delivery import file_suffix, write_reference, write_usage
from reverse_etl.sandbox.sample.dirt import CONFLICT, DUPLICATE, KEPT, Planted
from reverse_etl.sandbox.sample.events import MONTHS, Draw, Event, Integers, UsageColumns, Writer, first_partition, last_partition, month_of
from reverse_etl.sandbox.sample.summary import MonthCounts, SampleSummary

EXPECTED_FILE = "sample_expected.json"
SMALLEST_SAMPLE = 1_000
FEWEST_CUSTOMERS = 20
REFERENCE_PARTITION = "2026-01-01"


def generate(folder: Path, events: int = 200_000, seed: int = 7, customer_count: int = 200) -> SampleSummary:
    """Write Northlight's deliveries below ``folder/inbox`` and what a close must find in them to ``folder/sample_expected.json``.

    Args:
        folder: the home folder of an installation.
        events: usage lines, planted dirt included; 1,000 at least.
        seed: the same seed and numbers of events and customers give the same bytes.
        customer_count: 20 at least; every market and currency is met from 100 on.

    Raises:
        ConfigurationError: too few events or customers, or the folder already holds another sample.
    """
    if events < SMALLEST_SAMPLE:
        raise ConfigurationError(f"a sample of {events} events is too small to plant every kind of dirt: ask for {SMALLEST_SAMPLE} or more")
    if customer_count < FEWEST_CUSTOMERS:
        raise ConfigurationError(f"a sample of {customer_count} customers cannot have every kind of dirt: ask for {FEWEST_CUSTOMERS} or more")
    _refuse_another_sample(folder / EXPECTED_FILE, events, seed, customer_count)
    inbox = folder / "inbox"
    customers = company.build_customers(customer_count, seed)

    random = np.random.RandomState((seed * 7919 + 3) % 2**32)
    draw = Draw(customers, random)
    clean = draw.usage(events - dirt.planned_total(events) - late.planned_corrections(customers, events))
    writer = Writer(customers, seed, len(clean.instant))
    planted = dirt.Planter(clean, draw, writer, events, random).plant()
    standing = late.standing_quantities(clean, planted.spoiled, len(customers))
    after_close = late.plant_late(customers, standing, draw, writer, random=random, events=events)
    lines = [*planted.planted, *after_close.planted]

    files = _write_reference_files(inbox, customers, seed) + _write_usage_files(inbox / "usage", clean, writer, lines)
    summary = SampleSummary(
        seed=seed,
        events=events,
        files=files,
        customers=len(customers),
        corrections=after_close.corrections,
        total=_counts(clean.partition, planted.spoiled, lines, after_close.planted),
        by_landing_month=_counts_by_month(clean.partition, planted.spoiled, lines, after_close.planted),
        kept_quantity=_kept_quantity(standing, after_close),
    )
    summary.write(folder / EXPECTED_FILE)
    return summary


def _refuse_another_sample(expected: Path, events: int, seed: int, customer_count: int) -> None:
    if not expected.is_file():
        return
    found = json.loads(expected.read_text())
    if (found.get("events"), found.get("seed"), found.get("customers")) != (events, seed, customer_count):
        raise ConfigurationError(
            f"{expected.parent} already holds the sample of {found.get('events')} events and {found.get('customers')} customers "
            f"with seed {found.get('seed')}: choose another home folder, or remove this one first"
        )


def _write_reference_files(inbox: Path, customers: Sequence[company.Customer], seed: int) -> int:
    contents: dict[str, Sequence[catalogue.Row]] = {
        "legal_entities": company.ENTITIES,
        "customers": company.customer_rows(customers),
        "meters": catalogue.meter_rows(),
        "plans": catalogue.plan_rows(),
        "charges": catalogue.charge_rows(),
        "prices": catalogue.price_rows(),
        "subscriptions": company.subscription_rows(customers),
        "tax_rates": company.tax_rate_rows(),
        "exchange_rates": company.exchange_rate_rows(seed),
        "accounts": company.account_rows(),
        "account_mappings": company.account_mapping_rows(),
        "intercompany_agreements": company.INTERCOMPANY_AGREEMENTS,
    }
    for source, rows in contents.items():
        write_reference(inbox / source / REFERENCE_PARTITION / f"{source}.csv", DELIVERED_COLUMNS[f"raw.{source}"], rows)
    return len(contents)


def _write_usage_files(folder: Path, clean: UsageColumns, writer: Writer, planted: Sequence[Planted]) -> int:
    """One file per partition and gateway, lines in the order of their time, and a file of control totals per partition."""
    by_partition: dict[int, list[Planted]] = defaultdict(list)
    for line in planted:
        by_partition[line.partition].append(line)
    files = 0
    course = Course("days of usage", last_partition() + 1 - first_partition())
    for partition in range(first_partition(), last_partition() + 1):
        start, stop = np.searchsorted(clean.partition, [partition, partition + 1])
        # A gateway without usage still delivers its (empty) file: what did not happen is told apart from what did not arrive.
        by_gateway: dict[str, list[tuple[int, Event | str]]] = {gateway: [] for gateway in writer.gateways}
        positions = np.arange(start, stop)
        for customer, instant, event in zip(
            clean.customer[start:stop].tolist(), clean.instant[start:stop].tolist(), writer.clean(clean, positions), strict=True
        ):
            by_gateway[writer.gateways[customer]].append((instant, event))
        for line in by_partition[partition]:
            entry = line.event if line.event is not None else line.line
            if entry is not None:
                by_gateway.setdefault(line.gateway, []).append((line.instant, entry))
        day = str(np.datetime64(partition, "D"))
        told = []
        for gateway, entries in sorted(by_gateway.items()):
            entries.sort(key=itemgetter(0))
            suffix = file_suffix(partition, gateway)
            write_usage(folder / day / f"{gateway}{suffix}", suffix, [entry for _, entry in entries])
            told.append(("usage", day, f"{gateway}{suffix}", str(len(entries))))
        write_reference(folder.parent / "control_totals" / day / "usage.csv", DELIVERED_COLUMNS["raw.control_totals"], told)
        files += len(told) + 1
        course.advance(doing=day)
    return files


def _counts(partitions: Integers, spoiled: Sequence[int], lines: Sequence[Planted], late_lines: Sequence[Planted]) -> MonthCounts:
    """Counts of all lines: the clean ones by their partitions, less those that a conflict spoiled, plus the planted ones."""
    outcomes = Counter(line.outcome for line in lines)
    outcomes[KEPT] += len(partitions) - len(spoiled)
    outcomes[CONFLICT] += len(spoiled)
    kept, duplicates = outcomes.pop(KEPT), outcomes.pop(DUPLICATE, 0)
    return MonthCounts(
        received=len(partitions) + len(lines),
        kept=kept,
        late=len(late_lines),
        duplicates=duplicates,
        quarantined={reason: count for reason, count in sorted(outcomes.items()) if count},
    )


def _counts_by_month(partitions: Integers, spoiled: Sequence[int], lines: Sequence[Planted], late_lines: Sequence[Planted]) -> dict[str, MonthCounts]:
    def within(month: str, chosen: Sequence[Planted]) -> list[Planted]:
        return [line for line in chosen if month_of(line.partition) == month]

    months = partitions.astype("datetime64[D]").astype("datetime64[M]")
    counts = {}
    for month in sorted({month_of(day) for day in range(first_partition(), last_partition() + 1)}):
        landed = partitions[months == np.datetime64(month)]
        conflicting = [position for position in spoiled if month_of(int(partitions[position])) == month]
        counts[month] = _counts(landed, conflicting, within(month, lines), within(month, late_lines))
    return counts


def _kept_quantity(standing: Integers, after_close: late.Late) -> dict[str, dict[str, str]]:
    sums = standing.sum(axis=0)
    for month, usage in after_close.usage:
        sums[usage.meter, month] += usage.quantity
    return {
        meter.key: {month: str(Decimal(int(sums[position, place])).scaleb(-meter.scale)) for place, month in enumerate(MONTHS)}
        for position, meter in enumerate(catalogue.METERS)
    }
