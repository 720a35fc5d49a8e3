"""Lands delivered files in raw: append-only, once each, a file whole or not at all, and no file stops another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from reverse_etl.errors import ConfigurationError
from reverse_etl.landing import files
from reverse_etl.landing.mapping import SourceMapping, load_mapping
from reverse_etl.landing.relations import RELATIONS
from reverse_etl.landing.report import LandedFile, LandingProblem, LandingReport, UnreadableFileError
from reverse_etl.landing.selection import Selection, select_from_columns, select_from_lines
from reverse_etl.settings import Settings
from reverse_etl.warehouse import Warehouse
from reverse_etl.warehouse.port import WarehouseSession, WarehouseTransaction

EXCLUSIONS_REPORTED = 1000
SMALL_FILE_BYTES = 2 * 1024 * 1024
FILES_PER_TRANSACTION = 50
"""A commit costs as much as landing hundreds of rows: small files share one, and part again when one of them is at fault."""


def land(warehouse: Warehouse, settings: Settings, partitions: Sequence[date] | None = None) -> LandingReport:
    """Land what ``settings.inbox`` holds and raw does not.

    Args:
        partitions: the UTC days of arrival to look at; None: all of them.

    Returns:
        What landed, what had landed before, and every file or row that needs a person. Landing again after a correction is always safe.

    Raises:
        WarehouseBusyError: another process is writing to the warehouse.
    """
    warehouse.create_relations(RELATIONS)
    run = _Run(settings, frozenset(partitions) if partitions is not None else None)
    with warehouse.session("land") as session:
        with session.transaction() as transaction:
            landed = transaction.read("select position, file_name, content_hash from raw.landed_files").to_pylist()
        run.hashes = {row["file_name"]: row["content_hash"] for row in landed}
        run.position = max((row["position"] for row in landed), default=0)
        for batch in _batches(prepared for delivery in run.deliveries() if (prepared := run.prepare(session, delivery)) is not None):
            run.load(session, batch)
        run.record_problems(session)
    return LandingReport(tuple(run.files), run.skipped, tuple(run.problems), tuple(run.exclusions))


@dataclass(frozen=True, slots=True)
class _Delivery:
    source: str
    landed_on: date
    path: Path
    file_name: str


Chunks = Iterable[tuple[Selection, pa.Table]]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A delivery on the point of landing; the ``chunks`` of a large one can be gone through only once."""

    delivery: _Delivery
    mapping: SourceMapping
    content_hash: str
    size: int
    chunks: Chunks

    @property
    def is_small(self) -> bool:
        return isinstance(self.chunks, list)


