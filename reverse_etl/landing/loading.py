"""Deliveries on their way into raw: read whole, batched, and written with their landed_files rows in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import pyarrow as pa

from reverse_etl.landing import files, tax_identifiers
from reverse_etl.landing.inbox import Delivery
from reverse_etl.landing.mapping import EVENTS, SourceMapping
from reverse_etl.landing.report import LandedFile, LandingProblem, UnreadableFileError
from reverse_etl.landing.selection import Selection, select_from_columns, select_from_lines
from reverse_etl.warehouse.port import Delivered, DeliveredParquet, JsonDialect, ParquetRows, UnsoundParquetError, WarehouseTransaction

SMALL_FILE_BYTES = 16 * 1024 * 1024
FILES_PER_TRANSACTION = 1000
BYTES_PER_TRANSACTION = 256 * 1024 * 1024
"""A commit costs as much as landing hundreds of rows: small files share one, and part again when one of them is at fault."""
EXCLUSIONS_REPORTED = 1000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery on the point of landing. The chunks of a large one are read as they land, and only once."""

    delivery: Delivery
    mapping: SourceMapping
    content_hash: str
    size: int
    chunks: Iterable[tuple[Selection, Delivered]]

    @property
    def is_small(self) -> bool:
        return isinstance(self.chunks, list)

    @property
    def joined_with(self) -> tuple[str, ...] | None:
        """Event files of which no row is left out are written by one statement with all that say the same here, their counts being known."""
        if self.mapping.relation != EVENTS or self.mapping.where or not self.is_small:
            return None
        if files.is_lines(self.delivery.path):
            return (self.delivery.source,)
        match list(self.chunks):
            case [(_, ParquetRows(columns=columns))] if not self.mapping.distinct:
                return (self.delivery.source, *columns)
        return None


@dataclass(slots=True)
class Loaded:
    """What became of one file."""

    delivered: int = 0
    matched: int = 0
    landed: int = 0
    exclusions: list[LandingProblem] = field(default_factory=list)

    def file(self, prepared: Prepared, position: int) -> LandedFile:
        delivery = prepared.delivery
        excluded, repeated = self.delivered - self.matched, self.matched - self.landed
        return LandedFile(
            position,
            delivery.source,
            prepared.mapping.relation,
            delivery.file_name,
            delivery.landed_on,
            rows=self.landed,
            excluded=excluded,
            repeated=repeated,
        )


def prepare(delivery: Delivery, mapping: SourceMapping, content_hash: str, json: JsonDialect) -> Prepared:
    """Raises ``UnreadableFileError`` for a small file that cannot be landed; a large one may raise as it lands."""
    size = delivery.path.stat().st_size
    chunks = _chunks(delivery, mapping, json)
    return Prepared(delivery, mapping, content_hash, size, list(chunks) if size <= SMALL_FILE_BYTES else chunks)


