"""The destination of the bench: a small JSON API with a fixed latency, in a process of its own, that counts what it executed.

``POST /documents`` creates a document (``document`` names it to whoever counts, ``reference`` to whoever looks it up); the answer to an
``Idempotency-Key`` is kept for ever, and replayed. ``POST /batches`` creates many, each item for itself. ``GET /documents?references=a,b`` finds
documents at once. ``POST /reset`` begins anew under other conditions, ``GET /counts`` tells what was counted. Like the APIs that it stands in for
it answers 429 with Retry-After beyond its limit (a token bucket), 422 to what it never takes, and on order commits a document and then answers 500.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LATENCY_SECONDS = 0.02
BURST_SECONDS = 0.2
REASONS = {200: "OK", 201: "Created", 404: "Not Found", 422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error"}

Answer = tuple[int, bytes, float]
"""Status, body, and the seconds of Retry-After (0 = no such header)."""


@dataclass(frozen=True)
class Conditions:
    """``requests_per_second``: None = no limit. The shares are of documents, chosen by the hash of their name: every client meets the same ones."""

    requests_per_second: float | None = None
    accepted_then_500: float = 0.0
    poison: float = 0.0
    latency: float = LATENCY_SECONDS


@dataclass
class Counts:
    """``wasted``: writes that were refused for the limit, or of a document that was there or refused already."""

    documents: int = 0
    distinct: int = 0
    writes: int = 0
    look_ups: int = 0
    limited: int = 0
    wasted: int = 0
    first: float | None = None
    last: float | None = None


@dataclass
class Ledger:
    conditions: Conditions = field(default_factory=Conditions)
    counts: Counts = field(default_factory=Counts)
    created: Counter[str] = field(default_factory=Counter)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: float = 0.0
    refilled: float = 0.0

    def admit(self, now: float) -> float:
        """Seconds until the limit takes another request; 0 = taken."""
        rate = self.conditions.requests_per_second
        if rate is None:
            return 0.0
        capacity = rate * BURST_SECONDS
        self.tokens = min(capacity, self.tokens + (now - self.refilled) * rate) if self.refilled else capacity
        self.refilled = now
        if self.tokens < 1:
            return max(1.0, (1 - self.tokens) / rate)
        self.tokens -= 1
        return 0.0

    def create(self, document: dict[str, Any], key: str | None) -> tuple[int, bytes]:
        name = str(document["document"])
        if self.created[name] or name in self.refused:
            self.counts.wasted += 1
        if key is not None and key in self.answers:
            return self.answers[key]
        if share(name, "poison") < self.conditions.poison:
            self.refused.add(name)
            return 422, b'{"error":"the account is unknown"}'
        self.counts.documents += 1
        self.counts.distinct += not self.created[name]
        self.created[name] += 1
        self.bodies.setdefault(str(document["reference"]), document)
        answer = 201, json.dumps({"id": f"D{self.counts.documents}", "reference": document["reference"]}).encode()
        if key is not None:
            self.answers[key] = answer
        if name not in self.failed and share(name, "500") < self.conditions.accepted_then_500:
            self.failed.add(name)
            return 500, b'{"error":"broken after the commit"}'
        return answer

    def find(self, references: list[str]) -> bytes:
        found = [{"id": f"D-{r}", **self.bodies[r], "copies": self.created[self.bodies[r]["document"]]} for r in references if r in self.bodies]
        return json.dumps({"documents": found}).encode()


def share(name: str, salt: str) -> float:
    return int.from_bytes(hashlib.sha256(f"{salt}:{name}".encode()).digest()[:4], "big") / 2**32


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request at a time, bodies with a Content-Length: as much as clients of an API use."""

    ledger = Ledger()

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            request, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._received = rest[length:]
            method, target, _ = request.split(" ")
            latency = self.ledger.conditions.latency
            status, body, retry_after = self._perform(method, target, headers, rest[:length])
            if target.startswith(("/reset", "/counts")):
                latency = 0.0
            asyncio.get_running_loop().call_later(latency, self._answer, status, body, retry_after)

    def _perform(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        parts, ledger = urlsplit(target), self.ledger
        if parts.path == "/reset":
            given = json.loads(body)
            Connection.ledger = Ledger(Conditions(**{name: value for name, value in given.items() if name in {f.name for f in fields(Conditions)}}))
            return 200, b"{}", 0.0
        if parts.path == "/counts":
            return 200, json.dumps(asdict(ledger.counts)).encode(), 0.0
        counts, now = ledger.counts, time.monotonic()
        counts.first, counts.last = counts.first or now, now
        wait = ledger.admit(now)
        if wait:
            counts.limited += 1
            counts.wasted += 1
            return 429, b'{"error":"too many requests"}', wait
        if method == "GET" and parts.path == "/documents":
            counts.look_ups += 1
            return 200, ledger.find(parse_qs(parts.query)["references"][0].split(",")), 0.0
        if method == "POST" and parts.path == "/documents":
            counts.writes += 1
            return *ledger.create(json.loads(body), headers.get("idempotency-key")), 0.0
        return 404, b"{}", 0.0

    def _answer(self, status: int, body: bytes, retry_after: float) -> None:
        limited = f"Retry-After: {retry_after:.0f}\r\n" if retry_after else ""
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n{limited}Content-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def serve(ready_file: Path) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=256)
    draft = ready_file.with_suffix(".draft")
    draft.write_text(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    draft.replace(ready_file)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ready_file", type=Path)
    asyncio.run(serve(parser.parse_args().ready_file))


if __name__ == "__main__":
    main()
