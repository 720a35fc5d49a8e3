"""Delivered files as rows of text: CSV, JSON lines and Parquet, compressed or not."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from reverse_etl.errors import TieoutError
from reverse_etl.reperformance.facts import LandedFile

Record = dict[str, Any]
MALFORMED: Record = {}
"""A line that is no JSON object."""


class ChangedDeliveryError(TieoutError):
    """A file in the inbox is not the one that landed."""


def read_records(inbox: Path, file: LandedFile) -> Iterator[tuple[int, Record]]:
    """Line number (the header of a CSV file being 1, a Parquet file's first row 1) and record; empty lines are passed over.

    Raises:
        ChangedDeliveryError: the file is gone, or is another one than landed.
    """
    path = inbox / file.file_name
    if not path.is_file():
        raise ChangedDeliveryError(f"{path} has landed and is gone: put the delivered file back to re-perform what follows from it")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != file.content_hash:
        raise ChangedDeliveryError(f"{path} is not the file that landed: put the delivered one back, and deliver what is new under another name")
    if path.name.endswith(".parquet"):
        yield from _parquet(content)
        return
    if path.name.endswith(".gz"):
        content = gzip.decompress(content)
    text = content.decode("utf-8-sig")
    yield from _csv(text) if ".csv" in path.name else _json_lines(text)


def read_reference(inbox: Path, files: Sequence[LandedFile], source: str) -> list[dict[str, str]]:
    """The rows of one source, a later delivery behind an earlier one, blanks as empty text."""
    ordered = sorted((file for file in files if file.source == source), key=lambda file: (file.landed_on, file.file_name))
    return [
        {column: "" if value is None else str(value).strip() for column, value in record.items()}
        for file in ordered
        for _, record in read_records(inbox, file)
    ]


def _json_lines(text: str) -> Iterator[tuple[int, Record]]:
    # Numbers stay the text that was delivered.
    decode = json.JSONDecoder(parse_float=str, parse_int=str).decode
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = decode(line)
        except ValueError:
            record = MALFORMED
        yield number, record if isinstance(record, dict) else MALFORMED


def _csv(text: str) -> Iterator[tuple[int, Record]]:
    yield from enumerate(csv.DictReader(StringIO(text, newline="")), start=2)


def _parquet(content: bytes) -> Iterator[tuple[int, Record]]:
    if not content:
        return
    from pyarrow import BufferReader, parquet

    yield from enumerate(parquet.read_table(BufferReader(content)).to_pylist(), start=1)
