"""A digest as one signed JSON document (docs/alerts.md, docs/alerts.schema.json)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import SecretStr

from reverse_etl.alerting.channels.posting import post, told
from reverse_etl.alerting.digest import Digest
from reverse_etl.transport import Transport, write_json

SIGNATURE_HEADER = "Tieout-Signature"
DELIVERY_HEADER = "Idempotency-Key"


class Webhook:
    def __init__(
        self,
        transport: Transport,
        url: str,
        signing_secret: SecretStr,
        deadline_seconds: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._transport = transport
        self._url = url
        self._signing_secret = signing_secret
        self._deadline = deadline_seconds
        self._clock = clock

    def send(self, digest: Digest) -> str:
        body = write_json(digest.to_record())
        signature = signature_of(self._signing_secret.get_secret_value(), body, int(self._clock().timestamp()))
        headers = {SIGNATURE_HEADER: signature, DELIVERY_HEADER: digest.delivery}
        return told(post(self._transport, self._url, body, headers, self._deadline), self._url)


def signature_of(secret: str, body: bytes, timestamp: int) -> str:
    """``t=<seconds>,v1=<hexadecimal HMAC-SHA256 of "<seconds>.<body>">``: the time is signed too, so that nobody can send an old one again."""
    digest = hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={digest.hex()}"
