"""``python -m reverse_etl.sandbox.stripe``: run the stand-in until it is terminated."""

from __future__ import annotations

import argparse
import json
import os
import socket
from pathlib import Path

import uvicorn

from reverse_etl.sandbox.stripe.engine import DEFAULT_KEY_RETENTION_SECONDS, Engine
from reverse_etl.sandbox.stripe.server import StripeServer
from reverse_etl.sandbox.stripe.store import Store

HOST = "127.0.0.1"


class ReadyServer(uvicorn.Server):
    """Writes the ready file once it answers requests."""

    def __init__(self, config: uvicorn.Config, ready_file: Path, url: str) -> None:
        super().__init__(config)
        self._ready_file = ready_file
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready_file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._ready_file.with_name(f"{self._ready_file.name}.{os.getpid()}")
        draft.write_text(json.dumps({"url": self._url, "pid": os.getpid()}))
        draft.replace(self._ready_file)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m reverse_etl.sandbox.stripe", description="A stand-in for Stripe's invoice API on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that keeps everything across restarts")
    parser.add_argument("--ready-file", type=Path, required=True, help='gets {"url", "pid"} once it answers')
    parser.add_argument("--requests-per-second", type=float, default=None, help="answer 429 beyond this rate (default: no limit)")
    parser.add_argument("--api-key-file", type=Path, default=None, help="the key to accept (default: any that begins with sk_)")
    parser.add_argument("--key-retention-seconds", type=float, default=DEFAULT_KEY_RETENTION_SECONDS, help="how long idempotency keys are kept")
    options = parser.parse_args()

    api_key = options.api_key_file.read_text().strip() if options.api_key_file else None
    options.state.parent.mkdir(parents=True, exist_ok=True)
    store = Store(options.state)
    server = StripeServer(Engine(store, options.key_retention_seconds), api_key, options.requests_per_second)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, options.port))
    config = uvicorn.Config(
        server.application(),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    try:
        ReadyServer(config, options.ready_file, f"http://{HOST}:{listener.getsockname()[1]}").run(sockets=[listener])
    finally:
        store.close()


if __name__ == "__main__":
    main()
