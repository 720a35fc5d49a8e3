"""``python -m reverse_etl.sandbox.netsuite``: run the stand-in until it is terminated."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from reverse_etl.sandbox.netsuite.authorization import Credentials
from reverse_etl.sandbox.netsuite.journals import FIRST_OPEN
from reverse_etl.sandbox.netsuite.server import NetSuiteServer
from reverse_etl.sandbox.netsuite.store import Store
from reverse_etl.sandbox.serving import serve
from reverse_etl.sandbox.tryton.specification import LedgerSpecification


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m reverse_etl.sandbox.netsuite", description="A stand-in for NetSuite's REST web services on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that keeps everything across restarts")
    parser.add_argument("--specification", type=Path, required=True, help="JSON of the subsidiaries, accounts, currencies and years that there are")
    parser.add_argument("--ready-file", type=Path, required=True, help='gets {"url", "pid"} once it answers')
    parser.add_argument("--credentials", type=Path, default=None, help="JSON of the account and its token (default: whoever names himself is let in)")
    parser.add_argument("--concurrency", type=int, default=5, help="answer 429 beyond so many requests at once")
    parser.add_argument(
        "--closed-period", choices=("refuse", FIRST_OPEN), default="refuse", help="what is done with what is dated into a closed period"
    )
    options = parser.parse_args()

    credentials = Credentials(**json.loads(options.credentials.read_text())) if options.credentials else None
    options.state.parent.mkdir(parents=True, exist_ok=True)
    store = Store(options.state)
    store.provide(LedgerSpecification.from_json(options.specification.read_text()))
    try:
        serve(
            lambda url: NetSuiteServer(store, options.state, url, credentials, options.concurrency, options.closed_period).application(),
            options.port,
            options.ready_file,
        )
    finally:
        store.close()


if __name__ == "__main__":
    main()
