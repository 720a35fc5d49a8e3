"""Runs drills, each on its own copy of the company; the one that kills workers beside the others, for it takes as long as they do together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import billing_rerun
import killed_worker
import locked_warehouse
import maintenance_window
import missing_tax_table
import usage_spike
from drill import Drill, Drilled, Story
from drill_company import Company
from drill_counts import Counts, count

DRILLS: tuple[Drill, ...] = tuple(
    module.DRILL for module in (maintenance_window, missing_tax_table, billing_rerun, usage_spike, locked_warehouse, killed_worker)
)
Tell = Callable[[str], None]


def drill_all(drills: Sequence[Drill], folder: Path, tell: Tell) -> list[Drilled]:
    """The results in the order of the drills; a story is told whole, once its drill has ended."""
    began = time.monotonic()
    company = Company(_made(folder / "first"))
    try:
        company.prepare()
    except BaseException:
        company.end()
        raise
    tell(f"The company: January landed, and once closed ({time.monotonic() - began:.0f} s)")
    beside = [drill for drill in drills if drill is killed_worker.DRILL]
    others = [drill for drill in drills if drill not in beside]
    second = Company(_made(folder / "second"), company.states)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(_drill_in_turn, own, some, tell) for own, some in ((company, others), (second, beside))]
    results = {one.drill.name: one for future in running for one in future.result()}
    return [results[drill.name] for drill in drills]


def _drill_in_turn(company: Company, drills: Sequence[Drill], tell: Tell) -> list[Drilled]:
    try:
        return [_drill(company, drill, tell) for drill in drills]
    finally:
        company.end()


def _drill(company: Company, drill: Drill, tell: Tell) -> Drilled:
    lines: list[str] = []
    began = time.monotonic()
    counts: Counts | None = None
    failure = None
    try:
        company.begin(drill.starts_from)
        story = Story(drill.title, lines.append)
        story.line(drill.happens)
        drill.run(company, story)
        counts = count(company.settings, drill.periods)
        story.line(str(counts))
    except Exception as error:
        # Whatever goes wrong is the failure of this drill alone; what it left running is not the next one's.
        company.abandon()
        failure = f"{type(error).__name__}: {error}"
        lines.append(f"  {failure}")
    tell("\n".join([f"{drill.title} ({time.monotonic() - began:.0f} s)", *lines]))
    return Drilled(drill, counts, time.monotonic() - began, failure)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
