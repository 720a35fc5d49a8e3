"""What a person must look at, until it is settled."""

from __future__ import annotations

from collections.abc import Sequence

from reverse_etl.register import exceptions
from reverse_etl.register.access.transactions import Transactions
from reverse_etl.register.records.exceptions import ExceptionRecord, NewException


class Exceptions(Transactions):
    """Exceptions by kind and subject; one of each is open at most."""

    def record_exception(self, exception: NewException, actor: str = "tieout", correlation_id: str = "") -> bool:
        """Open an exception; False when one of the same kind and subject is open already."""
        return self.record_exceptions([exception], actor, correlation_id) == 1

    def record_exceptions(self, entries: Sequence[NewException], actor: str = "tieout", correlation_id: str = "") -> int:
        """Open many at once; returns how many are new."""
        if not entries:
            return 0
        with self._writing(actor, correlation_id) as writer:
            return exceptions.record(writer, entries)

    def exceptions(self, state: str | None = "open") -> list[ExceptionRecord]:
        """Exceptions by position; ``state``: open, resolved or None for all."""
        with self._reading() as connection:
            return exceptions.listed(connection, state)

    def resolve_exception(self, position: int, resolution: str, actor: str) -> None:
        with self._writing(actor) as writer:
            exceptions.resolve(writer, position, resolution)

    def resolve_exceptions(self, kinds: Sequence[str], subjects: Sequence[str], resolution: str, actor: str = "tieout") -> int:
        """Close every open exception of these kinds and subjects; returns how many there were."""
        with self._writing(actor) as writer:
            return exceptions.resolve_open(writer, kinds, subjects, resolution)
