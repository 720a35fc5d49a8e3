"""A small ledger with a JSON API that Tieout has never heard of, for the guide that connects one.

    python journal_service.py start FOLDER     # answers at the address in FOLDER/url, with the key in FOLDER/key, until it is stopped
    python journal_service.py stop FOLDER

Customers are put under a code of the caller's. Entries are made once per Idempotency-Key, balance, and use accounts that exist. FOLDER/state.json
keeps it all.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import defaultdict
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

EMPTY: dict[str, Any] = {"accounts": {}, "customers": {}, "entries": [], "keys": {}}
Answer = tuple[int, Any]


class Journal:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "state.json"
        self._lock = Lock()
        self._state = json.loads(self._path.read_text()) if self._path.is_file() else json.loads(json.dumps(EMPTY))

    def answer(self, method: str, path: str, query: dict[str, str], key: str | None, body: Any) -> Answer:
        place = path.strip("/").split("/")
        with self._lock:
            return self._read(place, query) if method == "GET" else self._written(method, place, key, body)

    def _read(self, place: list[str], query: dict[str, str]) -> Answer:
        match place:
            case ["me"]:
                return 200, {"name": "Brightwave GmbH"}
            case ["customers"]:
                return 200, {"customers": self._named(list(self._state["customers"].values()), query)}
            case ["entries"]:
                found = [entry for entry in self._named(self._state["entries"], query) if _within(entry, query)]
                return 200, {"entries": found, "count": len(found)}
            case ["totals"]:
                return 200, {"accounts": self._totals(query)}
        return 404, _error("not_found", "/".join(place))

    def _written(self, method: str, place: list[str], key: str | None, body: Any) -> Answer:
        match method, place:
            case "PUT", ["customers", code]:
                self._state["customers"][code] = {"code": code, **body}
                return self._kept(200, self._state["customers"][code])
            case "POST", ["accounts"]:
                self._state["accounts"][body["code"]] = body
                return self._kept(201, body)
            case "POST", ["entries"]:
                return self._enter(key, body)
        return 404, _error("not_found", "/".join(place))

    def _enter(self, key: str | None, body: Any) -> Answer:
        known = self._state["keys"].get(key)
        if known is not None:
            return 201, self._state["entries"][known - 1]
        lines = body["lines"]
        unknown = sorted({line["account"] for line in lines} - set(self._state["accounts"]))
        if unknown:
            return 422, _error("unknown_account", f"there is no account {', '.join(unknown)}")
        if sum(Decimal(line["debit"] or 0) - Decimal(line["credit"] or 0) for line in lines) != 0:
            return 422, _error("unbalanced", "debits and credits differ")
        number = len(self._state["entries"]) + 1
        self._state["entries"].append({"id": number, "number": f"J-{number:05d}", "state": "booked", **body})
        self._state["keys"][key or f"none-{number}"] = number
        return self._kept(201, self._state["entries"][-1])

    def _named(self, found: list[Any], query: dict[str, str]) -> list[Any]:
        return [one for one in found if "references" not in query or one["reference"] in query["references"].split(",")]

    def _totals(self, query: dict[str, str]) -> list[Any]:
        sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for line in (line for entry in self._state["entries"] if _within(entry, query) for line in entry["lines"]):
            for side, amount in enumerate((line["debit"], line["credit"])):
                sums[line["account"]][side] += Decimal(amount or 0)
        return [{"account": account, "debit": str(debit), "credit": str(credit)} for account, (debit, credit) in sorted(sums.items())]

    def _kept(self, status: int, answer: Any) -> Answer:
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps(self._state))
        draft.replace(self._path)
        return status, answer


def _within(entry: Any, query: dict[str, str]) -> bool:
    return query.get("from", "") <= entry["date"] <= query.get("to", "9999")


def _error(code: str, message: str) -> Any:
    return {"error": {"code": code, "message": message}}


def serve(folder: Path) -> None:
    journal, secret = Journal(folder), (folder / "key").read_text()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = 401, _error("unauthorized", "wrong key")
            if self.headers.get("Authorization") == f"Bearer {secret}":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                key = self.headers.get("Idempotency-Key")
                status, answer = journal.answer(self.command, unquote(parts.path), query, key, json.loads(content) if content else None)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    address = folder / "url"
    # A ledger stays where it was.
    port = urlsplit(address.read_text()).port if address.is_file() else 0
    server = ThreadingHTTPServer(("127.0.0.1", port or 0), Handler)
    address.write_text(f"http://127.0.0.1:{server.server_port}")
    (folder / "pid").write_text(str(os.getpid()))
    server.serve_forever()


def start(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "key").is_file():
        (folder / "key").write_text(secrets.token_hex(16))
    (folder / "pid").unlink(missing_ok=True)
    with (folder / "log").open("a") as log:
        process = subprocess.Popen([sys.executable, __file__, "serve", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    while not (folder / "pid").is_file():
        if process.poll() is not None:
            sys.exit(f"it did not start; see {folder / 'log'}")
        time.sleep(0.05)
    print(f"The ledger answers at {(folder / 'url').read_text()}")


def stop(folder: Path) -> None:
    os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    (folder / "pid").unlink()
    print("The ledger is stopped")


if __name__ == "__main__":
    {"start": start, "stop": stop, "serve": serve}[sys.argv[1]](Path(sys.argv[2]))
