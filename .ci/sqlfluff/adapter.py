"""What the linter sees for `adapter`: a dispatched macro renders as a function call, so that no database is needed."""

from __future__ import annotations

from collections.abc import Callable


def dispatch(name: str, package: str | None = None) -> Callable[..., str]:
    """A stand-in for the dispatched macro; without arguments it is a type. Further arguments need not be SQL (a
    pattern, a member), so one is shown."""
    return lambda *arguments: f"{name}({arguments[0]})" if arguments else "varchar"
