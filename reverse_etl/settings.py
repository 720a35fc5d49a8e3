"""Where an installation keeps its files and which destinations it talks to (``tieout.yaml`` in the home folder)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reverse_etl.alerting.settings import AlertSettings
from reverse_etl.close_calendar import CloseCalendar
from reverse_etl.endpoints import Network, Secret
from reverse_etl.errors import ConfigurationError, did_you_mean
from reverse_etl.maintenance import MaintenanceWindow
from reverse_etl.open_lineage import OpenLineage
from reverse_etl.request_windows import RequestWindow
from reverse_etl.service_levels import ServiceLevels

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

HOME_VARIABLE = "TIEOUT_HOME"
REGISTER_URL_VARIABLE = "TIEOUT_REGISTER_URL"
DAGSTER_URL_VARIABLE = "TIEOUT_DAGSTER_URL"
DEFAULT_HOME = ".tieout"
SANDBOX_URL = "sandbox"
SANDBOX_PAGES = "/_documents"
"""Where a stand-in shows a document to a person, in place of the pages that the vendor has for that."""
BILLING_PLATFORM = "stripe"
"""The kind, and the name, of the destination that invoices go to."""


class Authorization(BaseModel):
    """How a destination is told who asks; what is not said is as usual for its kind. Secrets are named under ``secrets`` of the destination.

    ``bearer`` and ``header`` (which header: ``header``, after ``prefix``) send the secret; ``basic`` sends ``username`` and the secret.
    ``client_credentials`` (secrets: ``client_secret``) and ``refresh_token`` (secrets: ``client_secret``, ``refresh_token``) get OAuth 2.0 tokens
    from ``token_url``; ``token_authentication`` says where the client's secret travels. ``client_assertion`` (secrets: ``private_key``) gets them
    with the key of the certificate ``certificate_id`` instead. ``token_based`` signs with OAuth 1.0a HMAC-SHA256 (secrets: ``consumer_secret``,
    ``token_secret``). NetSuite asks for one of the last two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["none", "bearer", "header", "basic", "client_credentials", "client_assertion", "refresh_token", "token_based"] | None = None
    header: str | None = None
    prefix: str = ""
    username: str | None = None
    client_id: str | None = None
    certificate_id: str | None = None
    token_url: str | None = None
    token_authentication: Literal["basic", "body"] = "basic"
    scope: str | None = None
    audience: str | None = None
    consumer_key: str | None = None
    token_id: str | None = None
    realm: str | None = None


