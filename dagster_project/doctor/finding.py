"""What an examination says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reverse_etl.settings import Settings


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """``check``: what was looked at; ``where``: the file, folder, destination or variable; ``fix``: a command or a step, None where all is well."""

    check: str
    state: State
    what: str
    where: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """The installation that is looked at. ``thorough``: also what takes long; ``asks``: destinations may be asked (what only reads)."""

    home: Path
    settings: Settings
    thorough: bool = False
    asks: bool = True


Check = Callable[[Examined], Iterator[Finding]]


def ok(check: str, what: str, where: object) -> Finding:
    return Finding(check, State.OK, what, str(where))


def warning(check: str, what: str, where: object, fix: str) -> Finding:
    return Finding(check, State.WARNING, what, str(where), fix)


def problem(check: str, what: str, where: object, fix: str) -> Finding:
    return Finding(check, State.PROBLEM, what, str(where), fix)
