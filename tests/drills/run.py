"""The drills of controlled degradation: each breaks something, and counts at the destinations what came of it.

``make drills`` runs all and ends with ``6 of 6 drills: nothing lost, nothing doubled, tied``; exit code 1 unless that is so.
``make drills DRILL=usage_spike`` runs one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from drill import Drilled, verdict
from drilling import DRILLS, drill_all


def main() -> None:
    names = [drill.name for drill in DRILLS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drills", nargs="*", metavar="DRILL", help=f"which (default: all): {', '.join(names)}")
    parser.add_argument("--folder", type=Path, help="where the company is made, and left to look at (default: a temporary folder)")
    options = parser.parse_args()
    if unknown := set(options.drills).difference(names):
        parser.error(f"no drill is named {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = [drill for drill in DRILLS if not options.drills or drill.name in options.drills]
    with tempfile.TemporaryDirectory(prefix="tieout-drills-") as temporary:
        results = drill_all(chosen, options.folder or Path(temporary), print)
    report(results)
    sys.exit(0 if all(one.passed for one in results) else 1)


def report(results: list[Drilled]) -> None:
    for one in results:
        if not one.passed:
            problems = [*([one.failure] if one.failure else []), *((*one.counts.lost, *one.counts.doubled, *one.counts.untied) if one.counts else ())]
            print(f"FAILED {one.drill.name}: {'; '.join(problems)}")
    print(verdict(results), flush=True)


if __name__ == "__main__":
    main()
