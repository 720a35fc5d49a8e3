"""``python -m reverse_etl.sandbox.xero``: run the stand-in until it is terminated."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from reverse_etl.sandbox.serving import serve
from reverse_etl.sandbox.tryton.specification import LedgerSpecification
from reverse_etl.sandbox.xero.authorization import Credentials
from reverse_etl.sandbox.xero.engine import KEY_RETENTION_SECONDS, Engine
from reverse_etl.sandbox.xero.server import XeroServer
from reverse_etl.sandbox.xero.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m reverse_etl.sandbox.xero", description="A stand-in for Xero's Accounting API on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that keeps everything across restarts")
    parser.add_argument("--specification", type=Path, required=True, help="JSON of the organisations and accounts that there are")
    parser.add_argument("--ready-file", type=Path, required=True, help='gets {"url", "pid"} once it answers')
    parser.add_argument("--credentials", type=Path, default=None, help="JSON of the app and its refresh token (default: any bearer token)")
    parser.add_argument("--calls-per-minute", type=int, default=60, help="answer 429 beyond so many calls of one organisation a minute")
    parser.add_argument("--calls-per-day", type=int, default=5000, help="answer 429 beyond so many calls of one organisation a day")
    parser.add_argument("--key-retention-seconds", type=float, default=KEY_RETENTION_SECONDS, help="how long idempotency keys are kept")
    options = parser.parse_args()

    credentials = Credentials(**json.loads(options.credentials.read_text())) if options.credentials else None
    options.state.parent.mkdir(parents=True, exist_ok=True)
    store = Store(options.state)
    store.provide(LedgerSpecification.from_json(options.specification.read_text()))
    server = XeroServer(Engine(store, options.key_retention_seconds), credentials, options.calls_per_minute, options.calls_per_day)
    try:
        serve(lambda url: server.application(), options.port, options.ready_file)
    finally:
        store.close()


if __name__ == "__main__":
    main()
