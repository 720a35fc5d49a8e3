"""What a landing did, and what it could not do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class LandingProblem:
    """A delivery (or a row of one) that did not land: where, why, and what to do. ``line_number`` is None where no single line is at fault."""

    source: str
    file_name: str
    line_number: int | None
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class LandedFile:
    """``rows`` landed; ``excluded`` were left out by the mapping's ``where``, ``repeated`` by its ``distinct``."""

    position: int
    source: str
    relation: str
    file_name: str
    landed_on: date
    rows: int
    excluded: int
    repeated: int


@dataclass(frozen=True, slots=True)
class LandingReport:
    """``files`` landed now; ``skipped`` had landed before; ``problems`` landed nothing; ``exclusions`` explain left-out rows that need a person
    (the first thousand of a file; all of them are in ``raw.excluded_rows``), and landed rows that a check refused."""

    files: tuple[LandedFile, ...]
    skipped: int
    problems: tuple[LandingProblem, ...]
    exclusions: tuple[LandingProblem, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def excluded(self) -> int:
        return sum(file.excluded for file in self.files)


class UnreadableFileError(Exception):
    """One file cannot be landed. Never leaves the landing room: it becomes a ``LandingProblem``."""

    def __init__(self, line_number: int | None, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.line_number = line_number
        self.reason = reason
        self.remedy = remedy
