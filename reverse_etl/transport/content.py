"""What travels: answers, JSON without binary floating point, and how long a server asks to wait. Pure and total."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from json.encoder import encode_basestring
from typing import Any

LONGEST_RETRY_AFTER_SECONDS = 86_400.0
SHOWN_BODY_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: header names in lower case, the body as it was meant (without a content encoding)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def content(self) -> Any:
        """The JSON value of the body with exact numbers; None if it is not JSON."""
        return read_json(self.body)

    def shown(self) -> str:
        """Status and the beginning of the body on one line, for reasons that people read."""
        words = " ".join(self.body[: SHOWN_BODY_CHARACTERS * 4].decode("utf-8", errors="replace").split())
        return f"HTTP {self.status}{': ' if words else ''}{words[:SHOWN_BODY_CHARACTERS]}"


def read_json(body: bytes) -> Any:
    """The value of a JSON text, numbers with a fraction or exponent as ``Decimal``; None if it is not JSON (NaN and Infinity are not)."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError, ArithmeticError):
        return None


def write_json(value: Any) -> bytes:
    """JSON text in which a ``Decimal`` is a number with exactly its digits.

    Raises:
        TypeError: the value holds something that JSON cannot carry exactly, such as a float.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts).encode()


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that the server asks to wait; None where it does not say. A date counts from the server's own clock where it tells the time."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.replace(".", "", 1).isdigit():
        seconds = float(value) if len(value) < 20 else math.inf
    else:
        until, since = _http_date(value), _http_date(headers.get("date", "")) or now or datetime.now(UTC)
        if until is None:
            return None
        seconds = (until - since).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def decoded(body: bytes, encoding: str, most: int) -> bytes:
    """A body without its content encoding (gzip or deflate), of at most ``most`` bytes.

    Raises:
        ValueError: it cannot be decoded, or is larger.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise ValueError(f"the answer is encoded as {encoding!r}, which was not asked for")
    decoder = zlib.decompressobj(wbits=47)
    try:
        content = decoder.decompress(body, most + 1)
    except zlib.error as error:
        raise ValueError(f"the answer is not encoded as {encoding}: {error}") from error
    if len(content) > most or not decoder.eof:
        raise ValueError("the answer is too large or cut off")
    return content


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _write(value: Any, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(encode_basestring(value))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        parts.append(str(int(value)))
    elif isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value} is no number of JSON")
        parts.append(format(value, "f"))
    elif isinstance(value, Mapping):
        parts.append("{")
        for number, (name, item) in enumerate(value.items()):
            if not isinstance(name, str):
                raise TypeError(f"member name {name!r} is no text")
            parts.append(f"{',' if number else ''}{encode_basestring(name)}:")
            _write(item, parts)
        parts.append("}")
    elif isinstance(value, list | tuple):
        parts.append("[")
        for number, item in enumerate(value):
            if number:
                parts.append(",")
            _write(item, parts)
        parts.append("]")
    else:
        raise TypeError(f"{type(value).__name__} is not exact in JSON")
