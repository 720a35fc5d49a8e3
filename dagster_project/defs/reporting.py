"""How a step of the close tells what it did: metadata for the graph, one progress line, one clear failure."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from dagster_project.close.partitions import CloseKey
from dagster_project.progress import Progress, report
from reverse_etl.errors import TieoutError


@dataclass
class Step:
    """What a step tells once it is done."""

    message: str = "done"
    metadata: dict[str, Any] = field(default_factory=dict)


@contextmanager
def step(context: dg.AssetExecutionContext, name: str, key: CloseKey | None = None) -> Iterator[Step]:
    """Run a step: its progress line when it is done, and its error as a failure that nothing retries.

    Raises:
        dagster.Failure: in place of a ``TieoutError``, with its message.
    """
    told = Step()
    started = time.monotonic()
    try:
        yield told
    except TieoutError as error:
        raise dg.Failure(description=str(error), metadata=told.metadata, allow_retries=False) from error
    progress = Progress(name, key.entity if key else "", key.period if key else "", told.message, time.monotonic() - started)
    context.log.info(str(progress))
    report(progress)


def table(records: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue | dg.MetadataValue[Any]:
    """Records as a table; text where JSON would not carry the value exactly."""
    if not records:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table(
        [
            dg.TableRecord({name: value if value is None or isinstance(value, str | int) else str(value) for name, value in record.items()})
            for record in records
        ]
    )
