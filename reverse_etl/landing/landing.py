"""Lands delivered files in raw: append-only, once each, a file whole or not at all, and no file stops another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from reverse_etl.errors import ConfigurationError
from reverse_etl.landing import files, loading
from reverse_etl.landing.inbox import Delivery, look_into, record_landed_order
from reverse_etl.landing.mapping import SourceMapping, load_mapping
from reverse_etl.landing.relations import RELATIONS, RENAMED_RELATIONS
from reverse_etl.landing.report import LandedFile, LandingProblem, LandingReport, UnreadableFileError
from reverse_etl.progress import Course
from reverse_etl.settings import Settings
from reverse_etl.warehouse import Warehouse
from reverse_etl.warehouse.port import WarehouseSession


def land(warehouse: Warehouse, settings: Settings, partitions: Sequence[date] | None = None) -> LandingReport:
    """Land what ``settings.inbox`` holds and raw does not.

    Args:
        partitions: the UTC days of arrival to look at; None: all of them.

    Returns:
        What landed, what had landed before, and every file or row that needs a person. Landing again after a correction is always safe.

    Raises:
        WarehouseBusyError: another process is writing to the warehouse.
    """
    warehouse.create_relations(RELATIONS, RENAMED_RELATIONS)
    chosen = frozenset(partitions) if partitions is not None else None
    inbox = look_into(settings.inbox, chosen)
    run = _Run(settings, problems=inbox.problems)
    with warehouse.session("land") as session:
        with session.transaction() as transaction:
            landed = transaction.read("select position, file_name, content_hash from raw.landed_files").to_pylist()
        run.hashes = {row["file_name"]: row["content_hash"] for row in landed}
        run.position = max((row["position"] for row in landed), default=0)
        prepared = (one for delivery in course_over(inbox.deliveries) if (one := run.prepare(session, delivery)) is not None)
        for batch in loading.batches(prepared):
            run.load(session, batch)
        run.record_problems(session, chosen)
        before = [row["file_name"] for row in sorted(landed, key=lambda row: row["position"])]
        record_landed_order(settings.inbox, [*before, *(file.file_name for file in run.files)])
    return LandingReport(tuple(run.files), run.skipped, tuple(run.problems), tuple(run.exclusions))


def course_over(deliveries: Sequence[Delivery]) -> Iterator[Delivery]:
    course = Course("files", len(deliveries))
    for delivery in deliveries:
        yield delivery
        course.advance(doing=delivery.file_name)


@dataclass(slots=True)
class _Run:
    settings: Settings
    problems: list[LandingProblem]
    hashes: dict[str, str] = field(default_factory=dict)
    position: int = 0
    files: list[LandedFile] = field(default_factory=list)
    skipped: int = 0
    exclusions: list[LandingProblem] = field(default_factory=list)
    mappings: dict[str, SourceMapping | None] = field(default_factory=dict)

    def prepare(self, session: WarehouseSession, delivery: Delivery) -> loading.Prepared | None:
        """A delivery that is new and can be read; a small one is read here and now."""
        try:
            content_hash = files.content_hash(delivery.path)
            known = self.hashes.get(delivery.file_name)
            if known == content_hash:
                self.skipped += 1
                return None
            if known is not None:
                raise UnreadableFileError(None, "file changed after it was landed", "restore it, and deliver what changed under another name")
            return loading.prepare(delivery, self._mapping(delivery.source), content_hash, session.json)
        except UnreadableFileError as error:
            self._refuse(delivery, error)
        except OSError as error:
            self._refuse(delivery, files.unopened(error))
        return None

    def load(self, session: WarehouseSession, batch: Sequence[loading.Prepared]) -> None:
        """Land files in one transaction, or each in its own once one of them turns out to be at fault."""
        loaded_at = _now()
        try:
            with session.transaction() as transaction:
                loaded = loading.load(transaction, batch, loaded_at)
                landed = [one.file(prepared, self.position + number) for number, (one, prepared) in enumerate(zip(loaded, batch, strict=True), 1)]
                loading.record_files(transaction, landed, batch, loaded_at)
        except UnreadableFileError as error:
            if len(batch) == 1:
                self._refuse(batch[0].delivery, error)
                return
            for prepared in batch:
                self.load(session, [prepared])
            return
        self.position += len(batch)
        self.files += landed
        self.exclusions += [exclusion for one in loaded for exclusion in one.exclusions]

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

    def record_problems(self, session: WarehouseSession, partitions: frozenset[date] | None) -> None:
        """Keep the problems that stand now, each since it was first seen; those of days that were not looked at stay as they are."""
        now = _now()
        with session.transaction() as transaction:
            known = transaction.read("select file_name, line_number, reason, seen_at from raw.landing_problems").to_pylist()
            since = {(row["file_name"], row["line_number"], row["reason"]): row["seen_at"] for row in known}
            if partitions is None:
                transaction.write("delete from raw.landing_problems")
            else:
                for day in sorted(partitions):
                    transaction.write("delete from raw.landing_problems where file_name like ?", [f"%/{day.isoformat()}/%"])
            for problem in self.problems:
                transaction.write("delete from raw.landing_problems where file_name = ?", [problem.file_name])
            for problem in self.problems:
                seen_at = since.get((problem.file_name, problem.line_number, problem.reason), now)
                transaction.write(
                    "insert into raw.landing_problems (source, file_name, line_number, reason, remedy, seen_at) values (?, ?, ?, ?, ?, ?)",
                    [problem.source, problem.file_name, problem.line_number, problem.reason, problem.remedy, seen_at],
                )

    def _refuse(self, delivery: Delivery, error: UnreadableFileError) -> None:
        self.problems.append(LandingProblem(delivery.source, delivery.file_name, error.line_number, error.reason, error.remedy))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
