"""How a step of the close tells what it did: metadata for the graph, progress lines, one clear failure."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import dagster as dg

from dagster_project.close.partitions import CloseKey
from dagster_project.defs.partitions import close_keys
from dagster_project.quantities import number
from dagster_project.runs.progress import Progress, report
from dagster_project.runs.step_failures import FAILED_PARTITIONS
from reverse_etl.correlation import correlated
from reverse_etl.errors import TieoutError

LOG = logging.getLogger(__name__)


@dataclass
class Told:
    """What a step tells of its work; metadata told before an error goes with the failure. ``seconds``: if it did not begin just now."""

    message: str = "done"
    seconds: float | None = None
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
        with correlated(context.run.run_id):
            yield told
    except TieoutError as error:
        raise dg.Failure(description=str(error), metadata=told.metadata, allow_retries=False) from error
    _report(context, Progress(name, "", "", told.message, time.monotonic() - started))


def keys_or_failure(context: dg.AssetExecutionContext) -> list[CloseKey]:
    """The entities and the period of the run.

    Raises:
        dagster.Failure: the run is for more than one period.
    """
    try:
        return close_keys(context)
    except TieoutError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def for_each_entity(
    context: dg.AssetExecutionContext, name: str, work: Callable[[CloseKey, Told], None], assets: Sequence[dg.AssetKey] | None = None
) -> None:
    """Work that is done for each entity of the run; an error of one does not keep the others from being done.

    ``assets``: those that the work is for, of a step that makes several; all of the step's if not given.

    Raises:
        dagster.Failure: after all were tried, with the message of each that failed; nothing retries it.
    """
    failures: dict[str, Told] = {}
    failed: dict[str, dict[str, str]] = {}
    for key in keys_or_failure(context):
        told = Told()
        started = time.monotonic()
        try:
            with correlated(context.run.run_id, entity=key.entity, period=key.period):
                work(key, told)
        except TieoutError as error:
            failures[str(error)] = told
            failed[key.partition_key] = {"error": type(error).__name__, "message": str(error)}
            _report_failure(context, name, key, error)
            continue
        for asset_key in sorted(assets or context.selected_asset_keys):
            context.add_asset_metadata(told.metadata, asset_key=asset_key, partition_key=key.partition_key)
        seconds = time.monotonic() - started if told.seconds is None else told.seconds
        _report(context, Progress(name, key.entity, key.period, told.message, seconds))
    if failures:
        metadata = {f"{number} {name}": value for number, told in enumerate(failures.values(), start=1) for name, value in told.metadata.items()}
        metadata[FAILED_PARTITIONS] = dg.MetadataValue.json(failed)
        raise dg.Failure(description="; ".join(failures), metadata=metadata, allow_retries=False)


def merged(failures: Sequence[dg.Failure]) -> dg.Failure:
    """One failure that says what each of them says; of several no one says which partitions failed."""
    metadata = {name: value for failure in failures for name, value in failure.metadata.items() if name != FAILED_PARTITIONS}
    return dg.Failure(description="; ".join(str(failure.description) for failure in failures), metadata=metadata, allow_retries=False)


def table(records: Sequence[Mapping[str, Any]]) -> dg.MetadataValue[Any]:
    """Records as a table; text where JSON would not carry the value exactly, a decimal as people write it."""
    if not records:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table([dg.TableRecord({name: _as_read(value) for name, value in record.items()}) for record in records])


def _as_read(value: Any) -> str | int | None:
    if value is None or isinstance(value, str | int):
        return value
    return number(value) if isinstance(value, Decimal) else str(value)


def _report(context: dg.AssetExecutionContext, progress: Progress) -> None:
    """The line in Dagster's log names period, entity and step (a delivery's step its destination), the one in the log file has them as members."""
    context.log.info(str(progress))
    report(progress)
    with correlated(context.run.run_id, entity=progress.entity, period=progress.period):
        LOG.info("%s: %s (%.1f s)", progress.step, progress.message, progress.seconds)


def _report_failure(context: dg.AssetExecutionContext, name: str, key: CloseKey, error: TieoutError) -> None:
    context.log.error(f"{key.period} {key.entity} {name}: {error}")
    with correlated(context.run.run_id, entity=key.entity, period=key.period):
        LOG.error("%s failed", name, extra={"detail": error})
