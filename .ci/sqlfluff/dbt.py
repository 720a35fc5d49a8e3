"""What the linter sees for `dbt`: its cross-database macros rendered for DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def concat(fields: Sequence[str]) -> str:
    return " || ".join(fields)


def date_trunc(part: str, expression: str) -> str:
    return f"date_trunc('{part}', {expression})"


def dateadd(part: str, interval: str, expression: str) -> str:
    return f"date_add({expression}, interval ({interval}) {part})"


def __getattr__(name: str) -> Callable[..., str]:
    if name.startswith("__"):
        raise AttributeError(name)
    return lambda *arguments, **named: f"{name}({', '.join(map(str, [*arguments, *named.values()]))})" if arguments or named else "varchar"
