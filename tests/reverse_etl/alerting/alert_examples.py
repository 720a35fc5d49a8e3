"""Alerts and digests that the tests of channels share, and a mail server that really is one."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from reverse_etl.alerting import Alert, AlertKind, MoneyAtRisk, Severity
from reverse_etl.alerting.digest import Digest, Event, News, delivery_of

NOON = datetime(2026, 2, 2, 12, 0, tzinfo=UTC)
PARKED = Alert(
    AlertKind.EXCEPTIONS,
    Severity.ERROR,
    "documents parked at stripe",
    "2 documents are parked: two invoices were found under one reference",
    NOON.replace(hour=9),
    entity="northlight_us",
    period="2026-01",
    at_risk=(MoneyAtRisk("JPY", 1234, 0), MoneyAtRisk("USD", 123456)),
    next_command="tieout exceptions show 17",
    link="https://dagster.example.com/runs/17",
    correlation_id="6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    count=2,
)
HELD = Alert(AlertKind.DEGRADED, Severity.WARNING, "tryton", "tryton is set to hold by ada since 09:00 (audit)", NOON.replace(hour=10))
HOSTILE = replace(
    HELD,
    subject="x\r\nBcc: thief@example.com\r\n\r\n<b>hello</b>",
    cause="<script>alert(1)</script> & <!channel> <@U1> <https://evil.example|click> \x00\x07 " + "&" * 5000,
    next_command="tieout `rm`",
    entity="<entity>",
)


def digest(*alerts: Alert, event: Event = Event.RAISED) -> Digest:
    news = tuple(News(event, alert) for alert in alerts)
    return Digest("Northlight books", NOON, news, delivery_of("channel", news, 0))


@dataclass
class MailServer:
    """``mails``: what was delivered, with the envelope. ``refused``: recipients that it does not take."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    answer: str = "250 Message accepted"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        if self.answer.startswith("250"):
            mail = message_from_bytes(envelope.content, policy=default_policy)
            assert isinstance(mail, EmailMessage)
            self.mails.append((list(envelope.rcpt_tos), mail))
        return self.answer


class _OnFreePort(Controller):
    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(
    context: ssl.SSLContext | None = None, *, immediate: bool = False, password: bytes | None = None, refused: frozenset[str] = frozenset()
) -> Iterator[MailServer]:
    """``context``: it demands STARTTLS, or speaks TLS from the first byte (``immediate``). ``password``: it demands a login."""
    taken = MailServer(refused=refused)

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        taken.logins.append((data.login, data.password))
        return AuthResult(success=data.password == password, handled=False)

    options: dict[str, Any] = {"authenticator": authenticate, "auth_required": True} if password is not None else {}
    if context is not None:
        options |= {"ssl_context": context, "auth_require_tls": False} if immediate else {"tls_context": context, "require_starttls": True}
    controller = _OnFreePort(taken, hostname="127.0.0.1", port=0, **options)
    controller.start()
    taken.port = controller.port
    try:
        yield taken
    finally:
        controller.stop()
