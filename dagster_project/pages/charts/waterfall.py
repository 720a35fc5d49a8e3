"""A waterfall that runs down the page: levels from zero, and between them what leads from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dagster_project.pages.charts.svg import DIGIT, NARROW, Scale, drawing, fitted, line, rectangle, text, text_width

GAP = 14
LONGEST_LABEL = 400


@dataclass(frozen=True, slots=True)
class Bar:
    """``value``: what a level is, or what a change adds, in minor units; ``shown``: the amount as it is written. ``open``: what nothing explains."""

    label: str
    value: int
    shown: str
    kind: Literal["level", "change", "open"]


@dataclass(frozen=True, slots=True)
class _Placed:
    bar: Bar
    start: int
    end: int


def waterfall(identifier: str, title: str, description: str, bars: Sequence[Bar], width: int) -> str:
    """One row per bar, in its order. On a phone (``NARROW``) the label stands above its bar, elsewhere beside it."""
    placed = list(_placed(bars))
    amounts = max((text_width(bar.shown, DIGIT) for bar in bars), default=0.0)
    if width <= NARROW:
        scale = Scale.over((edge for one in placed for edge in (one.start, one.end)), 0, width)
        return drawing(identifier, title, description, width, 42 * len(placed) + 2, list(_stacked(placed, scale, width)), "waterfall narrow")
    labels = min(max((text_width(bar.label) for bar in bars), default=0.0) + 6, LONGEST_LABEL)
    scale = Scale.over((edge for one in placed for edge in (one.start, one.end)), labels + GAP, width - amounts - GAP)
    return drawing(identifier, title, description, width, 28 * len(placed) + 4, list(_beside(placed, scale, width, labels)), "waterfall wide")


def _placed(bars: Sequence[Bar]) -> Iterator[_Placed]:
    reached = 0
    for bar in bars:
        start = 0 if bar.kind == "level" else reached
        reached = bar.value if bar.kind == "level" else reached + bar.value
        yield _Placed(bar, start, reached)


def _beside(placed: Sequence[_Placed], scale: Scale, width: int, labels: float) -> Iterator[str]:
    if placed:
        yield line(scale.at(0), 0, scale.at(0), 28 * len(placed) + 4, "axis")
    for row, one in enumerate(placed):
        top = 28 * row + 4
        name = _name(one)
        yield text(labels, top + 15, fitted(one.bar.label, labels), f"label {name}", "end", one.bar.label)
        yield from _drawn(one, scale, top, 20 if one.bar.kind == "level" else 14)
        yield text(width, top + 15, one.bar.shown, f"amount {name}", "end")
        if row + 1 < len(placed):
            yield line(scale.at(one.end), top + 20, scale.at(one.end), top + 28 + (0 if placed[row + 1].bar.kind == "level" else 3), "joint")


def _stacked(placed: Sequence[_Placed], scale: Scale, width: int) -> Iterator[str]:
    for row, one in enumerate(placed):
        top = 42 * row + 2
        name = _name(one)
        yield text(0, top + 13, fitted(one.bar.label, width - text_width(one.bar.shown, DIGIT) - 8), f"label {name}", "start", one.bar.label)
        yield text(width, top + 13, one.bar.shown, f"amount {name}", "end")
        yield line(scale.at(0), top + 18, scale.at(0), top + 36, "axis")
        yield from _drawn(one, scale, top + 17, 14 if one.bar.kind == "level" else 10)


def _drawn(one: _Placed, scale: Scale, top: float, height: float) -> Iterator[str]:
    left, wide = scale.span(one.start, one.end)
    # Kept within the picture where the smallest width that is seen would reach over its edge.
    yield rectangle(min(left, scale.end - wide), top + (20 - height) / 2, wide, height, f"bar {_name(one)}")


def _name(one: _Placed) -> str:
    if one.bar.kind == "level":
        return "level"
    if one.bar.kind == "open":
        return "closed-gap" if one.bar.value == 0 else "gap"
    return "up" if one.bar.value >= 0 else "down"
