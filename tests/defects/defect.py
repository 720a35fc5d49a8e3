"""What a seeded defect is: a rule that is broken on purpose, where, and the one control that must say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from company import Deliveries

from dagster_project.close import Installation
from reverse_etl.documents import OutboxRow

if TYPE_CHECKING:
    from closing import Close

Records = list[tuple[str, dict[str, Any]]]
"""What a destination hands over when it is read back: (relation, record) pairs."""


@dataclass(frozen=True, order=True)
class Finding:
    """``control``: a checkpoint, a test, or the relation or part that refuses; ``detail``: its measure, reason, rule or code."""

    control: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.control} ({self.detail})" if self.detail else self.control


@dataclass(frozen=True)
class Defect:
    """A defect of a legal entity of its own, planted at one or more steps of a close.

    ``rule``: what it breaks, in a sentence. ``caught_by``: the finding that must name it. ``implies``: what cannot but be found beside that.
    """

    rule: str
    caught_by: Finding
    implies: tuple[Finding, ...] = ()
    deliver: Callable[[Deliveries], None] | None = None
    """Changes what is delivered before the first documents are issued."""
    issue: Callable[[list[OutboxRow]], list[OutboxRow]] | None = None
    """Changes the invoices between the warehouse and the register. They are issued last of all, for the next step would correct them."""
    after_issue: Callable[[Installation, str], None] | None = None
    """Does something to the installation, for the legal entity, once the first documents are issued."""
    deliver_late: Callable[[Deliveries], None] | None = None
    """Changes what is delivered once they are issued: late usage of one customer, a correction of the other."""
    issue_late: Callable[[list[OutboxRow]], list[OutboxRow]] | None = None
    """Changes the late invoice and the credit memo that follow from it."""
    before_posting: Callable[[Installation, str], None] | None = None
    """Does something to the installation once all invoices and credit memos are issued."""
    post: Callable[[list[OutboxRow]], list[OutboxRow]] | None = None
    """Changes the journal entries between the warehouse and the register."""
    tamper: Callable[[str], str] | None = None
    """A statement on the warehouse, for the legal entity that it gets, once all is sealed."""
    read_back: Callable[[Records], Records] | None = None
    """Changes what the destinations hold."""

    @property
    def expected(self) -> set[Finding]:
        return {self.caught_by, *self.implies}


@dataclass(frozen=True)
class RegisterDefect:
    """A defect of the register, on a copy of the one that was closed.

    ``tamper``: a statement on its file behind the register's back. ``propose``: rows that it must refuse to seal.
    """

    rule: str
    caught_by: Finding
    implies: tuple[Finding, ...] = ()
    tamper: str | None = None
    propose: Callable[[Close], Sequence[OutboxRow]] | None = None

    @property
    def expected(self) -> set[Finding]:
        return {self.caught_by, *self.implies}


@dataclass(frozen=True)
class MirrorDefect:
    """A defect of the register's mirror as a whole, on a copy of the warehouse that was closed: the next run reads it. ``tamper``: a statement."""

    rule: str
    caught_by: Finding
    implies: tuple[Finding, ...] = ()
    tamper: str | None = None

    @property
    def expected(self) -> set[Finding]:
        return {self.caught_by, *self.implies}


@dataclass(frozen=True)
class Seeded:
    """A defect with the name of its file, which is the legal entity that it is planted in, and the folder, which says where it is planted."""

    name: str
    place: str
    path: Path
    defect: Defect | RegisterDefect | MirrorDefect
