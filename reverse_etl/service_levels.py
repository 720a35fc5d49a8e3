"""Within how many hours what waits should be done (``service_levels`` of ``tieout.yaml``)."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class ServiceLevels(BaseModel):
    """``undelivered_hours``: how long a sealed document may wait to be verified at its destination, unless ``destinations`` says it of that one.
    ``approval_hours``: how long a request may wait for its decision."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    undelivered_hours: float = Field(default=24.0, gt=0)
    approval_hours: float = Field(default=48.0, gt=0)
    destinations: dict[str, float] = Field(default_factory=dict)

    def undelivered(self, system: str) -> timedelta:
        return timedelta(hours=self.destinations.get(system, self.undelivered_hours))

    @property
    def approval(self) -> timedelta:
        return timedelta(hours=self.approval_hours)
