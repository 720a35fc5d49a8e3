"""A digest as one mail, plain and HTML, to all recipients of the channel."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from functools import cache
from pathlib import Path

import certifi
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import SecretStr

from reverse_etl.alerting.channels.contract import ChannelError
from reverse_etl.alerting.digest import Digest, Event, facts, plain_text, prefix

LONGEST_SUBJECT = 200
SHOWN_REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class MailServer:
    """``security``: starttls, tls or none."""

    host: str
    port: int
    security: str
    ca_file: str | None = None
    username: str | None = None
    password: SecretStr | None = None


class Email:
    def __init__(self, server: MailServer, sender: str, recipients: tuple[str, ...], deadline_seconds: float) -> None:
        self._server = server
        self._sender = sender
        self._recipients = recipients
        self._deadline = deadline_seconds

    def send(self, digest: Digest) -> str:
        mail = message(digest, self._sender, self._recipients)
        try:
            with self._connected() as connection:
                refused = connection.send_message(mail, from_addr=self._sender, to_addrs=list(self._recipients))
        except smtplib.SMTPAuthenticationError as error:
            # Not the server's own words: some repeat what they were given.
            raise ChannelError(f"{self._server.host} does not take the user and password (SMTP {error.smtp_code})") from error
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelError(f"{self._server.host} port {self._server.port}: {self._told(error)}") from error
        taken = len(self._recipients) - len(refused)
        told = f"{self._server.host} took it for {taken} recipient{'s' if taken != 1 else ''}"
        return told if not refused else f"{told}, and refused {', '.join(sorted(refused))}"

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self._deadline, context=self._tls())
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._deadline)
        try:
            if server.security == "starttls":
                # Raises where the server offers none: nothing is said in clear.
                connection.starttls(context=self._tls())
            if server.username is not None and server.password is not None:
                connection.login(server.username, server.password.get_secret_value())
        except BaseException:
            connection.close()
            raise
        return connection

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._server.ca_file or certifi.where())

    def _told(self, error: Exception) -> str:
        words = " ".join(f"{type(error).__name__}: {error}".split())[:SHOWN_REASON_CHARACTERS]
        secret = self._server.password.get_secret_value() if self._server.password else ""
        return words.replace(secret, "***") if secret else words


def message(digest: Digest, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """The mail. What comes from data is in no header but the subject, which holds neither line breaks nor other control characters."""
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = Address(display_name="Tieout", addr_spec=sender)
    mail["To"] = tuple(Address(addr_spec=recipient) for recipient in recipients)
    mail["Subject"] = subject(digest)
    mail["Date"] = format_datetime(digest.at)
    # The same mail tried again is the same mail.
    mail["Message-ID"] = f"<{digest.delivery}@tieout.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(plain_text(digest), cte="quoted-printable")
    mail.add_alternative(html(digest), subtype="html", cte="quoted-printable")
    return mail


def subject(digest: Digest) -> str:
    words = "".join(character if character.isprintable() else " " for character in f"{digest.installation}: {digest.title}")
    one_line = " ".join(words.split())
    return one_line if len(one_line) <= LONGEST_SUBJECT else one_line[: LONGEST_SUBJECT - 1] + "…"


def html(digest: Digest) -> str:
    entries = [
        {
            "title": f"{prefix(one)}{one.alert.title}",
            "severity": "over" if one.event is Event.OVER else one.alert.severity.label,
            "cause": one.alert.cause,
            "facts": list(facts(one, digest.at)),
        }
        for one in digest.news
    ]
    return (
        _templates()
        .get_template("email.html")
        .render(installation=digest.installation, title=digest.title, entries=entries, delivery=digest.delivery)
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
