"""Faults on demand, ordered over ``/_faults``: POST one or a list, GET shows them with their hits, DELETE forgets them.

A fault is ``{"kind": ..., "method": "POST", "path": "<regular expression>", "on": 1, "times": 1, "seconds": 0, "retry_after": null}``: it strikes
the ``on``-th matching request and the ``times - 1`` matching ones after it. Kinds:

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

import re
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

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
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


class Fault(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    method: Literal["GET", "POST", "DELETE"] | None = "POST"
    path: str = "."
    on: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0, le=600)
    retry_after: int | None = None
    seen: int = 0
    hits: int = 0

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class Faults:
    def __init__(self) -> None:
        self.ordered: list[Fault] = []

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, if any; the first ordered wins."""
        struck = None
        for fault in self.ordered:
            if (fault.method is not None and fault.method != method) or not re.search(fault.path, path):
                continue
            fault.seen += 1
            if struck is None and fault.on <= fault.seen < fault.on + fault.times:
                fault.hits += 1
                struck = fault
        return struck
