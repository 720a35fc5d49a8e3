"""Delivered files as tables of text, whole or not at all: a file that is cut off, broken or not UTF-8 is refused with its line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet
from pyarrow import csv as arrow_csv

from reverse_etl.landing.mapping import FileFormat
from reverse_etl.landing.report import UnreadableFileError

LINE_COLUMN = "delivered_line"
CHUNK_BYTES = 64 * 1024 * 1024
PARQUET_BATCH_ROWS = 500_000
LINE_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
CSV_SUFFIXES = (".csv", ".csv.gz")
PARQUET_SUFFIXES = (".parquet",)
SUFFIXES = (*LINE_SUFFIXES, *CSV_SUFFIXES, *PARQUET_SUFFIXES)
SEND_AGAIN = "deliver the whole file again, under another name if a part of it has landed"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NEWLINE = 10


def is_lines(path: Path) -> bool:
    return path.name.endswith(LINE_SUFFIXES)


def content_hash(path: Path) -> str:
    """Raises ``UnreadableFileError`` when the file is a folder, is gone, or may not be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFileError(None, f"it cannot be read: {error.strerror}", "make it a readable file, or take it away") from error


def read_lines(path: Path, chunk_bytes: int = CHUNK_BYTES) -> Iterator[pa.Table]:
    """Chunks of (delivered_line, delivered_record); empty lines hold nothing and are passed over.

    Raises:
        UnreadableFileError: broken compression, bytes that are not UTF-8, a last line that is cut off, or the file is gone by now.
    """
    first_line = 1
    for content in _whole_lines(path, chunk_bytes):
        _require_text(content, first_line)
        if content.endswith(b"\n"):
            yield _line_table(content, first_line)
            first_line += content.count(b"\n")
        else:
            _require_complete(content, first_line)
            yield _line_table(content + b"\n", first_line)


def is_parquet(path: Path) -> bool:
    return path.name.endswith(PARQUET_SUFFIXES)


def read_csv(path: Path, options: FileFormat) -> pa.Table:
    """A CSV file as text columns plus ``delivered_line``: the line of each row, that of the header being 1.

    Raises:
        UnreadableFileError: broken compression, bytes that are not UTF-8, a row with another number of columns, a column twice.
    """
    table = _read_csv(path, options)
    _require_distinct(table.column_names)
    return table.append_column(LINE_COLUMN, pa.array(np.arange(2, 2 + table.num_rows), pa.int64()))


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """``is_text``: every column is text already, so that an engine may read the file by itself."""

    names: tuple[str, ...]
    num_rows: int
    is_text: bool


def open_parquet(path: Path) -> ParquetFile:
    """What the footer of a Parquet file says; an empty file holds nothing.

    Raises:
        UnreadableFileError: the file is cut off or no Parquet file, or has a column twice.
    """
    if path.stat().st_size == 0:
        return ParquetFile((), 0, True)
    with _parquet(path) as opened:
        schema = opened.schema_arrow
        _require_distinct(schema.names)
        return ParquetFile(tuple(schema.names), opened.metadata.num_rows, all(pa.types.is_string(kind) for kind in schema.types))


def read_parquet(path: Path, batch_rows: int = PARQUET_BATCH_ROWS) -> Iterator[pa.Table]:
    """A Parquet file in batches of text columns plus ``delivered_line``, the row from 1.

    Raises:
        UnreadableFileError: the file cannot be read to its end.
    """
    first = 1
    with _parquet(path) as opened:
        for batch in opened.iter_batches(batch_size=batch_rows):
            table = pa.Table.from_batches([batch])
            texts = pa.table([_as_text(column) for column in table.columns], names=table.column_names)
            yield texts.append_column(LINE_COLUMN, pa.array(np.arange(first, first + table.num_rows), pa.int64()))
            first += table.num_rows


@contextmanager
def _parquet(path: Path) -> Iterator[parquet.ParquetFile]:
    try:
        with parquet.ParquetFile(path) as opened:
            yield opened
    except (pa.ArrowException, OSError) as error:
        raise unsound_parquet(str(error)) from error


def unsound_parquet(message: str) -> UnreadableFileError:
    return UnreadableFileError(None, f"it is no sound Parquet file: {message.splitlines()[0]}", SEND_AGAIN)


