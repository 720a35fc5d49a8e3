"""Simulate whole histories of pushes, each from one seed: ``make simulate SEEDS=N``, ``make simulate SEED=n`` to tell one."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from simulation import History, replay, simulate

CHUNK = 200
SHOWN_FAILURES = 5


def run(seeds: range) -> tuple[list[History], int, int]:
    """The histories that broke a rule, and how many documents and events there were."""
    histories = [simulate(seed) for seed in seeds]
    broken = [history for history in histories if history.broken is not None]
    return broken, sum(history.documents for history in histories), sum(history.events for history in histories)


def tell(seed: int) -> int:
    history = replay(seed)
    print("\n".join(history.trace))
    print(f"seed {seed}: {history.documents} documents, {history.events} events: {history.broken or 'no broken rule'}")
    return 1 if history.broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many histories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="tell the history of this seed")
    options = parser.parse_args()
    if options.seed is not None:
        return tell(options.seed)
    began, broken, documents, events = time.monotonic(), list[History](), 0, 0
    end = options.first + options.seeds
    chunks = [range(start, min(start + CHUNK, end)) for start in range(options.first, end, CHUNK)]
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as executor:
        for failed, some_documents, some_events in executor.map(run, chunks):
            broken.extend(failed)
            documents, events = documents + some_documents, events + some_events
    for history in broken[:SHOWN_FAILURES]:
        print(f"seed {history.seed}: {history.broken}; make simulate SEED={history.seed} tells it")
    if broken:
        print("\nthe first of them:")
        tell(broken[0].seed)
    print(f"{time.monotonic() - began:.0f} s, {documents:,} documents, {events:,} events")
    print(f"{options.seeds:,} seeds: {len(broken)} broken rules")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