def batches(prepared: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    batch: list[Prepared] = []
    for one in prepared:
        full = len(batch) == FILES_PER_TRANSACTION or sum(other.size for other in batch) > BYTES_PER_TRANSACTION
        if batch and (full or not (one.is_small and batch[-1].is_small)):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def load(transaction: WarehouseTransaction, batch: Sequence[Prepared], loaded_at: datetime) -> list[Loaded]:
    """Write the rows of a batch. Raises ``UnreadableFileError`` when one of its files is at fault."""
    loaded: list[Loaded] = []
    for joined, group in groupby(batch, key=lambda prepared: prepared.joined_with):
        members = list(group)
        loaded += _load_joined(transaction, members, loaded_at) if joined else [_load_one(transaction, one, loaded_at) for one in members]
    for prepared in batch:
        if files.content_hash(prepared.delivery.path) != prepared.content_hash:
            raise UnreadableFileError(None, "it was written to while it was read", "write under a name that begins with a dot, then rename")
    return loaded


def record_files(transaction: WarehouseTransaction, landed: Sequence[LandedFile], batch: Sequence[Prepared], loaded_at: datetime) -> None:
    rows = [
        {
            "position": file.position,
            "source": file.source,
            "relation": prepared.mapping.relation,
            "file_name": file.file_name,
            "landed_on": file.landed_on,
            "content_hash": prepared.content_hash,
            "byte_count": prepared.size,
            "row_count": file.rows,
            "excluded_count": file.excluded,
            "repeated_count": file.repeated,
            "loaded_at": loaded_at,
        }
        for file, prepared in zip(landed, batch, strict=True)
    ]
    columns = ", ".join(rows[0])
    transaction.write(f"insert into raw.landed_files ({columns}) select {columns} from delivered", (), pa.Table.from_pylist(rows))


def _load_joined(transaction: WarehouseTransaction, group: Sequence[Prepared], loaded_at: datetime) -> list[Loaded]:
    pieces = [piece for prepared in group for piece in prepared.chunks]
    if pieces:
        _insert(transaction, group[0].mapping.relation, pieces[0][0], _together([rows for _, rows in pieces]), loaded_at)
    counts = [sum(rows.num_rows for _, rows in prepared.chunks) for prepared in group]
    return [Loaded(delivered=count, matched=count, landed=count) for count in counts]


def _together(pieces: Sequence[Delivered]) -> Delivered:
    """The rows of pieces of one kind and of the same columns."""
    tables = [rows for rows in pieces if isinstance(rows, pa.Table)]
    if tables:
        return pa.concat_tables(tables)
    scans = [rows for rows in pieces if isinstance(rows, ParquetRows)]
    return ParquetRows(scans[0].columns, tuple(file for rows in scans for file in rows.files))


def _load_one(transaction: WarehouseTransaction, prepared: Prepared, loaded_at: datetime) -> Loaded:
    loaded = Loaded()
    for selection, rows in prepared.chunks:
        _refuse_malformed(transaction, selection, rows)
        if prepared.mapping.relation == tax_identifiers.RELATION:
            written, found = _insert_checked(transaction, selection, rows, prepared.delivery, loaded_at)
            loaded.exclusions += found[: EXCLUSIONS_REPORTED - len(loaded.exclusions)]
        else:
            written = _insert(transaction, prepared.mapping.relation, selection, rows, loaded_at)
        if not prepared.mapping.where and not prepared.mapping.distinct:
            # Counted from the file and not from the insert, so that a checkpoint has two counts to compare.
            written = rows.num_rows
        loaded.delivered += rows.num_rows
        loaded.landed += written
        loaded.matched += transaction.read(selection.matched, (), rows)["matched"][0].as_py() if prepared.mapping.distinct else written
        if selection.excluded is not None:
            loaded.exclusions += _explain(transaction, selection.excluded, prepared.delivery, rows, loaded_at)[
                : EXCLUSIONS_REPORTED - len(loaded.exclusions)
            ]
    return loaded


def _insert(transaction: WarehouseTransaction, relation: str, selection: Selection, rows: Delivered, loaded_at: datetime) -> int:
    columns = ", ".join(f'"{name}"' for name in (*selection.target_columns, "file_name", "landed_on", "line_number"))
    statement = f"insert into {relation} ({columns}, loaded_at) select {columns}, ? from ({selection.rows}) as landed_rows"
    try:
        return transaction.write(statement, [loaded_at], rows)
    except UnsoundParquetError as error:
        raise files.unsound_parquet(str(error)) from error


def _insert_checked(
    transaction: WarehouseTransaction, selection: Selection, rows: Delivered, delivery: Delivery, loaded_at: datetime
) -> tuple[int, list[LandingProblem]]:
    """Rows that are checked land with what was found, the refused ones too: they take the place of what their key said before."""
    checked = tax_identifiers.with_checked_tax_ids(transaction.read(selection.rows, (), rows))
    columns = ", ".join(f'"{name}"' for name in checked.column_names)
    statement = f"insert into {tax_identifiers.RELATION} ({columns}, loaded_at) select {columns}, ? from delivered"
    problems = [
        LandingProblem(delivery.source, delivery.file_name, line, reason, "correct it and deliver it again; until then the customer is charged tax")
        for line, reason in tax_identifiers.refused_tax_ids(checked)
    ]
    return transaction.write(statement, [loaded_at], checked), problems


def _explain(transaction: WarehouseTransaction, excluded: str, delivery: Delivery, rows: Delivered, loaded_at: datetime) -> list[LandingProblem]:
    columns = "reason, remedy, record, file_name, landed_on, line_number"
    transaction.write(
        f"insert into raw.excluded_rows ({columns}, source, loaded_at) select {columns}, ?, ? from ({excluded}) as excluded_rows",
        [delivery.source, loaded_at],
        rows,
    )
    statement = f"select line_number, reason, remedy from ({excluded}) as excluded_rows order by line_number limit {EXCLUSIONS_REPORTED}"
    return [
        LandingProblem(delivery.source, delivery.file_name, row["line_number"], row["reason"], row["remedy"])
        for row in transaction.read(statement, (), rows).to_pylist()
    ]


def _refuse_malformed(transaction: WarehouseTransaction, selection: Selection, rows: Delivered) -> None:
    if selection.malformed is None:
        return
    line = transaction.read(selection.malformed, (), rows)["line_number"][0].as_py()
    if line is not None:
        raise UnreadableFileError(line, "the line is not a JSON object", "correct the line and deliver the file again")


def _chunks(delivery: Delivery, mapping: SourceMapping, json: JsonDialect) -> Iterator[tuple[Selection, Delivered]]:
    path = delivery.path
    if files.is_lines(path):
        selection = select_from_lines(mapping, json)
        chunks = files.read_lines(path)
        # Rows that repeat each other must meet in one chunk.
        yield from ((selection, _with_origin(chunk, delivery)) for chunk in (_joined(chunks) if mapping.distinct else chunks))
        return
    if not path.name.endswith(files.SUFFIXES):
        raise UnreadableFileError(None, "its format is not known", f"deliver one of {', '.join(files.SUFFIXES)}")
    yield from _parquet_chunks(delivery, mapping, json) if files.is_parquet(path) else _csv_chunks(delivery, mapping, json)


def _csv_chunks(delivery: Delivery, mapping: SourceMapping, json: JsonDialect) -> Iterator[tuple[Selection, pa.Table]]:
    rows = files.read_csv(delivery.path, mapping.format)
    present = [name for name in rows.column_names if name != files.LINE_COLUMN]
    if present:
        yield _columns_selection(mapping, json, present), _with_origin(rows, delivery)


def _parquet_chunks(delivery: Delivery, mapping: SourceMapping, json: JsonDialect) -> Iterator[tuple[Selection, Delivered]]:
    found = files.open_parquet(delivery.path)
    if not found.names:
        return
    selection = _columns_selection(mapping, json, found.names)
    if found.is_text:
        yield selection, ParquetRows(found.names, (DeliveredParquet(delivery.path, delivery.file_name, delivery.landed_on, found.num_rows),))
        return
    chunks = files.read_parquet(delivery.path)
    yield from ((selection, _with_origin(chunk, delivery)) for chunk in (_joined(chunks) if mapping.distinct else chunks))


def _columns_selection(mapping: SourceMapping, json: JsonDialect, present: Sequence[str]) -> Selection:
    missing = [name for name, optional in mapping.delivered_columns().items() if not optional and name not in present]
    if missing:
        reason = f"required columns are missing: {', '.join(missing)}; it has {', '.join(present)}"
        raise UnreadableFileError(1, reason, "deliver the file with them, or map what it has")
    return select_from_columns(mapping, json, present)


def _with_origin(rows: pa.Table, delivery: Delivery) -> pa.Table:
    file_name = pa.repeat(pa.scalar(delivery.file_name), rows.num_rows)
    landed_on = pa.repeat(pa.scalar(delivery.landed_on, pa.date32()), rows.num_rows)
    return rows.append_column("delivered_file", file_name).append_column("delivered_on", landed_on)


def _joined(chunks: Iterator[pa.Table]) -> list[pa.Table]:
    tables = list(chunks)
    return [pa.concat_tables(tables)] if tables else []
