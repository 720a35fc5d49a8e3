"""The destination of the soak, in a process of its own: a ledger without idempotency keys whose entries come in batches of independent items.

It behaves as ERPs do whose API takes batches (Dynamics 365 Business Central: ``$batch`` of up to 100 requests, each with its own answer), and
forgives nothing: whatever is sent twice is there twice. ``POST /batches`` takes ``{"items": [{"reference", "amount_minor"}]}`` and answers
``{"results": {reference: {"id"}}}``; ``POST /look-ups`` takes ``{"references": [...]}``. A share of the requests fails, in one way after the other:

- executed, then 500; executed, then the connection breaks; executed, and the answer is cut off
- half of the items executed, and only they are answered; executed half, then 500
- 500, 503, 429 with Retry-After and a broken connection without any effect

``GET /counts`` tells how many entries, distinct references and faults there are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

FAULTS = (
    "accept_then_500",
    "accept_then_drop",
    "accept_then_cut",
    "answer_half",
    "half_then_500",
    "fail",
    "unavailable",
    "busy",
    "drop",
)
REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class Ledger:
    """Reference -> amount, and those that are there more than once."""

    def __init__(self, share_of_faults: float) -> None:
        self.amounts: dict[str, int] = {}
        self.again: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.entries = 0
        self.requests = 0
        self._share = share_of_faults
        self._random = random.Random(5)
        self._turn = 0

    def fault(self) -> str | None:
        self.requests += 1
        if self._random.random() >= self._share:
            return None
        self._turn += 1
        kind = FAULTS[self._turn % len(FAULTS)]
        self.faults[kind] += 1
        return kind

    def execute(self, items: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
        results = {}
        for item in items:
            reference = item["reference"]
            if reference in self.amounts:
                self.again[reference] += 1
            self.amounts[reference] = item["amount_minor"]
            self.entries += 1
            results[reference] = {"id": f"E{self.entries}"}
        return results


class Connection(asyncio.Protocol):
    ledger: Ledger
    latency: float

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        request, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(self._received) < end + 4 + length:
            return
        body = bytes(self._received[end + 4 : end + 4 + length])
        self._received.clear()
        self._perform(request.split(" ")[1], body)

    def _perform(self, path: str, body: bytes) -> None:
        ledger = self.ledger
        if path == "/counts":
            again = {"requests": ledger.requests, "entries": ledger.entries, "distinct": len(ledger.amounts)}
            return self._answer(200, {**again, "total_minor": sum(ledger.amounts.values()), "faults": dict(ledger.faults)})
        fault = ledger.fault()
        if path == "/look-ups":
            if fault is not None:
                return self._answer(500, {"error": fault})
            found = {r: [ledger.amounts[r], ledger.again[r]] for r in json.loads(body)["references"] if r in ledger.amounts}
            return self._answer(200, {"entries": found})
        if path != "/batches":
            return self._answer(404, {})
        return self._batch(json.loads(body)["items"], fault)

    def _batch(self, items: list[dict[str, Any]], fault: str | None) -> None:
        if fault in ("fail", "unavailable", "busy"):
            status = {"fail": 500, "unavailable": 503, "busy": 429}[fault]
            return self._answer(status, {"error": fault}, retry_after=0.2 if fault != "fail" else None)
        if fault == "drop":
            return self._transport.close()
        executed = items[: len(items) // 2] if fault in ("answer_half", "half_then_500") else items
        results = self.ledger.execute(executed)
        if fault == "accept_then_drop":
            return self._transport.close()
        if fault in ("accept_then_500", "half_then_500"):
            return self._answer(500, {"error": fault})
        return self._answer(200, {"results": results}, cut=fault == "accept_then_cut")

    def _answer(self, status: int, content: dict[str, Any], *, retry_after: float | None = None, cut: bool = False) -> None:
        body = json.dumps(content).encode()
        asked = f"Retry-After: {retry_after:g}\r\n" if retry_after is not None else ""
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n{asked}Content-Length: {len(body)}\r\n\r\n".encode()
        asyncio.get_running_loop().call_later(self.latency, self._write, head + (body[: len(body) // 2] if cut else body), cut)

    def _write(self, answer: bytes, cut: bool) -> None:
        self._transport.write(answer)
        if cut:
            self._transport.close()


async def serve(ready_file: Path) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=128)
    draft = ready_file.with_suffix(".draft")
    draft.write_text(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    draft.replace(ready_file)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ready_file", type=Path)
    parser.add_argument("--faults", type=float, default=0.01)
    parser.add_argument("--latency", type=float, default=0.02)
    options = parser.parse_args()
    Connection.ledger, Connection.latency = Ledger(options.faults), options.latency
    asyncio.run(serve(options.ready_file))


if __name__ == "__main__":
    main()
