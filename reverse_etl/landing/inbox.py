"""What has been delivered: ``inbox/<source>/<YYYY-MM-DD>/<file>``, the day being the UTC day of arrival."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from reverse_etl.landing.report import LandingProblem
from reverse_etl.whole_files import write_whole

LANDED = ".landed"
"""The file of the inbox that lists what has landed, in order."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivered file; ``file_name`` is its path relative to the inbox."""

    source: str
    landed_on: date
    path: Path
    file_name: str


@dataclass(slots=True)
class Inbox:
    """``deliveries`` in the order in which they landed, new ones after them by day and name; ``problems``: what lies where no delivery can lie."""

    deliveries: list[Delivery] = field(default_factory=list)
    problems: list[LandingProblem] = field(default_factory=list)


def look_into(folder: Path, partitions: Collection[date] | None) -> Inbox:
    """Names that begin with a dot are still being written: not looked at. What landed before, into whichever warehouse, comes first, as then."""
    inbox = Inbox()
    for source in _visible(folder):
        if not source.is_dir():
            inbox.problems.append(_misplaced("", source.name, "it lies outside a source folder"))
            continue
        for partition in _visible(source):
            landed_on = _day(partition.name) if partition.is_dir() else None
            if landed_on is None:
                inbox.problems.append(_misplaced(source.name, f"{source.name}/{partition.name}", "it is no folder named by a day"))
            elif partitions is None or landed_on in partitions:
                for path in _visible(partition):
                    inbox.deliveries.append(Delivery(source.name, landed_on, path, path.relative_to(folder).as_posix()))
    landed = landed_order(folder)
    inbox.deliveries.sort(key=lambda delivery: (landed.get(delivery.file_name, len(landed)), delivery.landed_on, delivery.file_name))
    return inbox


def landed_order(folder: Path) -> dict[str, int]:
    """Delivered files -> the place in which they have landed, as ``record_landed_order`` kept it."""
    try:
        return {name: place for place, name in enumerate((folder / LANDED).read_text().splitlines())}
    except (FileNotFoundError, UnicodeDecodeError):
        return {}


def record_landed_order(folder: Path, names: Sequence[str]) -> None:
    """Keep in the archive itself in which order it has landed: a warehouse that is built again from it then gives each file the position that closed
    periods were sealed with. What has not landed again yet keeps its place. An archive that may not be written keeps none: by day and name, then."""
    text = "".join(f"{name}\n" for name in dict.fromkeys([*names, *landed_order(folder)]))
    path = folder / LANDED
    with suppress(OSError):
        if not path.is_file() or path.read_text() != text:
            write_whole(path, text)


def _misplaced(source: str, name: str, reason: str) -> LandingProblem:
    return LandingProblem(source, name, None, reason, "deliver into inbox/<source>/<YYYY-MM-DD>/, the day being the UTC day of arrival")


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def _day(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None