class Destination(BaseModel):
    """One destination. ``url: sandbox`` means the stand-in that ``tieout sandbox start`` runs; ``kind`` is its module (default: its name).

    Secrets are named, never written here: the secret ``secret`` by ``secret_environment`` (a variable) and ``secret_file`` (below the home folder),
    every other under ``secrets``. One that is not named at all is looked for as ``<DESTINATION>_<SECRET>`` and in ``secrets/<destination>_<secret>``.

    ``options`` are what the kind needs to know besides (account, realm, tenant, ...); ``entities`` the same for one legal entity alone, which wins.
    ``requests_per_day`` counts within any 24 hours; ``request_windows`` say it of other windows, or of days that reset at a time of day.
    ``account_codes``: our account code, or ``entity/account code``, -> the destination's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str | None = None
    url: str = SANDBOX_URL
    secret_environment: str | None = None
    secret_file: str | None = None
    secrets: dict[str, Secret] = Field(default_factory=dict)
    username: str | None = None
    database: str | None = None
    options: dict[str, str] = Field(default_factory=dict)
    entities: dict[str, dict[str, str]] = Field(default_factory=dict)
    account_codes: dict[str, str] = Field(default_factory=dict)
    authorization: Authorization | None = None
    network: Network = Network()
    requests_per_second: float | None = Field(default=None, gt=0)
    requests_per_day: int | None = Field(default=None, gt=0)
    concurrency: int | None = Field(default=None, gt=0)
    batch_size: int | None = Field(default=None, gt=0)
    send_deadline_seconds: float | None = Field(default=None, gt=0)
    request_windows: tuple[RequestWindow, ...] = ()
    maintenance: tuple[MaintenanceWindow, ...] = ()


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
    calendar: CloseCalendar = CloseCalendar()
    alerts: AlertSettings = AlertSettings()
    open_lineage: OpenLineage = OpenLineage()
    service_levels: ServiceLevels = ServiceLevels()
    warehouse_memory_limit: str = "80%"
    destinations: dict[str, Destination] = Field(
        default_factory=lambda: {
            "stripe": Destination(secret_environment="STRIPE_API_KEY", secret_file="secrets/stripe_api_key"),
            "tryton": Destination(secret_environment="TRYTON_PASSWORD", secret_file="secrets/tryton_password", username="admin", database="erp"),
        }
    )

    @model_validator(mode="after")
    def _calendars_of_known_entities(self) -> Settings:
        unknown = sorted(self.calendar.entities.keys() - set(self.entities))
        if unknown:
            raise ValueError(f"calendar.entities.{unknown[0]}: no such legal entity; there are {', '.join(self.entities)} (setting 'entities')")
        return self

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
        return os.environ.get(REGISTER_URL_VARIABLE) or f"sqlite:///{self.home / 'register.sqlite'}"

    @property
    def dagster_url(self) -> str | None:
        """The PostgreSQL database that keeps Dagster's runs and events; None where they are files of the home folder."""
        return os.environ.get(DAGSTER_URL_VARIABLE) or None

    @property
    def lock_folder(self) -> Path:
        return self.home / "locks"

    @property
    def pacing_folder(self) -> Path:
        """What all processes know of each destination: its mode, its pauses and the use of its limits. Kept, unlike locks."""
        return self.home / "pacing"

    @property
    def log_folder(self) -> Path:
        """What happened, line by line (``tieout.jsonl``), and how events of OpenLineage are delivered (``open_lineage.json``)."""
        return self.home / "logs"

    @property
    def audit_folder(self) -> Path:
        """The anchors of the register (``anchors.jsonl``), and the mark of the last push."""
        return self.home / "audit"

    @property
    def alerts_folder(self) -> Path:
        """What alerts were sent by which channel, and since when what has no time of its own has held (``memory.sqlite``)."""
        return self.home / "alerts"

    @property
    def sandbox_folder(self) -> Path:
        return self.home / "sandbox"

    def require_entity(self, name: str) -> None:
        """Raises ConfigurationError: there is no legal entity of that name."""
        if name not in self.entities:
            meant = did_you_mean(name, self.entities)
            raise ConfigurationError(
                f"no legal entity {name!r}{meant}; there are {', '.join(self.entities)}: another is added under 'entities' of tieout.yaml"
            )

    def destination(self, name: str) -> Destination:
        """Raises ConfigurationError: there is no destination of that name."""
        try:
            return self.destinations[name]
        except KeyError:
            known = ", ".join(sorted(self.destinations)) or "none"
            meant = did_you_mean(name, self.destinations)
            raise ConfigurationError(f"no destination named {name!r}{meant}; there are {known}: add it under 'destinations' of tieout.yaml") from None

    @property
    def ledgers(self) -> tuple[str, ...]:
        """The destinations that take journals: all but the billing platform."""
        return tuple(sorted(name for name in self.destinations if self.kind(name) != BILLING_PLATFORM))

    def kind(self, name: str) -> str:
        """The kind of a destination, which is the name of its module. Raises ConfigurationError: there is no such destination."""
        return self.destination(name).kind or name

    def option(self, destination: str, name: str, entity: str | None = None) -> str:
        """What the destination is told under ``name``: for the entity, else for all.

        Raises:
            ConfigurationError: it is not told.
        """
        chosen = self.destination(destination)
        value = chosen.entities.get(entity or "", {}).get(name, chosen.options.get(name))
        if value is None:
            where = f"destinations.{destination}.options" + (f", or destinations.{destination}.entities.{entity}" if entity else "")
            raise ConfigurationError(f"destination {destination} needs the option {name!r}: set it under {where} of tieout.yaml")
        return value

    def account_code(self, destination: str, entity: str, account: str) -> str:
        """The destination's code of one of our accounts; ours where nothing else is told."""
        codes = self.destination(destination).account_codes
        return codes.get(f"{entity}/{account}", codes.get(account, account))

    def secret_source(self, destination: str, name: str = "secret") -> Secret:
        """Where a secret of a destination is."""
        chosen = self.destination(destination)
        if name in chosen.secrets:
            return chosen.secrets[name]
        if name == "secret" and (chosen.secret_environment or chosen.secret_file):
            return Secret(environment=chosen.secret_environment, file=chosen.secret_file)
        return Secret(environment=f"{destination}_{name}".upper().replace("-", "_"), file=f"secrets/{destination}_{name}")

    def secret(self, destination: str, name: str = "secret") -> str:
        """A secret of a destination.

        Raises:
            ConfigurationError: it is neither in the environment nor in the secret file.
        """
        source = self.secret_source(destination, name)
        value = source.read(self.home)
        if value is None:
            what = "secret" if name == "secret" else f"secret {name!r}"
            raise ConfigurationError(f"no {what} for destination {destination}: {source.remedy(self.home) or 'name where it is under its secrets'}")
        return value


def home_folder() -> Path:
    return Path(os.environ.get(HOME_VARIABLE, DEFAULT_HOME)).resolve()


def load_settings(home: Path | None = None) -> Settings:
    """The settings of an installation; defaults where ``tieout.yaml`` is absent or silent.

    Raises:
        ConfigurationError: the file is not what the settings allow; the message names every setting that is not.
    """
    folder = (home or home_folder()).resolve()
    path = folder / "tieout.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    # A ValueError is of a value that only looks like what it is taken for, such as 2026-02-30.
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise ConfigurationError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if content is not None and not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected a mapping of settings, got {type(content).__name__}")
    if "home" in (content or {}):
        raise ConfigurationError(f"{path}: home: it is the folder that the file is in; remove it")
    try:
        return Settings.model_validate({**(content or {}), "home": folder})
    except ValidationError as error:
        problems = "; ".join(_problem(found) for found in error.errors())
        raise ConfigurationError(f"{path}: {problems}") from error


def _problem(error: ErrorDetails) -> str:
    """One thing that is wrong in the file: where, what, and for a setting that nobody knows the one that was meant."""
    where, name = error["loc"], str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] != "extra_forbidden":
        return f"{'.'.join(map(str, where))}: {error['msg']}"
    known = _members(Settings, where[:-1])
    meant = did_you_mean(name, known) or (f"; there are {', '.join(sorted(known))}" if known else "")
    return f"{'.'.join(map(str, where))}: there is no such setting{meant}"


def _members(model: type[BaseModel], where: Sequence[int | str]) -> list[str]:
    """What a mapping of the settings may say, by its place."""
    if not where:
        return [name for name in model.model_fields if name != "home"]
    first, *rest = where
    field = model.model_fields.get(str(first))
    inner = _model_in(field.annotation) if field else None
    if field is None or inner is None:
        return []
    # The name of an entry, or its place in a list, is no member of a model.
    return _members(inner, rest[1:] if get_origin(field.annotation) in (dict, tuple) else rest)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
