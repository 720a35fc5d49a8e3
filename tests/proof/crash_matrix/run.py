"""The crash matrix: kill -9 at every named crash point, under every fault plan, for every class of destination, on both stores of the register.

``make crash-matrix`` runs all and ends with ``N runs: D duplicates, L lost``; exit code 1 unless both are 0 and nothing else is wrong.
``make crash-matrix CASE=...`` runs the cases whose name begins so (``postgresql/B/busy/after_send:1``, or ``sqlite/A``).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from crash_cases import Case, every_case
from crash_count import Counts
from crash_matrix import PUSHERS, WORKERS, results
from naive_pusher import NaivePusher


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="names of cases, or beginnings of them")
    parser.add_argument("--pusher", choices=sorted(PUSHERS), default="protocol", help="naive: a new key per attempt and blind retries, to compare")
    parser.add_argument("--workers", type=int, default=WORKERS)
    options = parser.parse_args()
    cases = [case for case in every_case() if not options.cases or any(case.name.startswith(name) for name in options.cases)]
    if options.pusher == "naive":
        cases = [case for case in cases if NaivePusher.comes_to(case)]
    if not cases:
        parser.error("no case has such a name")
    sys.exit(report(cases, results(cases, options.pusher, options.workers), options.pusher))


def report(cases: Sequence[Case], counts: Iterator[Counts], pusher: str) -> int:
    """Print progress, what failed with the command that repeats it, and the figures; the exit code."""
    began = time.monotonic()
    duplicates = lost = failed = duplicating = 0
    for number, (case, counted) in enumerate(zip(cases, counts, strict=True), start=1):
        duplicates, lost = duplicates + counted.duplicates, lost + counted.lost
        failed += not counted.passed
        duplicating += counted.duplicates > 0
        if not counted.passed and pusher == "protocol":
            print(f"FAILED {counted.case}: {counted.duplicates} duplicates, {counted.lost} lost; {'; '.join(counted.problems)}")
            print(f"  alone: make crash-matrix CASE={counted.case}", flush=True)
        if number == len(cases) or (cases[number].store, cases[number].capability_class) != (case.store, case.capability_class):
            print(
                f"{case.store}, class {case.capability_class}: {number} of {len(cases)} runs done after {time.monotonic() - began:.0f} s", flush=True
            )
        elif number % 50 == 0 and sys.stdout.isatty():
            print(f"{number} of {len(cases)}", end="\r", flush=True)
    if pusher != "protocol":
        print(f"{duplicating} runs with duplicates")
    print(f"{len(cases)} runs: {duplicates} duplicates, {lost} lost")
    return 1 if failed else 0


if __name__ == "__main__":
    main()
