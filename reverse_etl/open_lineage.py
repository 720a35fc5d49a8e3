"""Where events of OpenLineage go, as settings say it. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

OFF = "off"


class OpenLineage(BaseModel):
    """``open_lineage: off`` (the default), ``open_lineage: PATH`` (a file of JSON lines below the home folder), ``open_lineage: https://...`` (an
    endpoint), or a mapping: ``file`` or ``url`` with what else is to be said.

    ``endpoint``: the path at the URL. ``key_environment``: the variable with the key, sent as a bearer token where it is set. ``timeout_seconds``: of
    one event. ``namespace``: of the jobs, and of datasets that are neither in the warehouse nor at a destination. ``repository``: the URL below which
    the project's files are to be seen. ``documents``: how many remote documents one event carries at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str | None = None
    url: str | None = None
    endpoint: str = "api/v1/lineage"
    key_environment: str = "OPENLINEAGE_API_KEY"
    timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    namespace: str = Field(default="tieout", min_length=1)
    repository: str | None = None
    documents: int = Field(default=1000, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _from_one_word(cls, value: Any) -> Any:
        # YAML reads a bare off as false.
        if value in (False, None, OFF, ""):
            return {}
        if isinstance(value, str):
            return {"url": value} if value.startswith(("http://", "https://")) else {"file": value}
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.file is not None and self.url is not None:
            raise ValueError("events go to a file or to a url, not to both")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url {self.url!r} must begin with http:// or https://")
        return self

    @property
    def is_on(self) -> bool:
        return self.file is not None or self.url is not None

    def path(self, home: Path) -> Path | None:
        return None if self.file is None else home / self.file
