"""The examination of an installation: what is wrong with it, where, and what to do. Reads only, and never waits for a writer."""

from dagster_project.doctor.examination import CHECKS, examine
from dagster_project.doctor.finding import Finding, State

__all__ = ["CHECKS", "Finding", "State", "examine"]
