"""Who is told: a webhook on the loopback interface that takes what is signed as agreed, and remembers what it was told."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whoever is told knows this"
CHANNEL = "drills"


class Webhook:
    """``told``: the alerts in the order in which they came, each with its event (raised, grew, reminder, over)."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time, _, signature = str(self.headers["Tieout-Signature"]).removeprefix("t=").partition(",v1=")
                signed = hmac.compare_digest(hmac.new(SECRET.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest(), signature)
                if signed:
                    webhook.told += json.loads(body)["alerts"]
                self.send_response(204 if signed else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def settings(self) -> dict[str, Any]:
        """What ``alerts`` of tieout.yaml says of it."""
        url = f"http://127.0.0.1:{self._server.server_port}/"
        network = {"allow_plain_http": True, "allow_private_addresses": True}
        secret = {"file": f"secrets/{CHANNEL}"}
        return {"channels": {CHANNEL: {"kind": "webhook", "url": url, "signing_secret": secret, "network": network, "minimum_severity": "info"}}}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def standing(self) -> list[dict[str, Any]]:
        """What holds, as far as it was told."""
        latest = {alert["identity"]: alert for alert in self.told}
        return [alert for alert in latest.values() if alert["event"] != "over"]
