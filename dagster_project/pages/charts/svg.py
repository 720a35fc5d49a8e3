"""The few words of SVG that the charts are made of. Lengths are CSS pixels: amounts become lengths here and nowhere else, and never come back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDE, HALF, NARROW = 1040, 480, 296
"""The widths that charts are drawn for: a desk, two beside each other on it, and a phone."""
# Of the widest letters that a font of the system has at 13 px, so that nothing runs into what stands beside it.
LETTER, DIGIT = 7.9, 8.6


def text_width(text: str, per_letter: float = LETTER) -> float:
    """How wide a text is at most; what is no letter of the Latin alphabet counts twice."""
    return sum(per_letter if ord(letter) < 0x2E80 else 2 * per_letter for letter in text)


def fitted(text: str, width: float) -> str:
    """The text, cut off with an ellipsis where it is wider than ``width``."""
    if text_width(text) <= width:
        return text
    kept = text
    while kept and text_width(kept + "…") > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Scale:
    """Where an amount stands between ``start`` and ``end``; zero is always on it."""

    low: int
    high: int
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[int], start: float, end: float) -> Scale:
        found = [0, *values]
        return cls(min(found), max(found), start, end)

    def at(self, value: int) -> float:
        span = self.high - self.low
        return self.start if span == 0 else self.start + (value - self.low) / span * (self.end - self.start)

    def span(self, one: int, other: int) -> tuple[float, float]:
        """Left edge and width of what lies between two amounts; what is not nothing is seen."""
        left, right = sorted((self.at(one), self.at(other)))
        return left, 0.0 if one == other else max(right - left, 1.5)


def rectangle(x: float, y: float, width: float, height: float, name: str) -> str:
    return f'<rect class="{name}" x="{_length(x)}" y="{_length(y)}" width="{_length(width)}" height="{_length(height)}" rx="2"/>'


def line(x1: float, y1: float, x2: float, y2: float, name: str) -> str:
    return f'<line class="{name}" x1="{_length(x1)}" y1="{_length(y1)}" x2="{_length(x2)}" y2="{_length(y2)}"/>'


def text(x: float, y: float, content: str, name: str, anchor: str = "start", whole: str | None = None) -> str:
    """``whole``: what is shown on hovering, where the content was cut off."""
    hint = f"<title>{escape(whole)}</title>" if whole and whole != content else ""
    return f'<text class="{name}" x="{_length(x)}" y="{_length(y)}" text-anchor="{anchor}">{escape(content)}{hint}</text>'


def drawing(identifier: str, title: str, description: str, width: float, height: float, parts: Sequence[str], name: str) -> str:
    """The whole chart; its identifier is unique on its page."""
    key = escape(identifier, quote=True)
    return (
        f'<svg class="chart {name}" role="img" aria-labelledby="{key}-title {key}-text" viewBox="0 0 {_length(width)} {_length(height)}" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="{key}-title">{escape(title)}</title><desc id="{key}-text">{escape(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _length(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if math.isfinite(value) else "0"
