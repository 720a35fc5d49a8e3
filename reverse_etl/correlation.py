"""What this code works for: the run or command, and the entity, period, destination and document. Requests, log lines and register rows carry it.

It is in a context variable, so that it need not be an argument of everything in between. A thread of a pool has a context of its own: what is handed
to one goes through ``in_this_context``.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Correlation:
    """``correlation_id``: the id of the Dagster run, or of the command; empty where nobody has given one. ``document``: its reference."""

    correlation_id: str = ""
    entity: str | None = None
    period: str | None = None
    destination: str | None = None
    document: str | None = None


_NOTHING = Correlation()
_CURRENT: contextvars.ContextVar[Correlation] = contextvars.ContextVar("tieout_correlation", default=_NOTHING)


def current() -> Correlation:
    return _CURRENT.get()


@contextmanager
def correlated(
    correlation_id: str | None = None,
    *,
    entity: str | None = None,
    period: str | None = None,
    destination: str | None = None,
    document: str | None = None,
) -> Iterator[Correlation]:
    """What is done within is done for this; what is not given stays as it is outside."""
    outside = _CURRENT.get()
    given = {"correlation_id": correlation_id, "entity": entity, "period": period, "destination": destination, "document": document}
    inside = replace(outside, **{name: value for name, value in given.items() if value})
    _CURRENT.set(inside)
    try:
        yield inside
    finally:
        # Not by a token: a generator that is closed late may be closed in another context, which knows none of this one.
        _CURRENT.set(outside)


def in_this_context(work: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The work as another thread does it for the same."""
    context = contextvars.copy_context()

    def perform(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        return context.run(work, *arguments, **options)

    return perform
