"""Anchors: where the register stood, day by day, in a file of their own, so that a register that was changed or put back can be told from it.

Each line of the file is one JSON object that holds the hash of the line before it. A copy of the file, or one printed line, that is kept where
nobody who can write the register can reach it, vouches for everything up to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from reverse_etl.documents import canonical_json, sha256_hex
from reverse_etl.errors import RegisterError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.register import schema
from reverse_etl.register.log import FIRST_HASH, to_text
from reverse_etl.whole_files import make_durable

WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Total:
    """The documents of an entity and currency, whatever became of them: how many, and the sum of their totals in minor units."""

    entity: str
    currency: str
    documents: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """``position`` and ``head_hash`` are those of the log's last entry; ``previous`` is the hash of the anchor before it."""

    at: str
    incarnation: str
    position: int
    head_hash: str
    totals: tuple[Total, ...]
    previous: str
    hash: str

    def line(self) -> str:
        return canonical_json(asdict(self)).decode()


class AnchorFile:
    """An append-only file of anchors. A line that a crash left half written counts as never written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Anchor]:
        """Every anchor, oldest first.

        Raises:
            RegisterError: the file was changed: a line is not what its own hash, or the line after it, says.
        """
        anchors: list[Anchor] = []
        for number, line in enumerate(self._lines(), start=1):
            try:
                anchor = _load(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise RegisterError(f"{self.path}:{number} is no anchor ({error}); put the file back from its copy") from error
            if anchor.hash != _hash_of(anchor) or anchor.previous != (anchors[-1].hash if anchors else FIRST_HASH):
                raise RegisterError(
                    f"{self.path}:{number} was changed, or a line before it was removed; compare with the copy that is kept elsewhere"
                )
            anchors.append(anchor)
        return anchors

    def append(self, measured: Measured) -> Anchor:
        """Write what was measured as the next anchor, durably. The last one again, where nothing was recorded since.

        Raises:
            RegisterError: the file was changed, or another process holds it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with file_lock(self.path.with_suffix(".lock"), "an anchor", WAIT_SECONDS):
                last = next(reversed(self.read()), None)
                if last is not None and (last.position, last.head_hash) == (measured.position, measured.head_hash):
                    return last
                unsigned = Anchor(**measured.fields(), previous=FIRST_HASH if last is None else last.hash, hash="")
                anchor = replace(unsigned, hash=_hash_of(unsigned))
                self._write(anchor.line())
                return anchor
        except LockTimeoutError as error:
            raise RegisterError(f"{self.path} is held by {error.holder}; wait until it is done, then run again") from error

    def _lines(self) -> list[str]:
        if not self.path.is_file():
            return []
        whole, _, _half = self.path.read_text().rpartition("\n")
        return whole.split("\n") if whole else []

    def _write(self, line: str) -> None:
        created = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            whole = sum(len(one.encode()) + 1 for one in self._lines())
            os.ftruncate(descriptor, whole)
            os.pwrite(descriptor, f"{line}\n".encode(), whole)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if created:
            make_durable(self.path.parent)


@dataclass(frozen=True, slots=True)
class Measured:
    """Where a register stands: what an anchor is made of."""

    at: str
    incarnation: str
    position: int
    head_hash: str
    totals: tuple[Total, ...]

    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def measure(connection: Connection, now: datetime) -> Measured:
    head = connection.execute(select(schema.register)).one()
    return Measured(to_text(now), head.incarnation, head.position, head.head_hash, totals_at(connection, head.position))


def totals_at(connection: Connection, position: int) -> tuple[Total, ...]:
    """What was sealed up to a position."""
    document = schema.documents
    keys = (document.c.entity, document.c.currency)
    statement = select(*keys, func.count().label("documents"), func.sum(document.c.total_minor).label("total_minor"))
    rows = connection.execute(statement.where(document.c.position <= position).group_by(*keys))
    totals = [Total(row.entity, row.currency, row.documents, int(row.total_minor)) for row in rows]
    return tuple(sorted(totals, key=lambda total: (total.entity, total.currency)))


def _load(content: dict[str, Any]) -> Anchor:
    totals: Sequence[dict[str, Any]] = content["totals"]
    return Anchor(**content | {"totals": tuple(Total(**total) for total in totals)})


def _hash_of(anchor: Anchor) -> str:
    content = asdict(anchor)
    del content["hash"]
    return sha256_hex(canonical_json(content))
