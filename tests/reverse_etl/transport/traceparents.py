"""What a header ``traceparent`` may be (W3C Trace Context, version 00)."""

from __future__ import annotations

import re

_VALID = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def is_valid(header: str | None) -> bool:
    return header is not None and _VALID.fullmatch(header) is not None
