"""1,000 journals to a real Tryton, with answers that get lost and a server that is killed again and again: what does its ledger hold?

``make tryton-under-fire`` prints the figures; exit code 1 unless each journal is there once, posted and verified. ``JOURNALS=n`` for another number.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from tryton_documents import SPECIFICATION
from tryton_fire import Fire, push_through_fire
from tryton_ledger import PASSWORD, Ledger

from reverse_etl.documents import State
from reverse_etl.sandbox.processes import stop
from reverse_etl.sandbox.tryton.database import provision_ledger
from reverse_etl.sandbox.tryton.server import start_server

BATCH_SIZE = 25
# Of the writing requests, every ninth loses its answer and every seventeenth kills the server.
LOST_EVERY, KILLED_EVERY = 9, 17
LONGEST_SECONDS = 1800.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journals", type=int, default=1000)
    journals = parser.parse_args().journals
    requests = 2 * journals // BATCH_SIZE
    fire = Fire(
        lost=frozenset(range(4, requests, LOST_EVERY)),
        killed=frozenset(range(7, requests, KILLED_EVERY)),
        batch_size=BATCH_SIZE,
        send_deadline=timedelta(seconds=8),
        in_flight_bound=timedelta(seconds=8),
    )
    folder = Path(tempfile.mkdtemp(prefix="tryton-under-fire-"))
    try:
        (folder / "secrets").mkdir()
        (folder / "secrets" / "tryton_password").write_text(PASSWORD)
        provision_ledger(SPECIFICATION, folder / "ledger", PASSWORD)
        ledger = Ledger(folder / "ledger", start_server(folder / "ledger"), folder)
        try:
            burned = push_through_fire(ledger, folder, journals, fire, LONGEST_SECONDS)
        finally:
            stop(ledger.server.process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(burned)
    for reason in burned.reasons:
        print(f"  {reason}")
    print(f"{journals} journals: {burned.posted} posted once and verified, {burned.twice} twice, {journals - burned.posted} missing")
    good = burned.states == {State.VERIFIED: journals} and (burned.moves, burned.posted, burned.twice) == (journals, journals, 0)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
