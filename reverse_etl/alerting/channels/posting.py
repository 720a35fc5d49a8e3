"""One JSON body to one URL, through the same safe exchange as every destination: one deadline, addresses judged, no redirects."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from reverse_etl.alerting.channels.contract import ChannelError
from reverse_etl.crash_points import only_reading
from reverse_etl.errors import ConfigurationError
from reverse_etl.transport import Answer, Request, Transport, retry_after
from reverse_etl.transport.addresses import is_loopback_host

LARGEST_ANSWER_BYTES = 64 * 1024


def checked_address(url: str, whose: str, *, plain_http: bool) -> str:
    """The URL that a message goes to; unlike that of a destination it may have a query.

    Raises:
        ConfigurationError: it is none that something confidential may be sent to. The message does not repeat it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{whose}: its url is none: {error}") from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or parts.fragment:
        raise ConfigurationError(f"{whose}: its url is none that can be posted to; it looks like https://host/path")
    if parts.scheme != "https" and not plain_http and not is_loopback_host(host):
        raise ConfigurationError(f"{whose}: its url would send alerts in clear; use https, or set network.allow_plain_http")
    return url


def post(transport: Transport, url: str, body: bytes, headers: Mapping[str, str], deadline_seconds: float) -> Answer:
    """Raises ``ChannelError`` for anything but an answer of 2xx."""
    secret_target = url.partition(urlsplit(url).netloc)[2]
    request = Request("POST", url, {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", **headers}, body)
    # It posts no document: the crash points are of those that do.
    with only_reading():
        outcome = transport.exchange(request, time.monotonic() + deadline_seconds)
    if not isinstance(outcome, Answer):
        raise ChannelError(_without(outcome.reason, secret_target))
    if not 200 <= outcome.status < 300:
        moved = " (redirects are not followed: correct the url)" if 300 <= outcome.status < 400 else ""
        raise ChannelError(_without(f"{outcome.shown()}{moved}", secret_target), retry_after(outcome.headers))
    return outcome


def told(answer: Answer, url: str) -> str:
    """What came back, without the part of the URL that may be a secret."""
    return _without(answer.shown(), url.partition(urlsplit(url).netloc)[2])


def _without(text: str, secret_target: str) -> str:
    return text.replace(secret_target, "/***") if len(secret_target) > 1 else text
