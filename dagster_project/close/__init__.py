"""The steps of a close, each one function: Dagster, the command line and the tests call the same."""

from dagster_project.close.installation import Installation
from dagster_project.close.partitions import CloseKey

__all__ = ["CloseKey", "Installation"]
