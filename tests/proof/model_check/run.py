"""Check the posting protocol exhaustively within stated bounds, and that planted mistakes are found: ``make model-check``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from model_exploration import Explored, explore
from model_manifests import MANIFESTS
from model_mistakes import MISTAKES
from model_world import Bounds, Rules

EVERY_KIND = frozenset({"crash", "takeover", "stall", "close", "jump", "restore"})
# Three faults on one path, for destinations of each class.
DEEP = (
    "no key, no look-up",
    "no key, look-up at once",
    "no key, look-up after 2 s",
    "a key kept 20 s, no look-up",
    "a key kept 20 s, look-up after 2 s",
    "a key kept 20 s, errors replayed, look-up after 2 s",
    "a key kept for ever, no look-up",
)


@dataclass(frozen=True)
class Part:
    manifest: str
    calls: tuple[str, ...]
    faults: int

    def __str__(self) -> str:
        return f"{self.manifest}; {len(self.calls)} calls, {self.faults} faults"


def parts(bounded: bool) -> Iterator[Part]:
    """The bounded form takes seconds."""
    if not bounded:
        # The longest first, so that both cores are busy to the end.
        yield from (Part(name, ("create",), 3) for name in DEEP)
    for name in MANIFESTS:
        yield Part(name, ("create", "complete"), 1 if bounded else 2)
        yield Part(name, ("create", "add", "complete"), 1)


def check(part: Part) -> Explored:
    return explore(Rules(MANIFESTS[part.manifest], part.calls, Bounds(part.faults, EVERY_KIND)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bounded", action="store_true", help="fewer faults on one path: seconds instead of minutes")
    began, bounded = time.monotonic(), parser.parse_args().bounded
    states = broken = caught = 0
    work = list(parts(bounded))
    print("Two posters, one document. Faults on one path: lost, late, stored, refused and rejected answers, failed look-ups,")
    print(f"{', '.join(sorted(EVERY_KIND))}.")
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as executor:
        for part, explored in zip(work, executor.map(check, work), strict=True):
            states += explored.states
            print(f"{explored.states:>11,} states: {part}", flush=True)
            if explored.broken is not None:
                broken += 1
                print(explored.broken)
    for mistake in MISTAKES:
        with mistake.planted():
            found = explore(mistake.rules()).broken
        caught += found is not None
        print(f"\nplanted: {mistake.name}\nfound: {found}")
    print(f"\n{time.monotonic() - began:.0f} s")
    print(f"{states:,} states: {broken} broken rules; {caught} of {len(MISTAKES)} seeded bugs caught")
    return 0 if not broken and caught == len(MISTAKES) else 1


if __name__ == "__main__":
    sys.exit(main())
