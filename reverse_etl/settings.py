"""Where an installation keeps its files and which destinations it talks to (``tieout.yaml`` in the home folder)."""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reverse_etl.errors import ConfigurationError

HOME_VARIABLE = "TIEOUT_HOME"
DEFAULT_HOME = ".tieout"
SANDBOX_URL = "sandbox"


class Destination(BaseModel):
    """One destination. ``url: sandbox`` means the stand-in that ``tieout sandbox start`` runs.

    Secrets are named, never written here: ``secret_environment`` (a variable) wins over ``secret_file`` (below the home folder).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = SANDBOX_URL
    secret_environment: str
    secret_file: str | None = None
    username: str | None = None
    database: str | None = None
    requests_per_second: float | None = Field(default=None, gt=0)
    concurrency: int | None = Field(default=None, gt=0)
    batch_size: int | None = Field(default=None, gt=0)


class Approvals(BaseModel):
    """``four_eyes: false`` lets whoever asks for a decision approve it too, for an installation of one person; each approval says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    four_eyes: bool = True


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path
    entities: tuple[str, ...] = ("northlight_us", "northlight_eu")
    first_period: str = "2026-01"
    warehouse_wait_seconds: float = 60.0
    approvals: Approvals = Approvals()
    warehouse_memory_limit: str = "80%"
    destinations: dict[str, Destination] = Field(
        default_factory=lambda: {
            "stripe": Destination(secret_environment="STRIPE_API_KEY", secret_file="secrets/stripe_api_key"),
            "tryton": Destination(secret_environment="TRYTON_PASSWORD", secret_file="secrets/tryton_password", username="admin", database="erp"),
        }
    )

    @property
    def inbox(self) -> Path:
        """Delivered files: ``inbox/<source>/<YYYY-MM-DD>/<file>``."""
        return self.home / "inbox"

    @property
    def mappings(self) -> Path:
        """The installation's own column mappings: ``mappings/<source>.yaml``."""
        return self.home / "mappings"

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def published_path(self) -> Path:
        """The copy that analysts, ``status`` and ``trace`` read."""
        return self.home / "published" / "warehouse.duckdb"

    @property
    def register_url(self) -> str:
        return os.environ.get("TIEOUT_REGISTER_URL", f"sqlite:///{self.home / 'register.sqlite'}")

    @property
    def lock_folder(self) -> Path:
        return self.home / "locks"

    @property
    def sandbox_folder(self) -> Path:
        return self.home / "sandbox"

    def secret(self, destination: str) -> str:
        """The secret of a destination.

        Raises:
            ConfigurationError: it is neither in the environment nor in the secret file.
        """
        chosen = self.destinations[destination]
        value = os.environ.get(chosen.secret_environment)
        if value:
            return value
        if chosen.secret_file and (self.home / chosen.secret_file).is_file():
            return (self.home / chosen.secret_file).read_text().strip()
        raise ConfigurationError(
            f"no secret for destination {destination}: set {chosen.secret_environment}"
            + (f" or write {self.home / chosen.secret_file}" if chosen.secret_file else "")
        )


def home_folder() -> Path:
    return Path(os.environ.get(HOME_VARIABLE, DEFAULT_HOME)).resolve()


def load_settings(home: Path | None = None) -> Settings:
    """The settings of an installation; defaults where ``tieout.yaml`` is absent or silent.

    Raises:
        ConfigurationError: the file is not what the settings allow.
    """
    folder = (home or home_folder()).resolve()
    path = folder / "tieout.yaml"
    content = yaml.safe_load(path.read_text()) if path.is_file() else None
    if content is not None and not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected a mapping of settings, got {type(content).__name__}")
    try:
        return Settings(home=folder, **(content or {}))
    except (ValidationError, TypeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
