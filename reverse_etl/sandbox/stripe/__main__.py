"""``python -m reverse_etl.sandbox.stripe``: run the stand-in until it is terminated."""

from __future__ import annotations

import argparse
from pathlib import Path

from reverse_etl.sandbox.serving import serve
from reverse_etl.sandbox.stripe.engine import DEFAULT_KEY_RETENTION_SECONDS, Engine
from reverse_etl.sandbox.stripe.server import StripeServer
from reverse_etl.sandbox.stripe.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m reverse_etl.sandbox.stripe", description="A stand-in for Stripe's invoice API on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that keeps everything across restarts")
    parser.add_argument("--ready-file", type=Path, required=True, help='gets {"url", "pid"} once it answers')
    parser.add_argument("--requests-per-second", type=float, default=None, help="answer 429 beyond this rate (default: no limit)")
    parser.add_argument("--endpoint-requests-per-second", type=float, default=None, help="the same for each endpoint (Stripe: 25)")
    parser.add_argument("--api-key-file", type=Path, default=None, help="the key to accept (default: any that begins with sk_)")
    parser.add_argument("--key-retention-seconds", type=float, default=DEFAULT_KEY_RETENTION_SECONDS, help="how long idempotency keys are kept")
    options = parser.parse_args()

    api_key = options.api_key_file.read_text().strip() if options.api_key_file else None
    options.state.parent.mkdir(parents=True, exist_ok=True)
    store = Store(options.state)
    engine = Engine(store, options.key_retention_seconds)
    server = StripeServer(engine, api_key, options.requests_per_second, options.endpoint_requests_per_second)
    try:
        serve(lambda url: server.application(), options.port, options.ready_file)
    finally:
        store.close()


if __name__ == "__main__":
    main()
