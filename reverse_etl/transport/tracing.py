"""W3C Trace Context (https://www.w3.org/TR/trace-context/, version 00): the header ``traceparent`` of every request.

The trace is the run or command; a log of the destination that keeps the header so leads to the run, and a run to the destination's own log. It is a
header alone: bodies, idempotency keys and signatures do not depend on it.
"""

from __future__ import annotations

import contextvars
import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from reverse_etl.correlation import current

if TYPE_CHECKING:
    from reverse_etl.systems.contract import Call

TRACEPARENT = "traceparent"
VERSION, SAMPLED = "00", "01"
_SPAN: contextvars.ContextVar[str | None] = contextvars.ContextVar("tieout_span", default=None)


def trace_id(correlation_id: str) -> str:
    """32 hex digits: those of a UUID, or the beginning of the SHA-256 of any other correlation id. Pure."""
    try:
        digits = UUID(correlation_id).hex
    except ValueError:
        digits = hashlib.sha256(correlation_id.encode()).hexdigest()[:32]
    return digits if digits.strip("0") else "0" * 31 + "1"


def span_id(correlation_id: str, attempts: Iterable[tuple[str, int]]) -> str:
    """16 hex digits of the sending of these attempts, the same whoever computes them again from the register. Pure.

    ``attempts``: idempotency key and position of each write-ahead, in the order of their sending.
    """
    written = "\n".join(f"{key} {position}" for key, position in attempts)
    digits = hashlib.sha256(f"{trace_id(correlation_id)}\n{written}".encode()).hexdigest()[:16]
    return digits if digits.strip("0") else "0" * 15 + "1"


def traceparent() -> str:
    """The header of the next request: of the current run or command, else of a trace of its own; of the call that is being sent, else a span of its
    own."""
    correlation_id = current().correlation_id
    trace = trace_id(correlation_id) if correlation_id else trace_id(secrets.token_hex(16))
    return f"{VERSION}-{trace}-{_SPAN.get() or secrets.token_hex(8)}-{SAMPLED}"


@contextmanager
def sending(calls: Sequence[Call]) -> Iterator[None]:
    """Every request within belongs to these calls: the one that posts them, and what had to be asked before (a session, a token, a version)."""
    outside = _SPAN.get()
    _SPAN.set(span_id(current().correlation_id, ((call.idempotency_key, call.position) for call in calls)))
    try:
        yield
    finally:
        _SPAN.set(outside)
