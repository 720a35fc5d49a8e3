"""The faults that the stand-in knows (how they are ordered: ``reverse_etl.sandbox.faults``):

- ``accept_then_500``: executes, then answers 500
- ``fail_with_500``: answers 500 without executing
- ``accept_then_drop``: executes, then closes the connection without an answer
- ``accept_then_truncate``: executes, then closes the connection in the middle of the answer
- ``accept_then_bad_gateway``: executes, then answers 502 with a page of HTML
- ``drop``: closes the connection without executing
- ``delay``: waits ``seconds`` before executing
- ``concurrency``: answers 429, with ``Retry-After`` if ``retry_after`` is given
- ``unavailable``: answers 503 without executing, with ``Retry-After`` if ``retry_after`` is given
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
    "concurrency",
    "unavailable",
]


class Fault(faults.Fault):
    kind: FaultKind
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = "PUT"
