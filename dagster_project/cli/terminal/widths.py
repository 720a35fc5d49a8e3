"""How wide the columns of a table are where it is wider than the terminal. Pure; widths are in characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LONGEST_WORD = 40
NARROWEST = 36
"""Where words have to be broken to less than this (a UUID), a record takes several lines instead."""


def widths(columns: Sequence[Sequence[str]], fixed: Sequence[bool], available: int) -> list[int] | None:
    """Of columns of cells, the heading first; of those that are ``fixed`` the heading alone is folded. Their sum is at most ``available``; none where
    that would break numbers, or words to pieces.

    No word is broken while there is room for it whole. What is left then goes to the columns in proportion to their text, so that the one that
    says most is not the one that is folded most.
    """
    natural = [_longest(cells, str.splitlines) for cells in columns]
    if sum(natural) <= available:
        return natural
    found = [_least(cells, is_fixed) for cells, is_fixed in zip(columns, fixed, strict=True)]
    if sum(found) > available:
        return _levelled(found, fixed, available)
    text = [1 + sum(map(len, cells[1:])) for cells in columns]
    while spare := available - sum(found):
        growing = [index for index, width in enumerate(found) if width < natural[index]]
        total = sum(text[index] for index in growing)
        for index in growing:
            # At least one character, so that this ends.
            share = max(1, spare * text[index] // total)
            found[index] += min(share, natural[index] - found[index], available - sum(found))
    return found


def bands(columns: Sequence[Sequence[str]], fixed: Sequence[bool], available: int, gap: int) -> list[list[tuple[int, int]]]:
    """The columns in lines that are at most ``available`` wide with a ``gap`` between two of them: (index of the column, width) of each."""
    lines: list[list[tuple[int, int]]] = []
    left = 0
    for index, (cells, is_fixed) in enumerate(zip(columns, fixed, strict=True)):
        natural = _longest(cells, str.splitlines)
        width = min(available, natural if is_fixed else max(_longest(cells, str.split), min(natural, LONGEST_WORD)))
        if not lines or left < width + gap:
            lines.append([])
            left = available + gap
        lines[-1].append((index, width))
        left -= width + gap
    return lines


def _least(cells: Sequence[str], is_fixed: bool) -> int:
    if is_fixed:
        return max(_longest(cells[:1], str.split), _longest(cells[1:], str.splitlines))
    return min(LONGEST_WORD, _longest(cells, str.split))


def _longest(cells: Sequence[str], parts: Callable[[str], list[str]]) -> int:
    return max((len(part) for cell in cells for part in parts(cell)), default=0)


def _levelled(found: Sequence[int], fixed: Sequence[bool], available: int) -> list[int] | None:
    """The widest that are not fixed are cut to one width."""
    for level in range(max(found), NARROWEST - 1, -1):
        cut = [width if is_fixed else min(width, level) for width, is_fixed in zip(found, fixed, strict=True)]
        if sum(cut) <= available:
            return cut
    return None
