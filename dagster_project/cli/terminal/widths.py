"""How wide the columns of a table are where it is wider than the terminal. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

LONGEST_WORD = 40


def widths(columns: Sequence[Sequence[str]], fixed: Sequence[bool], available: int) -> list[int]:
    """Of columns of cells, the heading first, in characters; of those that are ``fixed`` the heading alone is folded. Their sum is at most
    ``available``, where that is one character for each.

    No word is broken while there is room for it whole. What is left then goes to the columns in proportion to their text, so that the one that
    says most is not the one that is folded most.
    """
    natural = [_longest(cells, str.splitlines) for cells in columns]
    if sum(natural) <= available:
        return natural
    found = [
        max(_longest(cells[:1], str.split), _longest(cells[1:], str.splitlines)) if is_fixed else min(LONGEST_WORD, _longest(cells, str.split))
        for cells, is_fixed in zip(columns, fixed, strict=True)
    ]
    if sum(found) > available:
        return _levelled(found, available)
    text = [1 + sum(map(len, cells[1:])) for cells in columns]
    while spare := available - sum(found):
        growing = [index for index, width in enumerate(found) if width < natural[index]]
        total = sum(text[index] for index in growing)
        for index in growing:
            # At least one character, so that this ends.
            share = max(1, spare * text[index] // total)
            found[index] += min(share, natural[index] - found[index], available - sum(found))
    return found


def _longest(cells: Sequence[str], parts: Callable[[str], list[str]]) -> int:
    return max((len(part) for cell in cells for part in parts(cell)), default=0)


def _levelled(found: Sequence[int], available: int) -> list[int]:
    """The widest are cut to one width."""
    level = max(found)
    while level > 1 and sum(min(width, level) for width in found) > available:
        level -= 1
    return [min(width, level) for width in found]