def _require_distinct(columns: Sequence[str]) -> None:
    # Engines do not tell columns apart by case.
    names = [name.lower() for name in columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UnreadableFileError(1, f"the column {', '.join(repeated)} appears more than once", "deliver each column once")


def _whole_lines(path: Path, chunk_bytes: int) -> Iterator[bytes]:
    """The bytes of a file in chunks that end with a newline; the last one alone may be a line without."""
    rest = b""
    with _opened(path) as stream:
        content = _read(stream, path, chunk_bytes).removeprefix(_BYTE_ORDER_MARK)
        while content:
            cut = content.rfind(b"\n") + 1
            if cut:
                yield rest + content[:cut]
                rest = content[cut:]
            else:
                rest += content
            content = _read(stream, path, chunk_bytes)
    if rest:
        yield rest


def unopened(error: OSError) -> UnreadableFileError:
    return UnreadableFileError(None, f"it cannot be opened: {error.strerror or error}", "make it a readable file, or take it away")


def _opened(path: Path) -> IO[bytes]:
    try:
        return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise unopened(error) from error


def _read(stream: IO[bytes], path: Path, size: int = -1) -> bytes:
    try:
        return stream.read(size)
    except EOFError as error:
        raise UnreadableFileError(_last_line_in(path), "the gzip stream is cut off", SEND_AGAIN) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFileError(_last_line_in(path), f"it is no sound gzip file: {error}", SEND_AGAIN) from error


def _last_line_in(path: Path) -> int:
    """The line up to which a broken gzip file can be read."""
    decompressor, newlines = zlib.decompressobj(wbits=31), 0
    with path.open("rb") as stream:
        while compressed := stream.read(1024 * 1024):
            try:
                newlines += decompressor.decompress(compressed).count(b"\n")
            except zlib.error:
                break
            if decompressor.unused_data:
                break
    return newlines + 1


def _require_text(content: bytes, first_line: int) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + content.count(b"\n", 0, error.start)
        raise UnreadableFileError(line, f"it is not UTF-8: byte 0x{content[error.start]:02x}", "deliver the file again, written as UTF-8") from error


def _require_complete(line: bytes, line_number: int) -> None:
    """A last line without a newline is whole only if it can be read."""
    if not line.strip():
        return
    try:
        whole = isinstance(json.loads(line), dict)
    except ValueError:
        whole = False
    if not whole:
        raise UnreadableFileError(line_number, "the last line is cut off", SEND_AGAIN)


def _line_table(content: bytes, first_line: int) -> pa.Table:
    """Whole lines as rows without a loop: the newlines are taken out and the remaining bytes cut where they were."""
    buffer = np.frombuffer(content, dtype=np.uint8)
    ends = np.flatnonzero(buffer == _NEWLINE)
    offsets = np.concatenate(([0], ends - np.arange(len(ends)))).astype(np.int64)
    text = np.frombuffer(content.replace(b"\n", b""), dtype=np.uint8)
    records = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(text))
    if b"\r" in content:
        records = compute.utf8_rtrim(records, characters="\r")
    table = pa.table({"delivered_line": pa.array(np.arange(first_line, first_line + len(ends)), pa.int64()), "delivered_record": records})
    filled = compute.greater(compute.binary_length(records), 0)
    return table if compute.all(filled, min_count=0).as_py() else table.filter(filled)


def _read_csv(path: Path, options: FileFormat) -> pa.Table:
    with _opened(path) as stream:
        content = _read(stream, path).removeprefix(_BYTE_ORDER_MARK)
    _require_text(content, 1)
    if not content.strip():
        return pa.table({})
    lines = content.count(b"\n")
    if content.count(b'"') % 2:
        raise UnreadableFileError(lines + 1, "a quotation mark stays open to the end of the file", SEND_AGAIN)
    if content[-1] != _NEWLINE and options.final_newline == "required":
        raise UnreadableFileError(
            lines + 1,
            "the last line is not ended by a newline, so it may be cut off",
            "deliver the whole file again, or say 'final_newline: optional' in the mapping's format",
        )
    header = next(csv.reader(io.StringIO(content[: content.find(b"\n") + 1 or None].decode()), delimiter=options.delimiter))
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()),
        null_values=list(options.null_values),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    parse = arrow_csv.ParseOptions(delimiter=options.delimiter, newlines_in_values=True)
    try:
        return _parse_csv(content, parse, convert, threads=True)
    except pa.ArrowInvalid:
        # Only the single-threaded reader knows the row.
        try:
            return _parse_csv(content, parse, convert, threads=False)
        except pa.ArrowInvalid as error:
            raise UnreadableFileError(*_explained(str(error)), "correct the line and deliver the file again") from error


def _parse_csv(content: bytes, parse: arrow_csv.ParseOptions, convert: arrow_csv.ConvertOptions, *, threads: bool) -> pa.Table:
    read = arrow_csv.ReadOptions(use_threads=threads)
    return arrow_csv.read_csv(pa.py_buffer(content), read_options=read, parse_options=parse, convert_options=convert)


def _explained(message: str) -> tuple[int | None, str]:
    """Arrow says 'CSV parse error: Row #3: Expected 2 columns, got 1: <text>'; the text may hold anything and is left out."""
    _, _, rest = message.partition("Row #")
    number, _, reason = rest.partition(": ")
    if not number.isdigit():
        return None, "it is no sound CSV file: " + message.partition(":")[2].strip()[:200]
    return int(number), "wrong number of columns: " + ":".join(reason.split(":")[:1]).lower()


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp(kind.unit, "UTC")) if kind.tz else column
        return compute.strftime(column, format="%Y-%m-%dT%H:%M:%SZ" if kind.tz else "%Y-%m-%dT%H:%M:%S")
    if pa.types.is_nested(kind):
        return pa.chunked_array([_json_texts(column.to_pylist())])
    return column.cast(pa.string())


def _json_texts(values: Sequence[object]) -> pa.Array:
    texts = [None if value is None else json.dumps(value, default=str, separators=(",", ":")) for value in values]
    return pa.array(texts, pa.string())
