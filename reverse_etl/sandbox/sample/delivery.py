"""Writes the sample's files as the product's gateways would deliver them: the same bytes every time."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from reverse_etl.sandbox.sample.events import Event

ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "data")
COMPRESSION_LEVEL = 5


def file_suffix(partition: int, gateway: str) -> str:
    """Mostly JSON lines; a few days in each of the other formats a product team might send."""
    day = (date(1970, 1, 1) + timedelta(days=partition)).day
    if gateway == "us-1" and day == 9:
        return ".parquet"
    if gateway == "eu-1" and day == 17:
        return ".csv"
    if gateway == "ap-1" and day == 25:
        return ".csv.gz"
    return ".jsonl.gz" if gateway == "eu-1" and day % 5 == 0 else ".jsonl"


def carries_any_line(partition: int, gateway: str) -> bool:
    """Only lines of text can be malformed one by one."""
    return "jsonl" in file_suffix(partition, gateway)


def event_line(event: Event) -> str:
    """The event as one line of JSON; attributes that are None are left out. Nothing in the sample needs escaping."""
    attributes = [f'"{name}":"{value}",' for name in ATTRIBUTES[:-1] if (value := getattr(event, name)) is not None]
    data = "" if event.data is None else f',"data":{event.data}'
    return f'{{{"".join(attributes)}"datacontenttype":"application/json"{data}}}'


def write_usage(path: Path, suffix: str, entries: Sequence[Event | str]) -> None:
    """``entries``: events, or whole lines that are none (JSON lines only)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix.startswith(".jsonl"):
        text = "".join((entry if isinstance(entry, str) else event_line(entry)) + "\n" for entry in entries)
        _write_bytes(path, suffix, text.encode())
        return
    events = [entry for entry in entries if isinstance(entry, Event)]
    if suffix == ".parquet":
        columns = {name: pa.array([getattr(event, name) for event in events], pa.string()) for name in ATTRIBUTES}
        parquet.write_table(pa.table(columns), path, compression="zstd")
        return
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(ATTRIBUTES)
    writer.writerows([[getattr(event, name) or "" for name in ATTRIBUTES] for event in events])
    _write_bytes(path, suffix, buffer.getvalue().encode())


def write_reference(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    # Columns that the sample company has no use for stay empty.
    writer.writerows([*row, *([""] * (len(columns) - len(row)))] for row in rows)
    path.write_bytes(buffer.getvalue().encode())


def _write_bytes(path: Path, suffix: str, content: bytes) -> None:
    # The time in a gzip header would make two equal samples differ.
    path.write_bytes(gzip.compress(content, COMPRESSION_LEVEL, mtime=0) if suffix.endswith(".gz") else content)
