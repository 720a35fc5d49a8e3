"""A line without axes: where something has come from."""

from __future__ import annotations

from collections.abc import Sequence

from dagster_project.pages.charts.svg import Scale, drawing

WIDTH, HEIGHT, MARGIN = 120, 34, 4


def sparkline(identifier: str, title: str, description: str, values: Sequence[int]) -> str:
    """From the first value to the last, which has a dot; one value is a dot alone, none an empty picture."""
    return drawing(identifier, title, description, WIDTH, HEIGHT, _parts(values), "spark")


def _parts(values: Sequence[int]) -> list[str]:
    if not values:
        return []
    # The shape counts here and not the size, so zero is not on the scale unless it is among the values.
    scale = Scale(min(values), max(values), HEIGHT - MARGIN, MARGIN)
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    points = [(WIDTH - MARGIN - step * (len(values) - 1 - place), scale.at(value)) for place, value in enumerate(values)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    last_x, last_y = points[-1]
    return [f'<polyline class="trend" points="{path}"/>', f'<circle class="now" cx="{last_x:.1f}" cy="{last_y:.1f}" r="3"/>']
