"""A home folder to deliver into, and its warehouse."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from reverse_etl.landing import LandingReport, land
from reverse_etl.settings import Settings
from reverse_etl.warehouse import Warehouse

DAY = "2026-01-05"


@dataclass(frozen=True)
class Home:
    settings: Settings
    warehouse: Warehouse

    def deliver(self, name: str, content: str | bytes) -> Path:
        """``name`` is relative to the inbox; a name that ends in .gz is compressed."""
        path = self.settings.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    def map(self, source: str, text: str) -> Path:
        path = self.settings.mappings / f"{source}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def land(self, partitions: Sequence[date] | None = None) -> LandingReport:
        return land(self.warehouse, self.settings, partitions)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        return self.warehouse.read(statement).to_pylist()  # type: ignore[no-any-return]

    def count(self, relation: str) -> int:
        return int(self.rows(f"select count(*) as n from {relation}")[0]["n"])


def event(identifier: str, quantity: str = '"1.5"') -> str:
    """One usage event as a line of JSON; ``quantity`` is JSON text."""
    return (
        '{"specversion":"1.0","id":' + json.dumps(identifier) + ',"source":"northlight/gateway/eu-1","type":"io.northlight.usage.recorded.v1",'
        '"subject":"C0001","time":"2026-01-05T10:11:12.123Z","data":{"meter":"api_calls","quantity":' + quantity + "}}"
    )


def lines(*records: str) -> str:
    return "".join(record + "\n" for record in records)
