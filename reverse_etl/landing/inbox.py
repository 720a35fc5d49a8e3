"""What has been delivered: ``inbox/<source>/<YYYY-MM-DD>/<file>``, the day being the UTC day of arrival."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from reverse_etl.landing.report import LandingProblem


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivered file; ``file_name`` is its path relative to the inbox."""

    source: str
    landed_on: date
    path: Path
    file_name: str


@dataclass(slots=True)
class Inbox:
    """``deliveries`` in the order of their days, then names; ``problems``: what lies where no delivery can lie."""

    deliveries: list[Delivery] = field(default_factory=list)
    problems: list[LandingProblem] = field(default_factory=list)


def look_into(folder: Path, partitions: Collection[date] | None) -> Inbox:
    """Names that begin with a dot are still being written: not looked at."""
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
    inbox.deliveries.sort(key=lambda delivery: (delivery.landed_on, delivery.file_name))
    return inbox


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
