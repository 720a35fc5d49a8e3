"""Append-only into raw: delivered files, and the relations that everything else appends to."""

from reverse_etl.landing.landing import land
from reverse_etl.landing.report import LandedFile, LandingProblem, LandingReport

__all__ = ["LandedFile", "LandingProblem", "LandingReport", "land"]