@dataclass(slots=True)
class _Run:
    settings: Settings
    partitions: frozenset[date] | None
    hashes: dict[str, str] = field(default_factory=dict)
    position: int = 0
    files: list[LandedFile] = field(default_factory=list)
    skipped: int = 0
    problems: list[LandingProblem] = field(default_factory=list)
    exclusions: list[LandingProblem] = field(default_factory=list)
    mappings: dict[str, SourceMapping | None] = field(default_factory=dict)

    def deliveries(self) -> list[_Delivery]:
        """The delivered files in the order of their days, then names. Names that begin with a dot are still being written: not looked at."""
        return sorted(self._walk(), key=lambda delivery: (delivery.landed_on, delivery.file_name))

    def _walk(self) -> Iterator[_Delivery]:
        for folder in _visible(self.settings.inbox):
            if not folder.is_dir():
                self._problem("", folder, None, "it lies outside a source folder", "move it to inbox/<source>/<YYYY-MM-DD>/")
                continue
            for partition in _visible(folder):
                landed_on = _day(partition.name) if partition.is_dir() else None
                if landed_on is None:
                    self._problem(
                        folder.name, partition, None, "it is no folder named by a day", "use inbox/<source>/<YYYY-MM-DD>/ (UTC day of arrival)"
                    )
                elif self.partitions is None or landed_on in self.partitions:
                    for path in _visible(partition):
                        yield _Delivery(folder.name, landed_on, path, self._name(path))

    def prepare(self, session: WarehouseSession, delivery: _Delivery) -> _Prepared | None:
        """A delivery that is new and can be read; a small one is read here and now."""
        try:
            content_hash = _content_hash(delivery.path)
            known = self.hashes.get(delivery.file_name)
            if known == content_hash:
                self.skipped += 1
                return None
            if known is not None:
                raise UnreadableFileError(None, "file changed after it was landed", "restore it, and deliver what changed under another name")
            mapping = self._mapping(delivery.source)
            size = delivery.path.stat().st_size
            chunks = _read(session, mapping, delivery.path)
            return _Prepared(delivery, mapping, content_hash, size, list(chunks) if size <= SMALL_FILE_BYTES else chunks)
        except UnreadableFileError as error:
            self._refuse(delivery, error)
            return None

    def load(self, session: WarehouseSession, batch: Sequence[_Prepared]) -> None:
        """Land files in one transaction, or each in its own once one of them turns out to be at fault."""
        loaded_at = _now()
        loadings: list[_Loading] = []
        try:
            with session.transaction() as transaction:
                for prepared in batch:
                    loading = _Loading(transaction, prepared, loaded_at)
                    loading.load()
                    loadings.append(loading)
                files_landed = [loading.landed_file(self.position + number) for number, loading in enumerate(loadings, start=1)]
                _record_files(transaction, files_landed, batch, loaded_at)
        except UnreadableFileError as error:
            if len(batch) == 1:
                self._refuse(batch[0].delivery, error)
                return
            for prepared in batch:
                self.load(session, [prepared])
            return
        self.position += len(batch)
        self.files += files_landed
        self.exclusions += [exclusion for loading in loadings for exclusion in loading.exclusions]

    def _mapping(self, source: str) -> SourceMapping:
        if source not in self.mappings:
            try:
                self.mappings[source] = load_mapping(source, self.settings.mappings)
            except ConfigurationError as error:
                raise UnreadableFileError(None, f"its mapping is not valid: {error}", "correct the mapping, then land again") from error
        mapping = self.mappings[source]
        if mapping is None:
            raise UnreadableFileError(
                None, f"no mapping for the source {source!r}", f"write {self.settings.mappings / source}.yaml, or rename the folder"
            )
        return mapping

    def record_problems(self, session: WarehouseSession) -> None:
        """Keep the problems that stand now; those of days that were not looked at stay as they are."""
        seen_at = _now()
        with session.transaction() as transaction:
            if self.partitions is None:
                transaction.write("delete from raw.landing_problems")
            else:
                for day in sorted(self.partitions):
                    transaction.write("delete from raw.landing_problems where file_name like ?", [f"%/{day.isoformat()}/%"])
            for problem in self.problems:
                transaction.write("delete from raw.landing_problems where file_name = ?", [problem.file_name])
            for problem in self.problems:
                transaction.write(
                    "insert into raw.landing_problems (source, file_name, line_number, reason, remedy, seen_at) values (?, ?, ?, ?, ?, ?)",
                    [problem.source, problem.file_name, problem.line_number, problem.reason, problem.remedy, seen_at],
                )

    def _refuse(self, delivery: _Delivery, error: UnreadableFileError) -> None:
        self._problem(delivery.source, delivery.path, error.line_number, error.reason, error.remedy)

    def _problem(self, source: str, path: Path, line_number: int | None, reason: str, remedy: str) -> None:
        self.problems.append(LandingProblem(source, self._name(path), line_number, reason, remedy))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.settings.inbox).as_posix()


