"""The settings ``alerts`` of tieout.yaml: the channels that alerts go out by, and how often."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from reverse_etl.alerting.alert import Alert, AlertKind, Severity
from reverse_etl.endpoints import Network, Secret

SeverityName = Literal["info", "warning", "error", "critical"]
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")


class _Channel(BaseModel):
    """What every channel has: which alerts go out by it. ``kinds`` and ``entities``: none named = all; what concerns no entity goes to everybody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minimum_severity: SeverityName = "warning"
    kinds: frozenset[AlertKind] = frozenset()
    entities: frozenset[str] = frozenset()
    deadline_seconds: float = Field(default=10.0, gt=0, le=60)

    def wants(self, alert: Alert) -> bool:
        if alert.severity < Severity.named(self.minimum_severity) or (self.kinds and alert.kind not in self.kinds):
            return False
        return not self.entities or alert.entity is None or alert.entity in self.entities


class WebhookChannel(_Channel):
    """One JSON document per POST, signed with the secret ``signing_secret``. ``url`` is written here or, where it is a secret itself, named."""

    kind: Literal["webhook"]
    url: str | Secret
    signing_secret: Secret
    network: Network = Network()


class SlackChannel(_Channel):
    """An incoming webhook of Slack, or of whatever takes the same. Whoever knows its URL can post there: it is a secret and never written here."""

    kind: Literal["slack"]
    url: Secret
    network: Network = Network()


class EmailChannel(_Channel):
    """Mail through a server that is spoken to with TLS: ``starttls`` (port 587) or ``tls`` (465). ``none`` is for a server on this machine alone.

    ``ca_file`` (below the home folder) holds the authorities that are trusted instead of the usual ones.
    """

    kind: Literal["email"]
    host: str
    port: int | None = Field(default=None, gt=0, lt=65536)
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str | None = None
    username: str | None = None
    password: Secret | None = None
    sender: str
    recipients: tuple[str, ...] = Field(min_length=1)

    @field_validator("sender", "recipients")
    @classmethod
    def _plain_addresses(cls, given: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (given,) if isinstance(given, str) else given:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address!r} is no plain address, such as finance@example.com")
        return given

    @model_validator(mode="after")
    def _whole(self) -> EmailChannel:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password of a mail server go together")
        return self


ChannelSettings = Annotated[WebhookChannel | SlackChannel | EmailChannel, Field(discriminator="kind")]


class AlertSettings(BaseModel):
    """``installation``: how this one is called in messages. ``link``: where Dagster's UI is, for links. ``reminder_hours``: how long after an alert
    was sent it is sent again while it holds. ``degraded_after_minutes``: how long something is degraded before anybody is told; what passes by
    itself is not worth a message. ``warehouse_locked_minutes``: how long one holder may have the warehouse's lock before that is degraded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    installation: str = Field(default="tieout", max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")
    link: str | None = Field(default=None, pattern=r"^https?://[!-~]+$")
    reminder_hours: float = Field(default=24.0, gt=0)
    degraded_after_minutes: float = Field(default=0.0, ge=0)
    warehouse_locked_minutes: float = Field(default=30.0, gt=0)
    channels: dict[str, ChannelSettings] = Field(default_factory=dict)

    @field_validator("channels")
    @classmethod
    def _names(cls, channels: dict[str, ChannelSettings]) -> dict[str, ChannelSettings]:
        for name in channels:
            if not _NAME.fullmatch(name):
                raise ValueError(f"channel {name!r}: a name is of small letters, digits, '-' and '_'")
        return channels
