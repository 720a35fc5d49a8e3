"""A channel from its settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from reverse_etl.alerting.channels.contract import Channel
from reverse_etl.alerting.channels.email import Email, MailServer
from reverse_etl.alerting.channels.posting import LARGEST_ANSWER_BYTES, checked_address
from reverse_etl.alerting.channels.slack import Slack
from reverse_etl.alerting.channels.webhook import Webhook
from reverse_etl.alerting.settings import ChannelSettings, EmailChannel, SlackChannel, WebhookChannel
from reverse_etl.endpoints import Network, Secret
from reverse_etl.errors import ConfigurationError
from reverse_etl.transport import Transport
from reverse_etl.transport.addresses import is_loopback_host
from reverse_etl.transport.exchange import transport_of

PORTS = {"starttls": 587, "tls": 465, "none": 25}


def open_channel(name: str, settings: ChannelSettings, home: Path) -> Channel:
    """The channel, ready to send; nothing is connected to yet.

    Raises:
        ConfigurationError: a secret is missing, or something would be said in clear.
    """
    whose = f"alerts.channels.{name}"
    if isinstance(settings, EmailChannel):
        return _email(settings, home, whose)
    named = settings.url
    url = checked_address(
        named if isinstance(named, str) else _secret(named, home, f"{whose}: no url"), whose, plain_http=settings.network.allow_plain_http
    )
    transport = _transport(settings.network, home, whose)
    if isinstance(settings, SlackChannel):
        return Slack(transport, SecretStr(url), settings.deadline_seconds)
    return _webhook(settings, transport, url, home, whose)


def _webhook(settings: WebhookChannel, transport: Transport, url: str, home: Path, whose: str) -> Webhook:
    secret = _secret(settings.signing_secret, home, f"{whose}: no signing_secret")
    return Webhook(transport, url, SecretStr(secret), settings.deadline_seconds)


def _email(settings: EmailChannel, home: Path, whose: str) -> Email:
    if settings.security == "none" and not is_loopback_host(settings.host):
        raise ConfigurationError(f"{whose}: security none would send alerts in clear to {settings.host}; use starttls or tls")
    ca_file = home / settings.ca_file if settings.ca_file else None
    if ca_file is not None and not ca_file.is_file():
        raise ConfigurationError(f"{whose}: ca_file {ca_file} does not exist")
    password = None if settings.password is None else SecretStr(_secret(settings.password, home, f"{whose}: no password"))
    server = MailServer(
        settings.host,
        settings.port or PORTS[settings.security],
        settings.security,
        str(ca_file) if ca_file else None,
        settings.username,
        password,
    )
    return Email(server, settings.sender, settings.recipients, settings.deadline_seconds)


def _transport(network: Network, home: Path, whose: str) -> Transport:
    largest = network.largest_answer_bytes or LARGEST_ANSWER_BYTES
    return transport_of(network.model_copy(update={"largest_answer_bytes": largest}), home, whose)


def _secret(source: Secret, home: Path, what: str) -> str:
    value = source.read(home)
    if value is None:
        raise ConfigurationError(f"{what}: {source.remedy(home) or 'name its environment variable or file'}")
    return value
