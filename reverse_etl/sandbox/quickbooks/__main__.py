"""``python -m reverse_etl.sandbox.quickbooks``: run the stand-in until it is terminated."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from reverse_etl.sandbox.quickbooks.accounting.books import provide
from reverse_etl.sandbox.quickbooks.authorization import Credentials
from reverse_etl.sandbox.quickbooks.engine import REQUEST_RETENTION_SECONDS, Engine
from reverse_etl.sandbox.quickbooks.server import Limits, QuickBooksServer
from reverse_etl.sandbox.quickbooks.store import Store
from reverse_etl.sandbox.serving import serve
from reverse_etl.sandbox.tryton.specification import LedgerSpecification


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m reverse_etl.sandbox.quickbooks", description="A stand-in for QuickBooks Online on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that keeps everything across restarts")
    parser.add_argument("--specification", type=Path, required=True, help="JSON of the companies and accounts that there are")
    parser.add_argument("--ready-file", type=Path, required=True, help='gets {"url", "pid"} once it answers')
    parser.add_argument("--credentials", type=Path, default=None, help="JSON of the app and its refresh token (default: any bearer token)")
    parser.add_argument("--unlimited", action="store_true", help="answer any number of requests")
    parser.add_argument("--request-retention-seconds", type=float, default=REQUEST_RETENTION_SECONDS, help="how long request ids are remembered")
    options = parser.parse_args()

    credentials = Credentials(**json.loads(options.credentials.read_text())) if options.credentials else None
    options.state.parent.mkdir(parents=True, exist_ok=True)
    store = Store(options.state)
    provide(store, LedgerSpecification.from_json(options.specification.read_text()))
    limits = Limits(None, None, None) if options.unlimited else Limits()
    server = QuickBooksServer(Engine(store, options.request_retention_seconds), credentials, limits)
    try:
        serve(lambda url: server.application(), options.port, options.ready_file)
    finally:
        store.close()


if __name__ == "__main__":
    main()
