"""How a step of the close tells what it did: metadata for the graph, progress lines, one clear failure."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from dagster_project.close.partitions import CloseKey
from dagster_project.defs.partitions import close_keys
from dagster_project.progress import Progress, report
from reverse_etl.errors import TieoutError


@dataclass
class Told:
    """What a step tells of its work; metadata told before an error goes with the failure."""

    message: str = "done"
    metadata: dict[str, Any] = field(default_factory=dict)


@contextmanager
def step(context: dg.AssetExecutionContext, name: str) -> Iterator[Told]:
    """Work that is done once per run.

    Raises:
        dagster.Failure: in place of a ``TieoutError``, with its message; nothing retries it.
    """
    told = Told()
    started = time.monotonic()
    try:
        yield told
    except TieoutError as error:
        raise dg.Failure(description=str(error), metadata=told.metadata, allow_retries=False) from error
    _report(context, Progress(name, "", "", told.message, time.monotonic() - started))


def for_each_entity(context: dg.AssetExecutionContext, name: str, work: Callable[[CloseKey, Told], None]) -> None:
    """Work that is done for each entity of the run; an error of one does not keep the others from being done.

    Raises:
        dagster.Failure: after all were tried, with the message of each that failed; nothing retries it.
    """
    failures: dict[str, Told] = {}
    try:
        keys = close_keys(context)
    except TieoutError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    for key in keys:
        told = Told()
        started = time.monotonic()
        try:
            work(key, told)
        except TieoutError as error:
            failures[str(error)] = told
            continue
        for asset_key in sorted(context.selected_asset_keys):
            context.add_asset_metadata(told.metadata, asset_key=asset_key, partition_key=key.partition_key)
        _report(context, Progress(name, key.entity, key.period, told.message, time.monotonic() - started))
    if failures:
        metadata = {f"{number} {name}": value for number, told in enumerate(failures.values(), start=1) for name, value in told.metadata.items()}
        raise dg.Failure(description="; ".join(failures), metadata=metadata, allow_retries=False)


def table(records: Sequence[Mapping[str, Any]]) -> dg.MetadataValue[Any]:
    """Records as a table; text where JSON would not carry the value exactly."""
    if not records:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table(
        [
            dg.TableRecord({name: value if value is None or isinstance(value, str | int) else str(value) for name, value in record.items()})
            for record in records
        ]
    )


def _report(context: dg.AssetExecutionContext, progress: Progress) -> None:
    context.log.info(str(progress))
    report(progress)
