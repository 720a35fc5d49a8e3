"""What every channel can do."""

from __future__ import annotations

from typing import Protocol

from reverse_etl.alerting.digest import Digest
from reverse_etl.errors import TieoutError


class ChannelError(TieoutError):
    """A message did not arrive, or nobody knows whether it did. ``retry_after``: seconds that the receiver asks to wait."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Channel(Protocol):
    def send(self, digest: Digest) -> str:
        """Send one message; what came back, in a few words.

        Raises:
            ChannelError: it was refused, or there was no answer in time; the message holds no secret.
        """
        ...