@dataclass(slots=True)
class _Loading:
    """One file on its way into its relation, chunk by chunk in one transaction."""

    transaction: WarehouseTransaction
    prepared: _Prepared
    loaded_at: datetime
    delivered: int = 0
    matched: int = 0
    landed: int = 0
    exclusions: list[LandingProblem] = field(default_factory=list)

    def load(self) -> None:
        for selection, rows in self.prepared.chunks:
            self._load(selection, rows)
        if _content_hash(self.prepared.delivery.path) != self.prepared.content_hash:
            raise UnreadableFileError(None, "it was written to while it was read", "write under a name that begins with a dot, then rename")

    def landed_file(self, position: int) -> LandedFile:
        delivery = self.prepared.delivery
        excluded, repeated = self.delivered - self.matched, self.matched - self.landed
        return LandedFile(position, delivery.source, delivery.file_name, delivery.landed_on, rows=self.landed, excluded=excluded, repeated=repeated)

    def _load(self, selection: Selection, rows: pa.Table) -> None:
        self._refuse_malformed(selection, rows)
        delivery, mapping = self.prepared.delivery, self.prepared.mapping
        origin = [delivery.file_name, delivery.landed_on, self.loaded_at]
        columns = ", ".join(f'"{name}"' for name in selection.target_columns)
        written = self.transaction.write(
            f"insert into {mapping.relation} ({columns}, line_number, file_name, landed_on, loaded_at)"
            f" select {columns}, line_number, ?, ?, ? from ({selection.rows}) as landed_rows",
            origin,
            rows,
        )
        self.delivered += rows.num_rows
        self.landed += written
        self.matched += self.transaction.read(selection.matched, (), rows)["matched"][0].as_py() if mapping.distinct else written
        if selection.excluded is not None:
            self._explain(selection.excluded, origin, rows)

    def _explain(self, excluded: str, origin: Sequence[Any], rows: pa.Table) -> None:
        delivery = self.prepared.delivery
        self.transaction.write(
            "insert into raw.excluded_rows (reason, remedy, record, line_number, source, file_name, landed_on, loaded_at)"
            f" select reason, remedy, record, line_number, ?, ?, ?, ? from ({excluded}) as excluded_rows order by line_number",
            [delivery.source, *origin],
            rows,
        )
        room = EXCLUSIONS_REPORTED - len(self.exclusions)
        statement = f"select line_number, reason, remedy from ({excluded}) as excluded_rows order by line_number limit {room}"
        for row in self.transaction.read(statement, (), rows).to_pylist():
            self.exclusions.append(LandingProblem(delivery.source, delivery.file_name, row["line_number"], row["reason"], row["remedy"]))

    def _refuse_malformed(self, selection: Selection, rows: pa.Table) -> None:
        if selection.malformed is None:
            return
        line = self.transaction.read(selection.malformed, (), rows)["line_number"][0].as_py()
        if line is not None:
            raise UnreadableFileError(line, "the line is not a JSON object", "correct the line and deliver the file again")


def _batches(deliveries: Iterable[_Prepared]) -> Iterator[list[_Prepared]]:
    batch: list[_Prepared] = []
    for prepared in deliveries:
        if batch and (len(batch) == FILES_PER_TRANSACTION or not prepared.is_small):
            yield batch
            batch = []
        batch.append(prepared)
        if not prepared.is_small:
            yield batch
            batch = []
    if batch:
        yield batch


def _record_files(transaction: WarehouseTransaction, landed: Sequence[LandedFile], batch: Sequence[_Prepared], loaded_at: datetime) -> None:
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


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _read(session: WarehouseSession, mapping: SourceMapping, path: Path) -> Iterator[tuple[Selection, pa.Table]]:
    if files.is_lines(path):
        selection = select_from_lines(mapping, session.json)
        chunks = files.read_lines(path)
        # Rows that repeat each other must meet in one chunk.
        yield from ((selection, chunk) for chunk in (_joined(chunks) if mapping.distinct else chunks))
        return
    if not path.name.endswith(files.SUFFIXES):
        raise UnreadableFileError(None, "its format is not known", f"deliver one of {', '.join(files.SUFFIXES)}")
    rows = files.read_columns(path, mapping.format)
    present = [name for name in rows.column_names if name != files.LINE_COLUMN]
    if not present:
        return
    missing = [name for name, optional in mapping.delivered_columns().items() if not optional and name not in present]
    if missing:
        remedy = "deliver the file with them, or map what it has"
        raise UnreadableFileError(1, f"required columns are missing: {', '.join(missing)}; it has {', '.join(present)}", remedy)
    yield select_from_columns(mapping, session.json, present), rows


def _joined(chunks: Iterator[pa.Table]) -> list[pa.Table]:
    tables = list(chunks)
    return [pa.concat_tables(tables)] if tables else []


def _content_hash(path: Path) -> str:
    try:
        return files.content_hash(path)
    except OSError as error:
        raise UnreadableFileError(None, f"it cannot be read: {error}", "make it a readable file, or take it away") from error


def _visible(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _day(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None
