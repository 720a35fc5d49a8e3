"""Charts as SVG: pure functions of whole numbers, with a title and a description for whoever cannot see them."""

from dagster_project.pages.charts.bars import Change, changes
from dagster_project.pages.charts.sparkline import sparkline
from dagster_project.pages.charts.svg import HALF, NARROW, WIDE
from dagster_project.pages.charts.waterfall import Bar, waterfall

__all__ = ["HALF", "NARROW", "WIDE", "Bar", "Change", "changes", "sparkline", "waterfall"]
