"""The faults that the stand-in knows (how they are ordered: ``reverse_etl.sandbox.faults``):

- ``accept_then_500``: executes, then answers 500, which the key stores and replays
- ``fail_with_500``: answers 500 without executing; the key stores and replays it
- ``accept_then_drop``: executes, then closes the connection without an answer
- ``accept_then_truncate``: executes, then closes the connection in the middle of the body
- ``accept_then_bad_gateway``: executes, then answers 502 with a page of HTML
- ``drop``: closes the connection without executing
- ``delay``: waits ``seconds`` before executing, with the key in use
- ``rate_limited``: answers 429, with ``Retry-After`` if ``retry_after`` is given
- ``lock_timeout``: answers 429 ``lock_timeout``
- ``unavailable``: answers 503 without executing
- ``refuse``: answers 402 without executing, stored under the key
"""

from __future__ import annotations

from typing import Literal

from reverse_etl.sandbox import faults

FaultKind = Literal[
    "accept_then_500",
    "fail_with_500",
    "accept_then_drop",
    "accept_then_truncate",
    "accept_then_bad_gateway",
    "drop",
    "delay",
    "rate_limited",
    "lock_timeout",
    "unavailable",
    "refuse",
]


class Fault(faults.Fault):
    kind: FaultKind
