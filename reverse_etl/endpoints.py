"""How whatever is outside is reached: where its secrets are, and what requests to it may do."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Secret(BaseModel):
    """Where one secret is: the variable ``environment`` wins over ``file`` (below the home folder)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: str | None = None
    file: str | None = None

    def read(self, home: Path) -> str | None:
        """The secret, or None where it is in neither place."""
        value = os.environ.get(self.environment or "", "").strip()
        if value:
            return value
        path = home / self.file if self.file else None
        return (path.read_text().strip() or None) if path is not None and path.is_file() else None

    def remedy(self, home: Path) -> str:
        """What to do where it is in neither place; empty where none is named."""
        remedies = [f"set {self.environment}"] * bool(self.environment)
        if self.file:
            remedies.append(f"write {home / self.file}")
        return " or ".join(remedies)


class Network(BaseModel):
    """What requests may do that is refused otherwise.

    ``allowed_networks`` (``10.1.0.0/16``) may be connected to whatever they are. ``ca_file`` (below the home folder) holds the authorities that are
    trusted instead of the usual ones. ``proxy``: ``http://host:port``, or ``environment`` for the one of ``HTTPS_PROXY``; without it there is none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_private_addresses: bool = False
    allow_plain_http: bool = False
    allowed_networks: tuple[str, ...] = ()
    ca_file: str | None = None
    proxy: str | None = None
    largest_answer_bytes: int | None = Field(default=None, gt=0)
