"""A lane is delivered in bounded chunks; what one depends on may be in another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from posting_books import Destination
from posting_system import CLASS_A, CLASS_B, ENTITY, HASTY_B, SYSTEM, customer, entry, seal

from reverse_etl.documents import State
from reverse_etl.posting.book import DeliveryBook
from reverse_etl.posting.lane_delivery import LaneDelivery, positions_of
from reverse_etl.posting.pacing import Pace, limits_of
from reverse_etl.register.access.transactions import utc_now

Start = Callable[..., Destination]


def deliver(books: Destination, tmp_path: Path, chunk: int, *, period: str | None = None, patience: float = 20.0) -> LaneDelivery:
    register, system = books.register, books.system
    pace = Pace(tmp_path / "pacing", SYSTEM, limits_of(system.manifest))
    book = DeliveryBook(register, register.claim_lane(SYSTEM, ENTITY, "specification"), "")
    delivery = LaneDelivery(register, system, pace, book, clock=utc_now, patience=patience, chunk=chunk)
    delivery.deliver(positions_of(register, system.manifest, ENTITY, period, None), with_dependencies=period is not None)
    pace.close()
    return delivery


@pytest.mark.parametrize("manifest", [CLASS_A, HASTY_B])
def test_every_document_is_delivered_once_whatever_the_chunks(start: Start, tmp_path: Path, manifest: object) -> None:
    books = start(manifest)
    register = books.register
    seal(register, *(entry(register, f"J{number}", depends_on=[f"C{number}"]) for number in range(20)))
    seal(register, *(customer(register, f"C{number}") for number in range(20)))
    books.order("accept_then_500", times=3)
    books.order("accept_then_drop", times=2)

    delivery = deliver(books, tmp_path, 7)

    books.assert_everything_is_there_exactly_once()
    assert delivery.tally.became[State.VERIFIED] == delivery.tally.became[State.POSTED] == 40
    assert delivery.tally.standing(*State) == 40


def test_what_a_chunk_depends_on_goes_with_it(start: Start, tmp_path: Path) -> None:
    books = start(CLASS_B)
    register = books.register
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}") for number in range(5)))
    seal(register, *(entry(register, f"K{number}", depends_on=["C1"], period="2026-02") for number in range(5)))

    delivery = deliver(books, tmp_path, 2, period="2026-02")

    assert {name for name, state in books.states().items() if state is State.VERIFIED} == {"C1", *(f"K{number}" for number in range(5))}
    assert delivery.tally.standing(*State) == 6


def test_a_destination_that_goes_down_is_not_asked_for_the_chunks_that_are_left(start: Start, tmp_path: Path) -> None:
    books = start(CLASS_A)
    register = books.register
    seal(register, *(entry(register, f"J{number}") for number in range(60)))
    books.order("busy", times=1000)

    delivery = deliver(books, tmp_path, 10, patience=0.0)

    assert delivery.problem is not None
    assert delivery.tally.standing(State.PENDING) == 60
    assert books.books()["requests"] <= 35
