"""Each channel against a server that really listens: what arrives, what is refused, and what nobody may read in an error."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import trustme
import yaml
from alert_examples import HELD, HOSTILE, PARKED, MailServer, digest, mail_server
from scripted_server import Connection, ScriptedServer, answering, serving

from reverse_etl.alerting.channels import Channel, ChannelError, open_channel
from reverse_etl.alerting.channels.slack import message
from reverse_etl.alerting.channels.webhook import signature_of
from reverse_etl.alerting.digest import Digest, Event
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings

SCHEMA = json.loads((Path(__file__).resolve().parents[3] / "docs" / "alerts.schema.json").read_text())
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "alerts.md").read_text()
SECRET = "a signing secret of some length"


def documented(language: str) -> str:
    """The one block of a language on the page about alerts."""
    [block] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


def channel(home: Path, **settings: Any) -> Channel:
    chosen = Settings.model_validate({"home": home, "alerts": {"channels": {"tested": settings}}})
    return open_channel("tested", chosen.alerts.channels["tested"], chosen.home)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "signing").write_text(f"{SECRET}\n")
    monkeypatch.setenv("MAIL_PASSWORD", "correct horse")
    return tmp_path


def webhook(home: Path, server: ScriptedServer, **settings: Any) -> Channel:
    return channel(home, kind="webhook", url=f"{server.url}/hook?team=finance", signing_secret={"file": "secrets/signing"}, **settings)


def slack(home: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Channel:
    monkeypatch.setenv("SLACK_URL", f"{server.url}/services/T0/B0/verysecret")
    return channel(home, kind="slack", url={"environment": "SLACK_URL"}, deadline_seconds=60)


def parts(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}, body


# Webhook


@pytest.mark.parametrize("event", list(Event))
def test_a_webhook_gets_what_the_schema_describes(home: Path, event: Event) -> None:
    with serving(answering((204, b"", ""))) as server:
        told = webhook(home, server).send(digest(PARKED, HELD, HOSTILE, event=event))
    first, headers, body = parts(server.requests[0])
    assert first == "POST /hook?team=finance HTTP/1.1"
    assert headers["content-type"] == "application/json; charset=utf-8"
    record = json.loads(body)
    jsonschema.validate(record, SCHEMA)
    assert [alert["event"] for alert in record["alerts"]] == [event.value] * 3
    assert record["alerts"][0]["at_risk"][1] == {"currency": "USD", "amount_minor": 123456, "exponent": 2}
    assert headers["idempotency-key"] == record["delivery"] == digest(PARKED, HELD, HOSTILE, event=event).delivery
    assert told == "HTTP 204"


def test_the_signature_of_a_webhook_is_verified_by_what_the_documentation_shows(home: Path) -> None:
    shown: dict[str, Any] = {}
    exec(documented("python"), shown)
    with serving(answering((200, b"ok", ""))) as server:
        webhook(home, server).send(digest(PARKED))
    _, headers, body = parts(server.requests[0])
    assert shown["is_genuine"](headers["tieout-signature"], body, SECRET)
    assert not shown["is_genuine"](headers["tieout-signature"], body + b" ", SECRET)
    assert not shown["is_genuine"](headers["tieout-signature"], body, "another secret")
    assert not shown["is_genuine"](headers["tieout-signature"], body, SECRET, oldest_seconds=-1)
    signed = signature_of(SECRET, body, 1_770_000_000)
    assert signed == f"t=1770000000,v1={hmac.new(SECRET.encode(), b'1770000000.' + body, hashlib.sha256).hexdigest()}"


def test_the_documented_settings_make_channels(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x")
    monkeypatch.setenv("ALERTS_SIGNING_SECRET", SECRET)
    (home / "secrets" / "smtp_password").write_text("correct horse")
    chosen = Settings.model_validate({"home": home, **yaml.safe_load(documented("yaml"))})
    assert [type(open_channel(name, one, home)).__name__ for name, one in sorted(chosen.alerts.channels.items())] == ["Email", "Slack", "Webhook"]


def test_the_documented_message_is_one(home: Path) -> None:
    jsonschema.validate(json.loads(documented("json")), SCHEMA)


def test_a_redirect_is_not_followed(home: Path) -> None:
    with serving(answering((200, b"", ""))) as elsewhere:
        moved = answering((302, b"", f"Location: {elsewhere.url}/\r\n"))
        with serving(moved) as server, pytest.raises(ChannelError, match=r"HTTP 302 \(redirects are not followed: correct the url\)"):
            webhook(home, server).send(digest(PARKED))
    assert elsewhere.connections == 0


def test_what_a_receiver_refuses_is_told_in_its_words_and_with_the_pause_that_it_asks_for(home: Path) -> None:
    with (
        serving(answering((429, b"slow down", "Retry-After: 120\r\n"))) as server,
        pytest.raises(ChannelError, match="HTTP 429: slow down") as refused,
    ):
        webhook(home, server).send(digest(PARKED))
    assert refused.value.retry_after == 120


def test_a_receiver_that_does_not_answer_costs_no_more_than_the_deadline(home: Path) -> None:
    def silent(connection: Connection) -> None:
        connection.receive()
        connection.receive()

    started = time.monotonic()
    with serving(silent) as server, pytest.raises(ChannelError, match="no whole answer"):
        webhook(home, server, deadline_seconds=0.3).send(digest(PARKED))
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"url": "http://alerts.example.com/hook"}, "in clear"),
        ({"url": "https://user:pw@alerts.example.com/"}, "none that can be posted to"),
        ({"url": "ftp://alerts.example.com/"}, "none that can be posted to"),
        ({"url": {"environment": "NOT_SET"}}, "no url: set NOT_SET"),
        ({"url": "https://alerts.example.com", "signing_secret": {"file": "secrets/none"}}, "no signing_secret: write"),
    ],
)
def test_a_webhook_that_cannot_be_used_safely_is_no_channel(home: Path, settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as refused:
        channel(home, **{"kind": "webhook", "signing_secret": {"file": "secrets/signing"}, **settings})
    assert "pw@" not in str(refused.value)


def test_a_private_address_is_not_connected_to_unless_it_is_meant(home: Path) -> None:
    meant = channel(home, kind="webhook", url="https://10.0.0.1/", signing_secret={"file": "secrets/signing"}, deadline_seconds=1)
    with pytest.raises(ChannelError, match="which is not public"):
        meant.send(digest(PARKED))


# Slack


def test_slack_gets_text_and_blocks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering((200, b"ok", ""))) as server:
        assert slack(home, server, monkeypatch).send(digest(PARKED)) == "HTTP 200: ok"
    first, _, body = parts(server.requests[0])
    assert first == "POST /services/T0/B0/verysecret HTTP/1.1"
    content = json.loads(body)
    assert content["text"] == "Northlight books: [error] exceptions: documents parked at stripe (northlight_us 2026-01)"
    shown = json.dumps(content["blocks"])
    for expected in (
        "JPY 1,234, USD 1,234.56",
        "2 documents are parked",
        "`tieout exceptions show 17`",
        "<https://dagster.example.com/runs/17|open>",
    ):
        assert expected in shown


@pytest.mark.parametrize("script", [answering((404, b"no_service at /services/T0/B0/verysecret", "")), answering((302, b"", ""))])
def test_the_url_of_slack_is_a_secret_in_every_error(home: Path, monkeypatch: pytest.MonkeyPatch, script: Callable[[Connection], None]) -> None:
    with serving(script) as server:
        with pytest.raises(ChannelError) as refused:
            slack(home, server, monkeypatch).send(digest(PARKED))
        assert "verysecret" not in str(refused.value)
    with pytest.raises(ChannelError) as gone:
        slack(home, server, monkeypatch).send(digest(PARKED))
    assert "verysecret" not in str(gone.value)


def assert_within_the_limits_of_slack(content: dict[str, Any]) -> None:
    """As docs.slack.dev states them for messages, blocks and text objects."""
    assert 0 < len(content["text"]) <= 40_000
    assert 0 < len(content["blocks"]) <= 50
    for block in content["blocks"]:
        if block["type"] == "header":
            texts = [(block["text"], 150)]
        elif block["type"] == "section":
            texts = [(block["text"], 3000)]
        else:
            assert block["type"] == "context"
            assert 0 < len(block["elements"]) <= 10
            texts = [(element, 3000) for element in block["elements"]]
        for text, longest in texts:
            assert text["type"] in ("plain_text", "mrkdwn")
            assert 0 < len(text["text"]) <= longest


@pytest.mark.parametrize("count", [1, 24, 25, 500])
def test_slack_refuses_no_message_for_its_size(count: int) -> None:
    content = message(digest(*(replace(HOSTILE, entity=f"<{number}>" * 400) for number in range(count))))
    assert_within_the_limits_of_slack(content)
    assert (f"and {count - 24} more" in json.dumps(content)) == (count > 24)


def test_data_is_neither_a_mention_nor_a_link_in_slack() -> None:
    content = json.dumps(message(digest(HOSTILE)), ensure_ascii=False)
    assert "<!channel>" not in content
    assert "<@U1>" not in content
    assert "<https://evil" not in content
    assert "&lt;!channel&gt;" in content
    assert not re.search(r"&(?!amp;|lt;|gt;)", content)


# Mail


def mail(home: Path, server: MailServer, **settings: Any) -> Channel:
    chosen = {"host": "127.0.0.1", "port": server.port, "sender": "tieout@example.com", "recipients": ["ada@example.com", "bob@example.com"]}
    return channel(home, kind="email", deadline_seconds=60, **(chosen | settings))


@pytest.fixture
def authority(home: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(home / "ca.pem"))
    return made


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(params=["starttls", "tls"])
def secure_server(request: pytest.FixtureRequest, server_context: ssl.SSLContext) -> Iterator[tuple[MailServer, str]]:
    with mail_server(server_context, immediate=request.param == "tls", password=b"correct horse") as server:
        yield server, request.param


def test_a_digest_is_one_mail_to_all_after_a_login_over_tls(home: Path, secure_server: tuple[MailServer, str]) -> None:
    server, security = secure_server
    login = {"username": "tieout", "password": {"environment": "MAIL_PASSWORD"}}
    told = mail(home, server, security=security, ca_file="ca.pem", **login).send(digest(PARKED, HELD))
    assert told == "127.0.0.1 took it for 2 recipients"
    assert server.logins == [(b"tieout", b"correct horse")]
    [(recipients, received)] = server.mails
    assert recipients == ["ada@example.com", "bob@example.com"]
    assert received["Subject"] == "Northlight books: 2 alerts: [error] exceptions: documents parked at stripe (northlight_us 2026-01) and 1 more"
    assert received["Auto-Submitted"] == "auto-generated"
    plain, html = received.get_body(("plain",)), received.get_body(("html",))
    assert plain is not None
    assert html is not None
    for body in (plain.get_content(), html.get_content()):
        for expected in ("JPY 1,234, USD 1,234.56", "2 documents are parked", "tieout exceptions show 17", "tryton is set to hold by ada"):
            assert expected in body


def test_the_same_news_tried_again_is_the_same_mail(home: Path) -> None:
    with mail_server() as server:
        for _ in range(2):
            mail(home, server, security="none").send(digest(PARKED))
    assert len({received["Message-ID"] for _, received in server.mails}) == 1


def test_a_server_of_another_name_or_authority_is_told_nothing(home: Path, secure_server: tuple[MailServer, str]) -> None:
    server, security = secure_server
    with pytest.raises(ChannelError, match="certificate verify failed"):
        mail(home, server, security=security).send(digest(PARKED))
    assert server.mails == []
    assert server.logins == []


def test_a_server_without_starttls_is_told_nothing(home: Path) -> None:
    with mail_server() as server, pytest.raises(ChannelError, match="STARTTLS"):
        mail(home, server).send(digest(PARKED))
    assert server.mails == []


def test_a_wrong_password_is_told_and_not_shown(home: Path, monkeypatch: pytest.MonkeyPatch, secure_server: tuple[MailServer, str]) -> None:
    server, security = secure_server
    monkeypatch.setenv("MAIL_PASSWORD", "wrong horse")
    login = {"username": "tieout", "password": {"environment": "MAIL_PASSWORD"}}
    with pytest.raises(ChannelError, match=r"does not take the user and password \(SMTP 535\)") as refused:
        mail(home, server, security=security, ca_file="ca.pem", **login).send(digest(PARKED))
    assert "horse" not in str(refused.value)


def test_a_recipient_that_is_refused_does_not_keep_the_other_from_reading(home: Path) -> None:
    with mail_server(refused=frozenset({"bob@example.com"})) as server:
        told = mail(home, server, security="none").send(digest(PARKED))
    assert told == "127.0.0.1 took it for 1 recipient, and refused bob@example.com"
    assert [recipients for recipients, _ in server.mails] == [["ada@example.com"]]


def test_a_mail_that_the_server_does_not_take_was_not_sent(home: Path) -> None:
    with mail_server() as server:
        server.answer = "451 try again later"
        with pytest.raises(ChannelError, match="451"):
            mail(home, server, security="none").send(digest(PARKED))


def test_data_makes_neither_a_header_nor_markup(home: Path) -> None:
    with mail_server() as server:
        mail(home, server, security="none").send(digest(HOSTILE))
    [(recipients, received)] = server.mails
    assert recipients == ["ada@example.com", "bob@example.com"]
    assert received["Bcc"] is None
    assert received["Subject"].startswith("Northlight books: [warning] degraded: x Bcc: thief@example.com <b>hello</b>")
    html = received.get_body(("html",))
    assert html is not None
    content = html.get_content()
    assert "<script>" not in content
    assert "<b>" not in content
    assert "&lt;script&gt;" in content


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"host": "mail.example.com", "security": "none"}, "in clear"),
        ({"ca_file": "none.pem"}, "does not exist"),
        ({"sender": "a@example.com\nBcc: b@example.com"}, "no plain address"),
        ({"recipients": []}, "at least 1 item"),
        ({"username": "tieout"}, "go together"),
    ],
)
def test_mail_that_cannot_be_sent_safely_is_no_channel(home: Path, settings: dict[str, Any], expected: str) -> None:
    with pytest.raises((ConfigurationError, ValueError), match=expected):
        mail(home, MailServer(port=25), **settings)


def test_a_digest_has_one_name_however_its_news_are_ordered() -> None:
    first, second = digest(PARKED, HELD), digest(HELD, PARKED)
    assert first.delivery == second.delivery != digest(PARKED).delivery
    assert isinstance(first, Digest)
