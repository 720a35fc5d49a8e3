"""A destination over real HTTP, in a process of its own, that counts what it executed and misbehaves on order.

``POST /calls`` executes a list of items ``{"call", "reference", "kind", "body", "key"}``, each once per key for as long as keys are kept;
``POST /look-ups`` finds documents by reference; ``POST /orders`` adds a fault, ``POST /reset`` begins anew, ``GET /books`` tells everything.
Faults name a call and a reference (or none = any), and happen ``times``: ``accept_then_500``, ``accept_then_drop``, ``fail`` (500 without effect),
``busy`` (429, ``retry_after`` or none), ``slow`` (``seconds`` before it executes), ``reject`` (422).
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Books:
    """What the destination holds. A create that is not protected by a key makes another document."""

    def __init__(self, key_retention: float = 0.0, look_up_lag: float = 0.0, replays_errors: bool = False) -> None:
        self.lock = threading.Lock()
        self.key_retention = key_retention
        self.look_up_lag = look_up_lag
        self.replays_errors = replays_errors
        self.documents: list[dict[str, Any]] = []
        self.answers: dict[str, tuple[float, int, dict[str, Any]]] = {}
        self.orders: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.requests = 0

    def order_for(self, items: list[dict[str, Any]]) -> dict[str, Any] | None:
        with self.lock:
            self.requests += 1
            for order in self.orders:
                matches = [i for i in items if order.get("call") in (None, i["call"]) and order.get("reference") in (None, i["reference"])]
                if matches and order["times"] > 0:
                    order["times"] -= 1
                    return order
        return None

    def execute(self, item: dict[str, Any], broken: bool) -> tuple[int, dict[str, Any]]:
        with self.lock:
            key, now = item["key"], time.time()
            stored = self.answers.get(key)
            if stored is not None and now - stored[0] <= self.key_retention:
                return stored[1], stored[2]
            answer = self._perform(item)
            kept = (500, {"error": "broken"}) if broken and self.replays_errors else answer
            if self.key_retention > 0:
                self.answers[key] = (now, *kept)
            return answer

    def _perform(self, item: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.calls.append({"call": item["call"], "reference": item["reference"], "key": item["key"]})
        if item["call"] in ("create", "update"):
            identifier = f"{item['kind']}-{len(self.documents) + 1}"
            document = {"id": identifier, "reference": item["reference"], "kind": item["kind"], "body": item["body"], "calls": [item["call"]]}
            self.documents.append({**document, "at": time.time()})
            return 200, {"id": identifier}
        document = next((document for document in self.documents if document["id"] == item["body"]["id"]), {})
        if not document:
            return 404, {"error": "no such document"}
        if item["call"] in document["calls"]:
            return 409, {"error": f"{item['call']} was done before"}
        document["calls"].append(item["call"])
        return 200, {"id": document["id"], "number": f"N{document['id']}"}

    def found(self, references: list[str]) -> list[dict[str, Any]]:
        with self.lock:
            self.requests += 1
            return [d for d in self.documents if d["reference"] in references and time.time() - d["at"] >= self.look_up_lag]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: the second of two would wait for the first to be acknowledged
    books: Books

    def do_GET(self) -> None:
        with self.books.lock:
            content = {"documents": self.books.documents, "calls": self.books.calls, "requests": self.books.requests}
        self._answer(200, content)

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/reset":
            Handler.books = Books(**content)
            return self._answer(200, {})
        if self.path == "/orders":
            self.books.orders.append(content)
            return self._answer(200, {})
        if self.path == "/look-ups":
            return self._answer(200, {"documents": self.books.found(content["references"])})
        return self._calls(content["items"])

    def _calls(self, items: list[dict[str, Any]]) -> None:
        books = self.books  # as they are now: a slow request of one test must not reach the books of the next
        order = books.order_for(items)
        fault = order["fault"] if order else None
        refusals: dict[Any, tuple[int, dict[str, Any]]] = {"busy": (429, {}), "reject": (422, {"error": "this is not acceptable"}), "fail": (500, {})}
        if order is not None and fault in refusals:
            return self._answer(*refusals[fault], order.get("retry_after"))
        if order is not None and fault == "slow":
            time.sleep(order["seconds"])
        answers = [books.execute(item, fault == "accept_then_500") for item in items]
        replies = {item["key"]: reply for item, (status, reply) in zip(items, answers, strict=True) if status == 200}
        if fault == "accept_then_drop":
            self.close_connection = True
            return None
        if len(items) == 1 and not replies:
            return self._answer(*answers[0])
        return self._answer(500 if fault == "accept_then_500" else 200, {"replies": replies})

    def _answer(self, status: int, content: dict[str, Any], retry_after: float | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ready_file", type=Path)
    options = parser.parse_args()
    Handler.books = Books()
    server = Server(("127.0.0.1", 0), Handler)
    draft = options.ready_file.with_suffix(".draft")
    draft.write_text(f"http://127.0.0.1:{server.server_port}")
    draft.replace(options.ready_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
