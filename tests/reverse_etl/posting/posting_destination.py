"""A destination over real HTTP, in a process of its own, that counts what it executed and misbehaves on order.

``POST /calls`` executes a list of items ``{"call", "reference", "kind", "body", "key"}``, each once per key for as long as keys are kept;
``POST /look-ups`` finds documents by reference; ``POST /orders`` adds a fault, or ends all (a refusal is none, it stays);
``POST /reset`` begins anew, ``GET /books`` tells everything, ``POST /meddle`` removes a document or changes its total, as somebody there may,
``POST /later`` lets time stand still there but for so many ``seconds`` that pass now.
Faults name a call and a reference (or none = any), and happen ``times``: ``accept_then_500``, ``accept_then_drop``, ``cut_short`` (half the answer),
``omit`` (executed, but the answer to a batch does not mention it), ``fail`` (500 without effect), ``busy`` (429, ``retry_after`` or none), ``slow``
(it executes after ``seconds``, or when the faults are ended), ``reject`` (422), ``die`` (kill -9 of the server, ``executed`` or not). The call
``look-up`` may ``fail`` (403).
What it executed is in a journal, with which it goes on after it died. With ``in_flight_bound`` it executes nothing later than so many seconds
after ``sent_at``, however busy the machine is: that is what a bound means.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DOWN_SECONDS = 0.1


class Books:
    """What the destination holds. A create that is not protected by a key makes another document."""

    def __init__(
        self,
        key_retention: float = 0.0,
        look_up_lag: float = 0.0,
        replays_errors: bool = False,
        in_flight_bound: float | None = None,
        journal: Path | None = None,
    ) -> None:
        self.lock = threading.Lock()
        self.key_retention = key_retention
        self.look_up_lag = look_up_lag
        self.replays_errors = replays_errors
        self.in_flight_bound = in_flight_bound
        self._journal = journal
        self.documents: list[dict[str, Any]] = []
        self.answers: dict[str, tuple[float, int, dict[str, Any]]] = {}
        self.orders: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.requests = 0
        self.stands_at: float | None = None
        self.ended = threading.Event()

    @classmethod
    def reset(cls, promised: dict[str, Any], journal: Path) -> Books:
        journal.write_text(json.dumps({"promised": promised}) + "\n")
        return cls(**promised, journal=journal)

    @classmethod
    def restored(cls, journal: Path) -> Books:
        """What a server that died had executed, and the faults that are still to come."""
        begun, *entries = [json.loads(line) for line in journal.read_text().splitlines()]
        books = cls(**begun["promised"], journal=journal)
        for entry in entries:
            if "order" in entry:
                books.orders.append(entry["order"])
            elif "spent" in entry:
                books.orders[entry["spent"]]["times"] -= 1
            else:
                books._execute(entry["item"], entry["broken"], entry["at"])
        return books

    def keep(self, entry: dict[str, Any]) -> None:
        if self._journal is not None:
            with self._journal.open("a") as stream:
                stream.write(json.dumps(entry) + "\n")

    def now(self) -> float:
        return time.time() if self.stands_at is None else self.stands_at

    def pass_time(self, seconds: float) -> None:
        with self.lock:
            self.stands_at = self.now() + seconds

    def add_order(self, order: dict[str, Any]) -> None:
        with self.lock:
            self.keep({"order": order})
            self.orders.append(order)

    def end_faults(self) -> None:
        with self.lock:
            self.ended.set()
            self.ended = threading.Event()
            for place, order in enumerate(self.orders):
                if order["fault"] != "reject":
                    while order["times"] > 0:
                        self._spent(place)

    def order_for(self, items: list[dict[str, Any]]) -> dict[str, Any] | None:
        with self.lock:
            self.requests += 1
            for place, order in enumerate(self.orders):
                matches = [i for i in items if order.get("call") in (None, i["call"]) and order.get("reference") in (None, i["reference"])]
                if matches and order["times"] > 0:
                    return self._spent(place)
        return None

    def _spent(self, place: int) -> dict[str, Any]:
        self.keep({"spent": place})
        self.orders[place]["times"] -= 1
        return self.orders[place]

    def execute(self, item: dict[str, Any], broken: bool, sent_at: float | None) -> tuple[int, dict[str, Any]]:
        with self.lock:
            if self.in_flight_bound is not None and sent_at is not None and time.time() > sent_at + self.in_flight_bound:
                return 500, {"error": "given up"}
            now = self.now()
            self.keep({"item": item, "broken": broken, "at": now})
            return self._execute(item, broken, now)

    def _execute(self, item: dict[str, Any], broken: bool, now: float) -> tuple[int, dict[str, Any]]:
        key = item["key"]
        stored = self.answers.get(key)
        if stored is not None and now - stored[0] <= self.key_retention:
            return stored[1], stored[2]
        answer = self._perform(item, now)
        kept = (500, {"error": "broken"}) if broken and self.replays_errors else answer
        if self.key_retention > 0:
            self.answers[key] = (now, *kept)
        return answer

    def _perform(self, item: dict[str, Any], now: float) -> tuple[int, dict[str, Any]]:
        self.calls.append({"call": item["call"], "reference": item["reference"], "key": item["key"]})
        if item["call"] in ("create", "update"):
            identifier = f"{item['kind']}-{len(self.documents) + 1}"
            document = {"id": identifier, "reference": item["reference"], "kind": item["kind"], "body": item["body"], "calls": [item["call"]]}
            self.documents.append({**document, "at": now})
            return 200, {"id": identifier}
        document = next((document for document in self.documents if document["id"] == item["body"]["id"]), {})
        if not document:
            return 404, {"error": "no such document"}
        if item["call"] in document["calls"]:
            return 409, {"error": f"{item['call']} was done before"}
        document["calls"].append(item["call"])
        return 200, {"id": document["id"], "number": f"N{document['id']}"}

    def meddle(self, reference: str, total: int | None = None) -> int:
        """What somebody does there by hand: remove a document, or change its total."""
        with self.lock:
            touched = [document for document in self.documents if document["reference"] == reference and not document.get("removed")]
            for document in touched:
                if total is None:
                    document["removed"] = True
                else:
                    document["body"]["total"] = total
            return len(touched)

    def found(self, references: list[str]) -> list[dict[str, Any]] | None:
        """The documents under these references that can be seen by now; None = it fails."""
        with self.lock:
            self.requests += 1
            failing = next((place for place, order in enumerate(self.orders) if order.get("call") == "look-up" and order["times"] > 0), None)
            if failing is not None:
                self._spent(failing)
                return None
            visible = [d for d in self.documents if not d.get("removed") and self.now() - d["at"] >= self.look_up_lag]
            return [d for d in visible if d["reference"] in references]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: the second of two would wait for the first to be acknowledged
    books: Books
    journal: Path

    def do_GET(self) -> None:
        with self.books.lock:
            held = [document for document in self.books.documents if not document.get("removed")]
            content = {"documents": held, "calls": self.books.calls, "requests": self.books.requests}
        self._answer(200, content)

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/reset":
            Handler.books = Books.reset(content, self.journal)
            return self._answer(200, {})
        if self.path == "/orders":
            self.books.end_faults() if content.get("end") else self.books.add_order(content)
            return self._answer(200, {})
        if self.path == "/later":
            self.books.pass_time(content["seconds"])
            return self._answer(200, {})
        if self.path == "/meddle":
            return self._answer(200, {"meddled": self.books.meddle(**content)})
        if self.path == "/look-ups":
            found = self.books.found(content["references"])
            return self._answer(403, {"error": "this must not be read now"}) if found is None else self._answer(200, {"documents": found})
        return self._calls(content["items"], content.get("sent_at"))

    def _calls(self, items: list[dict[str, Any]], sent_at: float | None) -> None:
        books = self.books  # as they are now: a slow request of one test must not reach the books of the next
        ended = books.ended
        order = books.order_for(items)
        fault = order["fault"] if order else None
        refusals: dict[Any, tuple[int, dict[str, Any]]] = {"busy": (429, {}), "reject": (422, {"error": "this is not acceptable"}), "fail": (500, {})}
        if order is not None and fault in refusals:
            return self._answer(*refusals[fault], order.get("retry_after"))
        if order is not None and fault == "slow":
            ended.wait(order["seconds"])
        if order is not None and fault == "die" and not order["executed"]:
            self._die()
        answers = [books.execute(item, fault == "accept_then_500", sent_at) for item in items]
        if fault == "die":
            self._die()
        replies = {item["key"]: reply for item, (status, reply) in zip(items, answers, strict=True) if status == 200}
        if order is not None and fault == "omit":
            replies = {item["key"]: replies[item["key"]] for item in items if item["key"] in replies and item["reference"] != order["reference"]}
        if fault == "accept_then_drop":
            self.close_connection = True
            return None
        if len(items) == 1 and answers[0][0] != 200:
            return self._answer(*answers[0])
        return self._answer(500 if fault == "accept_then_500" else 200, {"replies": replies}, cut_short=fault == "cut_short")

    def _die(self) -> None:
        # First nobody gets a connection any more: one that is made to a dying process would leave its maker in doubt.
        self.server.socket.shutdown(socket.SHUT_RDWR)
        os.kill(os.getpid(), signal.SIGKILL)

    def _answer(self, status: int, content: dict[str, Any], retry_after: float | None = None, *, cut_short: bool = False) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut_short else body)
        self.close_connection = self.close_connection or cut_short

    def log_message(self, format: str, *arguments: Any) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve(server: Server, journal: Path, watched: int) -> None:
    """Serve until this process is killed or the one that watches it ends."""

    def end_with_the_other() -> None:
        os.read(watched, 1)
        os._exit(0)

    threading.Thread(target=end_with_the_other, daemon=True).start()
    Handler.journal, Handler.books = journal, Books.restored(journal)
    server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ready_file", type=Path)
    options = parser.parse_args()
    journal = options.ready_file.with_suffix(".journal")
    Books.reset({}, journal)
    watched, _held = os.pipe()
    port = 0
    while True:
        # Bound anew each time, so that nobody can connect while it is down.
        server = Server(("127.0.0.1", port), Handler)
        port = server.server_port
        process = os.fork()
        if process == 0:
            os.close(_held)
            serve(server, journal, watched)
        server.server_close()
        if not options.ready_file.exists():
            draft = options.ready_file.with_suffix(".draft")
            draft.write_text(f"http://127.0.0.1:{port}")
            draft.replace(options.ready_file)
        os.waitpid(process, 0)
        time.sleep(DOWN_SECONDS)


if __name__ == "__main__":
    main()
