"""The faults that the stand-in knows (how they are ordered: ``reverse_etl.sandbox.faults``):

- ``accept_then_500``: executes, then answers 500; the request id replays the success
- ``fail_with_500``: answers 500 without executing
- ``accept_then_drop``: executes, then closes the connection without an answer
- ``accept_then_truncate``: executes, then closes the connection in the middle of the body
- ``accept_then_bad_gateway``: executes, then answers 502 with a page of HTML
- ``accept_then_gateway_timeout``: executes, then answers 504 as the gateway does after 120 seconds
- ``drop``: closes the connection without executing
- ``delay``: waits ``seconds`` before executing
- ``rate_limited``: answers 429 as the limits do, with ``Retry-After`` if ``retry_after`` is given
- ``unavailable``: answers 503 without executing, with ``Retry-After`` if ``retry_after`` is given
- ``refuse``: refuses the whole request with 2010, without executing
- ``unauthorized``: answers 401 without executing
- ``omit_last``: executes, then leaves the last item out of a batch's answer
- ``reverse_order``: executes, then answers with the items of a batch in reverse order
"""

from __future__ import annotations

from typing import Literal

from reverse_etl.sandbox import faults


class Fault(faults.Fault):
    kind: Literal[
        "accept_then_500",
        "fail_with_500",
        "accept_then_drop",
        "accept_then_truncate",
        "accept_then_bad_gateway",
        "accept_then_gateway_timeout",
        "drop",
        "delay",
        "rate_limited",
        "unavailable",
        "refuse",
        "unauthorized",
        "omit_last",
        "reverse_order",
    ]
