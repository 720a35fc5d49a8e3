"""Asking a stand-in as fast as this machine can until its rate refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

MOST_REQUESTS = 2_000


@dataclass(frozen=True)
class Limited:
    """``admitted``: how many requests were, within ``seconds``, before the one that was refused."""

    admitted: int
    seconds: float
    refused: httpx.Response

    def most(self, rate: float) -> float:
        """What a bucket of a second's worth may have let through meanwhile."""
        return rate + rate * self.seconds


def ask_until_limited(ask: Callable[[], httpx.Response]) -> Limited:
    began = time.monotonic()
    for admitted in range(MOST_REQUESTS):
        answer = ask()
        if answer.status_code == 429:
            return Limited(admitted, time.monotonic() - began, answer)
        assert answer.status_code == 200, answer.text
    raise AssertionError(f"{MOST_REQUESTS} requests and no limit")
