"""Changes beside each other: what went up to the right, what went down to the left, on one scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagster_project.pages.charts.svg import DIGIT, NARROW, Scale, drawing, fitted, line, rectangle, text, text_width

ROW = 36


@dataclass(frozen=True, slots=True)
class Change:
    """``value`` in minor units; ``shown``: the amount as it is written."""

    label: str
    value: int
    shown: str


def changes(identifier: str, title: str, description: str, entries: Sequence[Change], width: int = NARROW) -> str:
    """One row per change, in its order, the label above its bar."""
    scale = Scale.over((entry.value for entry in entries), 0, width)
    return drawing(identifier, title, description, width, ROW * len(entries) + 2, list(_rows(entries, scale, width)), "changes")


def _rows(entries: Sequence[Change], scale: Scale, width: int) -> Iterator[str]:
    for row, entry in enumerate(entries):
        top = ROW * row + 2
        left, wide = scale.span(0, entry.value)
        yield text(0, top + 13, fitted(entry.label, width - text_width(entry.shown, DIGIT) - 8), "label", "start", entry.label)
        yield text(width, top + 13, entry.shown, "amount", "end")
        yield line(scale.at(0), top + 17, scale.at(0), top + 30, "axis")
        yield rectangle(min(left, scale.end - wide), top + 19, wide, 9, f"bar {'up' if entry.value >= 0 else 'down'}")
