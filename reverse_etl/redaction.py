"""What must not leave by a log line or an event: secrets of the installation, and what is of a person."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reverse_etl.settings import Settings

WITHHELD = frozenset({"personal", "prohibited"})
"""The sensitivity of documents whose details are not told: what a destination says of one may quote it."""
MASK = "***"
SHORTEST_SECRET = 8
_PATTERNS = (
    # What looks like a secret, whoever it belongs to.
    re.compile(r"(?i)\b(?:bearer|basic|oauth)\s+[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"\b(?:sk|rk|pk|whsec)_(?:live|test)?_?[A-Za-z0-9]{8,}"),
    re.compile(r"(?i)\b(?:password|secret|token|api[_-]?key|authorization)[\"']?\s*[=:]\s*[\"']?[^\s\"',;&]{4,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    # What is of a person, or of an account: addresses, card numbers, bank accounts.
    re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"),
    re.compile(r"\b(?:\d[ -]?){12,18}\d\b(?=[^\d]|$)"),
    re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
)


class Redaction:
    """``secrets``: whatever form they have, they are masked."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(MASK, text)
        for pattern in _PATTERNS:
            text = pattern.sub(MASK, text)
        return text


def redaction_of(settings: Settings) -> Redaction:
    """With every secret of the installation that is there now."""
    secrets = [os.environ.get(settings.open_lineage.key_environment, "")]
    for name, destination in settings.destinations.items():
        sources = [settings.secret_source(name, one) for one in ("secret", *destination.secrets, "client_secret", "refresh_token", "token_secret")]
        for source in sources:
            secrets.append(os.environ.get(source.environment or "", "").strip())
            path = settings.home / source.file if source.file else None
            if path is not None and path.is_file():
                secrets.append(path.read_text(errors="replace").strip())
    return Redaction(secrets)
