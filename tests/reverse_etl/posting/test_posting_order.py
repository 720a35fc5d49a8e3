"""Which documents of a lane go next."""

from __future__ import annotations

from datetime import date

from reverse_etl.documents import SealedDocument
from reverse_etl.posting.protocol.ready import Ready, Tracked
from reverse_etl.register import Delivery


def tracked(position: int, kind: str, period: str = "2026-01", completed: tuple[str, ...] = ()) -> Tracked:
    day = date.fromisoformat(f"{period}-28")
    document = SealedDocument(
        *(position, "books", "entity", kind, f"D{position}", f"key{position}", 1, "create", None, day, day, period, "USD"),
        *(0, (), "internal", "rating", "hash", {}, "run"),
    )
    return Tracked(document, Delivery(position, completed=completed), calls=("create", "complete"))


def names(ready: Ready, requests: int, size: int = 1) -> list[tuple[str, str]]:
    return [(item.document.document_type, item.document.period) for item in ready.take(requests, size)]


def test_document_types_take_turns_however_many_there_are_of_one() -> None:
    ready = Ready()
    for position in range(1, 7):
        ready.add(tracked(position, "customer"), "create")
    ready.add(tracked(7, "journal_entry"), "create")

    assert [kind for kind, _ in names(ready, 3)] == ["customer", "journal_entry", "customer"]


def test_periods_share_the_batches_of_a_type() -> None:
    ready = Ready()
    for position in range(1, 6):
        ready.add(tracked(position, "journal_entry"), "create")
    ready.add(tracked(6, "journal_entry", "2026-02"), "create")

    assert [period for _, period in names(ready, 1, size=3)] == ["2026-01", "2026-02", "2026-01"]
    assert len(names(ready, 9, size=3)) == 3
    assert not ready


def test_what_has_begun_is_finished_before_anything_new_begins() -> None:
    ready = Ready()
    ready.add(tracked(1, "customer"), "create")
    ready.add(tracked(2, "journal_entry", completed=("create",)), "complete")

    assert [kind for kind, _ in names(ready, 2)] == ["journal_entry", "customer"]
