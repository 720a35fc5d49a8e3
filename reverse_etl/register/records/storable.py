"""Text that every database takes."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def storable(text: str) -> str:
    """Text as every database stores it: what a server answers may hold NUL or half a character."""
    if "\0" not in text and text.isascii():
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def make_storable(record: DataclassInstance) -> None:
    """Make every text of a frozen record storable, in place: for its ``__post_init__``."""
    for field in fields(record):
        value = getattr(record, field.name)
        if type(value) is str:
            object.__setattr__(record, field.name, storable(value))
