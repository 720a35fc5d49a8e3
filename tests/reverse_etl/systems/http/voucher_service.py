"""Stands in for a small ledger nobody has heard of: a real server with names, envelopes and habits of its own.

Vouchers are made open and then finished. Every answer is ``{"done", "payload"}`` or ``{"done": false, "fault"}``; business faults have status 200,
a known request number is 409 with the voucher it made, and so is finishing twice. Amounts are JSON numbers. Lists have two vouchers a page.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from loopback import QuietHandler, listening

KEY = "ledger-key-0123456789"
CODES = {"AR", "4000", "2200"}
PAGE = 2


class Ledger:
    """``faults``: what to do to the next writing requests: ``busy``, ``accept_then_500``, ``accept_then_drop``, ``redirect``."""

    def __init__(self) -> None:
        self.vouchers: list[dict[str, Any]] = []
        self.partners: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        self.faults: list[str] = []
        self.writes = 0
        self.traceparents: list[str | None] = []
        self.url = ""
        self.lock = threading.Lock()

    def counts(self) -> Counter[str]:
        return Counter(voucher["externalNo"] for voucher in self.vouchers)

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: Any) -> tuple[int, Any]:
        with self.lock:
            if headers.get("X-Ledger-Key") != KEY:
                return 401, fault("WHO_ARE_YOU")
            place = path.removeprefix("/api/2/").split("/")
            if method == "GET":
                return self._read(place, path, query)
            match (method, place):
                case ("PUT", ["partners", code]):
                    self.partners[code] = {"code": code, **body}
                    return 200, done({"partner": self.partners[code]})
                case ("POST", ["vouchers"]):
                    return self._create(headers.get("X-Request-No"), query.get("client"), body)
                case ("POST", ["vouchers", number, "finish"]):
                    return self._finish(number)
            return 404, fault("NO_SUCH_PLACE")

    def _read(self, place: list[str], path: str, query: dict[str, str]) -> tuple[int, Any]:
        match place:
            case ["me"]:
                return 200, done({})
            case ["partners"]:
                wanted = query["externalNo"].split(",")
                return 200, done({"partners": [partner for partner in self.partners.values() if partner["externalNo"] in wanted]})
            case ["vouchers"]:
                return 200, done(self._list(path, query))
            case ["turnover"]:
                return 200, done({"codes": self._turnover(query)})
        return 404, fault("NO_SUCH_PLACE")

    def _create(self, key: str | None, client: str | None, body: dict[str, Any]) -> tuple[int, Any]:
        if client != "N1" or set(body) != {"externalNo", "day", "ccy", "note", "rows"}:
            return 400, fault("BAD_FIELD")
        if key in self.keys:
            return 409, fault("KNOWN_KEY", voucher={"no": self.keys[key]["no"]})
        partners = {row["partner"] for row in body["rows"] if "partner" in row}
        if not {row["code"] for row in body["rows"]} <= CODES or not partners <= set(self.partners):
            return 200, fault("UNKNOWN_CODE")
        if sum(row.get("dr", 0) - row.get("cr", 0) for row in body["rows"]) != 0:
            return 200, fault("UNEVEN")
        voucher = {"no": f"V-{len(self.vouchers) + 1}", "state": "open", "changed": "2026-02-01T10:00:00", **body}
        self.vouchers.append(voucher)
        self.keys[key or ""] = voucher
        return 200, done({"voucher": voucher})

    def _finish(self, number: str) -> tuple[int, Any]:
        voucher = next((found for found in self.vouchers if found["no"] == number), None)
        if voucher is None:
            return 404, fault("NO_SUCH_VOUCHER")
        if voucher["state"] == "final":
            return 409, fault("ALREADY_FINAL", voucher={"no": number})
        voucher["state"] = "final"
        return 200, done({"voucher": voucher})

    def _list(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        wanted = query.get("externalNo")
        found = [
            voucher
            for voucher in self.vouchers
            if (wanted is None or voucher["externalNo"] in wanted.split(",")) and query.get("from", "") <= voucher["day"] <= query.get("to", "9")
        ]
        start = int(query.get("start", 0))
        more = f"{self.url}{path}?{urlencode({**query, 'start': start + PAGE})}" if start + PAGE < len(found) else None
        return {"vouchers": found[start : start + PAGE], "total": len(found), "more": more}

    def _turnover(self, query: dict[str, str]) -> list[dict[str, Any]]:
        sums: defaultdict[str, dict[str, Decimal]] = defaultdict(lambda: {"dr": Decimal(0), "cr": Decimal(0)})
        for row in (row for v in self.vouchers if query["from"] <= v["day"] <= query["to"] and v["state"] == "final" for row in v["rows"]):
            for side in ("dr", "cr"):
                sums[row["code"]][side] += row.get(side, 0)
        return [{"code": code, **sides} for code, sides in sums.items()]


def done(payload: Any) -> Any:
    return {"done": True, "payload": payload}


def fault(code: str, **more: Any) -> Any:
    return {"done": False, "fault": {"code": code, **more}}


@contextmanager
def voucher_service() -> Iterator[Ledger]:
    ledger = Ledger()

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(content, parse_float=Decimal) if content else None
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            ledger.traceparents.append(self.headers.get("traceparent"))
            chosen = None
            if self.command != "GET":
                ledger.writes += 1
                chosen = ledger.faults.pop(0) if ledger.faults else None
            if chosen == "busy":
                self._say(200, fault("TRY_LATER"), Retry_After="0.05")
            elif chosen == "redirect":
                self._say(307, {}, Location=self.path)
            else:
                status, answer = ledger.answer(self.command, unquote(parts.path), query, self.headers, body)
                if chosen == "accept_then_drop":
                    self.close_connection = True
                elif chosen == "accept_then_500":
                    self._say(500, {"oops": True})
                else:
                    self._say(status, answer)

        do_GET = do_PUT = do_POST

        def _say(self, status: int, content: Any, **headers: str) -> None:
            body = json.dumps(content, default=float).encode()
            self.answer(status, body, **headers)

    with listening(Handler) as ledger.url:
        yield ledger
