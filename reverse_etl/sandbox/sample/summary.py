"""What a sample contains: the figures that a close of it must find."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class MonthCounts:
    """Event lines by what becomes of them. ``received = kept + duplicates + sum(quarantined)``; ``late`` is a part of ``kept``."""

    received: int
    kept: int
    late: int
    duplicates: int
    quarantined: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """``total`` and ``by_landing_month`` (``YYYY-MM`` of the partition) count lines; ``kept_quantity`` is meter -> service month in the
    customer's time zone -> decimal string, corrections included; ``corrections`` counts the explicit ones."""

    seed: int
    events: int
    files: int
    customers: int
    corrections: int
    total: MonthCounts
    by_landing_month: Mapping[str, MonthCounts]
    kept_quantity: Mapping[str, Mapping[str, str]]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")
