"""What a drill is, the story that it tells, and the figures that it comes to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drill_company import Company
    from drill_counts import Counts


@dataclass(frozen=True, slots=True)
class Drill:
    """``name``: the file's. The sentences say what is expected, ``run`` goes through it on a company and asserts it."""

    name: str
    title: str
    happens: str
    goes_on: str
    waits: str
    alert: str
    resumes: str
    starts_from: str
    periods: tuple[str, ...]
    run: Callable[[Company, Story], None]


@dataclass
class Story:
    """Lines with the seconds since the drill began, printed as they come."""

    title: str
    tell: Callable[[str], None] = print
    began: float = field(default_factory=time.monotonic)

    def line(self, text: str) -> None:
        self.tell(f"  {time.monotonic() - self.began:6.1f} s  {text}")


@dataclass(frozen=True, slots=True)
class Drilled:
    """``failure``: what was not as it must be, in words."""

    drill: Drill
    counts: Counts | None
    seconds: float
    failure: str | None = None

    @property
    def passed(self) -> bool:
        return self.failure is None and self.counts is not None and self.counts.clean


class DrillError(AssertionError):
    """Something was not as the drill says it must be."""


def expect(is_so: bool, what: str) -> None:
    """Raises ``DrillError`` with ``what`` was not so."""
    if not is_so:
        raise DrillError(what)


def verdict(results: list[Drilled]) -> str:
    """The one line that says it all, of what was counted at the destinations."""
    passed = sum(one.passed for one in results)
    counted = [one.counts for one in results if one.counts is not None]
    lost, doubled = (sum(len(getattr(counts, name)) for counts in counted) for name in ("lost", "doubled"))
    tied = all(counts.tied for counts in counted) and len(counted) == len(results)
    told = (f"{lost or 'nothing'} lost", f"{doubled or 'nothing'} doubled", "tied" if tied else "not tied")
    return f"{passed} of {len(results)} drills: {', '.join(told)}"
